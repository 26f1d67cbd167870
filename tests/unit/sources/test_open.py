"""Which URLs are datasources."""

from __future__ import annotations

import socket
import traceback
from pathlib import Path

import pytest

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.settings import Datasource
from pulse_blocks.sources import open_source


@pytest.mark.parametrize(
    "url", ["mysql://user:secret@host/db", "data.txt", "", "https://host/data.csv", "sqlite://"]
)
def test_unsupported(url: str) -> None:
    """Another URL is refused with the supported forms, and no secret is repeated."""
    with pytest.raises(PulseError, match="Supported are") as caught:
        open_source(Datasource(url))
    assert caught.value.code == "source.unsupported"
    assert "secret" not in str(caught.value)


def test_missing_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference to a variable that is not set is an error that names it."""
    monkeypatch.delenv("NOT_SET_HERE", raising=False)
    with pytest.raises(PulseError, match="NOT_SET_HERE"):
        open_source(Datasource("postgresql://user:${NOT_SET_HERE}@host/db"))


def test_relative_paths(tmp_path: Path) -> None:
    """A relative path is below the given root."""
    (tmp_path / "a.csv").write_text("k,x\n1,2\n")
    assert "k, x" in open_source(Datasource("a.csv"), tmp_path).test()


def test_password_is_not_shown() -> None:
    """Neither the source's text nor its error shows the password of its URL."""
    source = open_source(Datasource("postgresql://user:secret@127.0.0.1:1/db"))
    assert "secret" not in repr(source)
    with pytest.raises(PulseError) as caught:
        source.test()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:s3cret%ZZ@127.0.0.1:1/db",
        "postgresql://u:s3cret@[::1/db",
        "postgresql://u:s3cret@h]x/db",
        "postgresql://u:s3cret@127.0.0.1:1:2/db",
        "postgresql://u:s3cret@127.0.0.1:99999999/db",
        "postgresql://u:x@s3cret@127.0.0.1:1/db",
        "postgresql://u:s3cret/x@127.0.0.1:1/db",
        "postgresql://u:s3cret@127.0.0.1:1/db?bad",
        "postgresql://u:${PW}@[::1/db",
        "postgresql://u:${PW}@127.0.0.1:1/db?foo=bar",
        "postgresql://127.0.0.1:1/db?password=${PW}%zz",
        "postgresql://127.0.0.1:1/db?password=${PW}",
        "postgresql://u:${PW}@127.0.0.1:1/db?sslmode=${PW}",
    ],
)
def test_no_refusal_repeats_a_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the words of the driver about a URL that it cannot read, nor the cause that a traceback shows."""
    monkeypatch.setenv("PW", "s3cret50%off &x")
    with pytest.raises(PulseError) as caught:
        open_source(Datasource(url)).test()
    shown = "".join(traceback.format_exception(caught.value))
    assert "s3cret" not in shown


def test_a_server_that_never_answers() -> None:
    """It takes the connection and says nothing: the source is out of reach, and the run goes on with that."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UnavailableError, match="timeout expired") as caught:
            open_source(Datasource(f"postgresql://u@127.0.0.1:{port}/db")).test()
    assert caught.value.code == "source.failed"


def test_unreadable_parquet(tmp_path: Path) -> None:
    """A Parquet file that is none is refused by a sentence."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no PAR1")
    with pytest.raises(PulseError, match=r"a\.parquet") as caught:
        open_source(Datasource(str(tmp_path / "a.parquet"))).test()
    assert caught.value.code == "source.unreadable"


def test_no_file_of_the_pattern(tmp_path: Path) -> None:
    """A pattern that fits no file is an error that shows it."""
    with pytest.raises(PulseError, match=r"\*\.csv") as caught:
        open_source(Datasource(str(tmp_path / "*.csv"))).test()
    assert caught.value.code == "source.missing"
