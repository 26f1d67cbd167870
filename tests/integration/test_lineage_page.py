"""The lineage page over HTTP: what is shown, what is refused, and to whom."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pulse_blocks import settings
from pulse_blocks.ledger import open_ledger
from tests.served_models import RECORD, runtime, train_and_promote


class Served(NamedTuple):
    """A runtime, its champion, and an inference of it."""

    url: str
    model: str
    inference: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for all tests of this file."""
    workspace = settings.load(tmp_path_factory.mktemp("page"), environ={})
    champion = train_and_promote(workspace)
    with runtime(workspace, "parcels") as (url, _):
        request = urllib.request.Request(f"{url}/predict/parcels", json.dumps(RECORD).encode())
        with urllib.request.urlopen(request) as reply:
            yield Served(url, champion.model, json.load(reply)["inference_id"])


def get(url: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as reply:
            return reply.status, reply.read().decode(), dict(reply.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), dict(error.headers)


def test_the_first_page_lists_champions(served: Served) -> None:
    """Every name with its champion, whether it was checked for drift, and what the runtime does."""
    status, page, headers = get(f"{served.url}/ui/")
    assert status == 200
    assert served.model in page
    assert "not checked yet" in page
    assert "script-src" not in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]


def test_an_id_leads_to_its_tree(served: Served) -> None:
    """Search leads to the tree of a prediction, which names its model; a prefix is enough."""
    status, page, _ = get(f"{served.url}/ui/search?id={served.inference[:-2]}")
    assert status == 200
    assert f"/ui/lineage/{served.model}" in page
    assert "Input Hash" in page


def test_a_model_shows_who_was_champion(served: Served) -> None:
    """The page of a name has its history, and says how to check for drift."""
    status, page, _ = get(f"{served.url}/ui/models/parcels")
    assert status == 200
    assert served.model in page
    assert "pulse drift parcels" in page


@pytest.mark.parametrize(
    "asked", ["inference_zzz", "nobody", "../../etc/passwd", "<script>alert(1)</script>"]
)
def test_what_is_not_there_is_said(served: Served, asked: str) -> None:
    """An unknown id is a page with the reason and status 404; what was typed is never markup."""
    status, page, _ = get(f"{served.url}/ui/lineage/{urllib.request.quote(asked, safe='')}")  # type: ignore[attr-defined]
    assert status == 404
    assert 'role="alert"' in page
    assert "<script" not in page


def test_an_empty_question_goes_home(served: Served) -> None:
    """Pressing the button without an id is no error."""
    status, page, _ = get(f"{served.url}/ui/search?id=")
    assert (status, "<h1>Models</h1>" in page) == (200, True)


def test_a_browser_gives_the_key_as_a_password(tmp_path: Path) -> None:
    """Where keys are needed a browser is asked for one; scope read opens the pages, predict does not."""
    workspace = settings.load(tmp_path, environ={})
    train_and_promote(workspace)
    with open_ledger(workspace.ledger) as ledger:
        keys = {
            scope: ledger.create_key(name=scope, scopes=[scope], who="tests")[1]
            for scope in ("read", "predict")
        }
    with runtime(workspace, "parcels", require_keys=True) as (url, _):
        status, _, headers = get(f"{url}/ui/")
        assert (status, headers["www-authenticate"]) == (401, 'Basic realm="Pulse"')
        assert get(f"{url}/ui/", Authorization=basic(keys["read"]))[0] == 200
        assert get(f"{url}/ui/", Authorization=basic(keys["predict"]))[0] == 403
        # A password that a browser sends by itself must not reach anything but these pages.
        assert get(f"{url}/metrics", Authorization=basic(keys["read"]))[0] == 401


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"me:{key}".encode()).decode()
