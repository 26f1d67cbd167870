"""Every command of the docs that can run anywhere runs here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ceph_server import S3Server
from tests.docs.executing import Reader
from tests.docs.fences import ALL

# The first test builds the project that all begin with.
pytestmark = [pytest.mark.long, pytest.mark.timeout(600), pytest.mark.xdist_group("docs")]
TUTORIAL = "docs/tutorial.md"
S3_PAGE, POSTGRES_PAGE = "docs/how-to/s3.md", "docs/how-to/postgresql.md"
LOOP_PAGE = (
    "docs/retraining-loop.md"  # tests/flows/loop/test_page.py: all of its commands, and what they lead to
)
_OTHERS = {TUTORIAL, S3_PAGE, POSTGRES_PAGE, LOOP_PAGE}
EXECUTED = sorted({fence.page for fence in ALL if fence.kind == "sh"} - _OTHERS)


@pytest.mark.parametrize("page", EXECUTED)
def test_the_commands_of_a_page_work(page: str, reader: Reader) -> None:
    """Typed in order, into one project, each does what it is there for and leaves with 0."""
    reader.read_page(page)


def test_the_tutorial_from_a_table_to_a_retraining_loop(tmp_path: Path) -> None:
    """From an empty folder, with nothing configured: every command, until a second champion stands."""
    newcomer = Reader(tmp_path, {})
    try:
        newcomer.read_page(TUTORIAL)
    finally:
        newcomer.leave()


def test_the_store_in_s3(reader: Reader, s3: S3Server) -> None:
    """As its page says, on a real S3 server: doctor, a run, verified snapshots, the archive."""
    keys = "AWS_ACCESS_KEY_ID=AKIAEXAMPLE AWS_SECRET_ACCESS_KEY=example AWS_DEFAULT_REGION=eu-central-1"
    found = " ".join(f"{name}={value}" for name, value in s3.environment.items())
    # The models before are in the folder of before: whoever begins with S3 begins with a ledger.
    empty = f"PULSE_LEDGER=sqlite:///s3.db PULSE_STORE=s3://{s3.bucket()}/pulse"
    reader.instead({keys: found, "PULSE_STORE=s3://my-bucket/pulse": empty})
    reader.read_page(S3_PAGE)


def test_the_ledger_in_postgresql(reader: Reader, postgres_ledger: str) -> None:
    """As its page says, on a real PostgreSQL: doctor, a run, a key, status."""
    made_up = "postgresql://pulse:${PULSE_DB_PASSWORD}@db.example.com:5432/pulse"
    reader.instead({made_up: postgres_ledger})
    reader.read_page(POSTGRES_PAGE)
