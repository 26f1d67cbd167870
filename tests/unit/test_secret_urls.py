"""Secrets in URLs: found wherever they hide."""

from __future__ import annotations

from urllib.parse import parse_qs, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_blocks import secret_urls
from pulse_blocks.errors import PulseError
from pulse_blocks.secret_urls import has_secret, hidden, resolve_references, with_reference, without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://pulse:hunter2@db/facts", "postgresql://pulse:***@db/facts"),
        ("postgresql+psycopg://pulse:hunter2@db/facts", "postgresql+psycopg://pulse:***@db/facts"),
        ("postgresql://pulse:p/a?s#s@w@db/facts", "postgresql://pulse:***@db/facts"),
        ("postgresql://:hunter2@db/facts", "postgresql://:***@db/facts"),
        ("https://ghp_0123456789@host/data.csv", "https://***@host/data.csv"),
        ("https://host/data.csv?token=abc&part=1", "https://host/data.csv?token=***&part=1"),
        ("https://host/d?X-Amz-Signature=abc", "https://host/d?X-Amz-Signature=***"),
        ("https://host/d?sv=1&sig=abc", "https://host/d?sv=1&sig=***"),
        ("postgresql://db/facts?user=a&password=b", "postgresql://db/facts?user=a&password=***"),
        ("postgresql://db/facts?PASSWORD=b", "postgresql://db/facts?PASSWORD=***"),
    ],
)
def test_a_secret_is_found_and_hidden(url: str, shown: str) -> None:
    """Passwords with awkward letters, tokens in place of users, keys in queries."""
    assert has_secret(url)
    assert hidden(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///.pulse/data/flights.db",
        "postgresql://pulse@db:5432/facts",
        "postgresql://pulse:${DB_PASSWORD}@db/facts",
        "https://${TOKEN}@host/data.csv",
        "https://host/data.csv?token=${TOKEN}",
        "s3://bucket/keys/passwords.parquet",
        "data/flights.parquet",
        "https://host:8080/data.csv",
    ],
)
def test_what_carries_no_secret_is_left_as_it_is(url: str) -> None:
    """Paths, users, ports and references to the environment say nothing that must be hidden."""
    assert not has_secret(url)


@given(st.text(min_size=1).filter(lambda text: not text.startswith("${")))
def test_no_password_is_ever_shown(password: str) -> None:
    """Whatever letters a password has, the URL that is shown does not depend on it."""
    assert hidden(f"postgresql://pulse:{password}@db/facts") == "postgresql://pulse:***@db/facts"


@given(st.text(min_size=1).filter(lambda text: not text.startswith("${")))
def test_a_password_is_taken_out_and_put_back(password: str) -> None:
    """Whatever letters it has: what the connection gets is what was there, encoded for a URL."""
    encoded = f"postgresql://pulse:{quote(password, safe='')}@db/facts"
    plain, found = without_password(encoded)
    assert (plain, found) == ("postgresql://pulse@db/facts", password)
    referring = with_reference(plain, "DB_PASSWORD")
    assert referring == "postgresql://pulse:${DB_PASSWORD}@db/facts"
    assert resolve_references(referring, {"DB_PASSWORD": password}) == encoded


@pytest.mark.parametrize(
    "url", ["sqlite:///a.db", "postgresql://pulse@db/facts", "postgresql://u:${X}@db/f", "s3://bucket/a.csv"]
)
def test_a_url_without_a_password_stays_as_it_is(url: str) -> None:
    """A reference is none: it is in nobody's way."""
    assert without_password(url) == (url, None)


def test_references_are_taken_from_the_environment_when_a_connection_is_opened() -> None:
    """A secret stays out of files: only its name is there. Outside of a password it is taken as it is."""
    url = "postgresql://pulse:${DB_PASSWORD}@${DB_HOST}/facts"
    assert (
        resolve_references(url, {"DB_PASSWORD": "p@$$", "DB_HOST": "db"})
        == "postgresql://pulse:p%40%24%24@db/facts"
    )
    assert resolve_references("${ALL}", {"ALL": "postgresql://u:p%40@h/d"}) == "postgresql://u:p%40@h/d"
    assert resolve_references("sqlite:///x/$HOME/${lower}", {}) == "sqlite:///x/$HOME/${lower}"


@given(st.text(min_size=1))
def test_a_value_of_the_query_part_is_encoded(password: str) -> None:
    """Put into the environment as it is, it is one value of one option, whatever letters it has."""
    found = resolve_references("postgresql://db/facts?user=u&password=${PW}&a=b", {"PW": password})
    assert parse_qs(found.partition("?")[2]) == {
        "user": ["u"],
        "password": [password],
        "a": ["b"],
    }


def test_a_whole_query_part_is_taken_as_it_is() -> None:
    """What stands for several options, or in a path of this machine, is no value."""
    assert (
        resolve_references("postgresql://db/f?${OPTIONS}", {"OPTIONS": "a=b&c=d"})
        == "postgresql://db/f?a=b&c=d"
    )
    assert resolve_references("data/a?b=${X}.csv", {"X": "c d"}) == "data/a?b=c d.csv"


def test_what_this_process_holds_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Prefect block hands its secret over in memory."""
    monkeypatch.setattr(secret_urls, "_kept", {})
    secret_urls.keep("DB_PASSWORD", "from the block")
    assert (
        resolve_references("x://u:${DB_PASSWORD}@h", {"DB_PASSWORD": "other"}) == "x://u:from%20the%20block@h"
    )


def test_a_reference_to_nothing_is_refused_by_its_name() -> None:
    """The error must name the variable, and no value of any other."""
    with pytest.raises(PulseError) as caught:
        resolve_references("postgresql://${DB_USER}:${DB_PASSWORD}@h/d", {"DB_USER": "someone"})
    assert caught.value.code == "workspace.reference_unset"
    assert "DB_PASSWORD" in caught.value.message
    assert "someone" not in str(caught.value)
