"""Secrets that are planted where a user may put them are found nowhere that Pulse writes."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.cli import main
from pulse_blocks.errors import PulseError
from pulse_blocks.settings import FILE
from pulse_blocks.stores import open_store
from tests import six_stages
from tests.ceph_server import KEY, SECRET, S3Server
from tests.planted import copy_parcels, holding, searched
from tests.postgres_server import PostgresServer
from tests.tiny_project import make_project

PLANTED = "planted-Pa55word"


@pytest.mark.xdist_group("s3")
def test_planted_secrets_are_found_nowhere(
    s3: S3Server,
    postgres_server: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A password in a datasource's URL and the keys of S3: not in manifests, logs, ledger, MLflow, store."""
    folder = make_project(tmp_path / "project")
    postgres = postgres_server.new_database()
    url = with_password(postgres)
    copy_parcels(folder / ".pulse" / "parcels.db", postgres)
    (folder / ".pulse" / FILE).write_text(
        f'store = "s3://{s3.bucket()}/x"\n[datasources.parcels]\nurl = "{url}"\n', encoding="utf-8"
    )
    monkeypatch.setenv("PULSE_ROOT", str(folder))
    monkeypatch.setenv("PARCELS_PASSWORD", PLANTED)
    monkeypatch.chdir(folder)
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        workspace = settings.load()
        six_stages.run(workspace)
        assert main.run(["snapshot", "list", "--json"]) == 0
        assert main.run(["datasource", "list"]) == 0
        assert main.run(["datasource", "test", "parcels"]) == 0
        refusals = [refused(workspace.store, monkeypatch), unreachable(folder, monkeypatch, capfd)]
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    out, err = capfd.readouterr()
    store = open_store(workspace.store)
    files = searched(folder)
    files += [(key, store.get(key)) for key in store.keys("")]
    files += [("log", log.getvalue().encode()), ("out", out.encode()), ("err", err.encode())]
    files += [(f"refusal {number}", text.encode()) for number, text in enumerate(refusals)]
    assert len(files) > 20
    for secret in (PLANTED, SECRET, KEY):
        assert holding(secret, files) == []
    # The search itself must be able to find something.
    assert holding("select * from parcels", files)


def refused(uri: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a wrong key is told."""
    with monkeypatch.context() as patch:
        patch.setenv("AWS_SECRET_ACCESS_KEY", PLANTED)
        with pytest.raises(PulseError) as caught:
            open_store(uri).get("a")
    return f"{caught.value} {caught.value.args}"


def unreachable(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> str:
    """What a datasource that is down is told, on the terminal."""
    path = folder / ".pulse" / FILE
    before = path.read_text(encoding="utf-8")
    path.write_text(
        '[datasources.parcels]\nurl = "postgresql://pulse:${PARCELS_PASSWORD}@127.0.0.1:9/parcels"\n'
    )
    assert main.run(["datasource", "test", "parcels"]) == 1
    path.write_text(before, encoding="utf-8")
    return "".join(capfd.readouterr())


def with_password(url: str) -> str:
    """The URL of the test's server with a password that it does not ask for, as a reference."""
    return url.replace("://pulse@", "://pulse:${PARCELS_PASSWORD}@")
