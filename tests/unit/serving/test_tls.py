"""HTTPS by a certificate's files."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.serving.tls import Tls
from pulse_blocks.settings import Workspace
from tests.required import need_programs
from tests.served_models import RECORD, runtime, train_and_promote


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Certificates for 127.0.0.1 that sign themselves, and their keys."""
    need_programs("openssl", package="apt-get install openssl")
    folder = tmp_path_factory.mktemp("tls")
    for name in ("one", "other"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
             "2", "-subj", "/CN=pulse", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
             f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem"],
            check=True, capture_output=True,
        )  # fmt: skip
    subprocess.run(
        ["openssl", "ec", "-aes256", "-passout", "pass:secret", "-in", f"{folder}/one.key", "-out",
         f"{folder}/locked.key"],
        check=True, capture_output=True,
    )  # fmt: skip
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("workers", [1, 2])
def test_predictions_over_https(workspace: Workspace, files: dict[str, Path], workers: int) -> None:
    """By TLS 1.2 or newer, and not in the clear on the same port."""
    train_and_promote(workspace)
    tls = {"certificate": str(files["one.pem"]), "key": str(files["one.key"])}
    trust = ssl.create_default_context(cafile=str(files["one.pem"]))
    with runtime(workspace, "parcels", workers=workers, tls=tls) as (url, _):
        assert url.startswith("https://127.0.0.1:")
        with httpx.Client(base_url=url, verify=trust) as client:
            assert "probability" in client.post("/predict/parcels", json=RECORD).raise_for_status().json()
        with pytest.raises(httpx.TransportError):
            httpx.get(url.replace("https", "http") + "/healthz")
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(files["one.pem"])
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url}/healthz", verify=old)


@pytest.mark.parametrize(
    ("certificate", "key"),
    [("one.pem", "other.key"), ("one.key", "one.pem"), ("one.pem", "locked.key"), ("one.pem", "missing.key")],
)
def test_files_that_do_not_fit_are_told(files: dict[str, Path], certificate: str, key: str) -> None:
    """Before anything listens, in a sentence, without asking the terminal for a password."""
    folder = files["one.pem"].parent
    with pytest.raises(PulseError) as error:
        Tls(folder / certificate, folder / key).check()
    assert error.value.code == "serving.tls"
    assert str(folder) in error.value.message
