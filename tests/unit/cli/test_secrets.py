"""Secrets in URLs: found wherever they hide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_blocks.cli.secrets import has_secret, hidden


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
