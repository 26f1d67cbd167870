"""What the runtime stands on fails under load: its model, its ledger's disk, its ledger's server."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from pulse_blocks import settings
from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.ledger import open_ledger
from pulse_blocks.settings import Workspace
from tests.postgres_server import running_postgres
from tests.runtime_kill import Received, check_traceable
from tests.runtime_load import asked, grows
from tests.served_models import RECORD, promote, protocol, records, runtime, train, train_and_promote
from tests.unsafe_disk import UnsafeDisk
from tests.waiting import until

Tell = Callable[[str, str, str], None]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
FALLBACK = {"breaker": {"failures": 2, "reset": "60s", "fallback": "previous-version"}}


def test_a_model_that_gives_nan(workspace: Workspace, tell: Tell) -> None:
    """A text whose leaves are NaN loads, and none of its answers leaves: the champion before answers, as marked."""
    first = train_and_promote(workspace, seed=1)
    text = train(protocol(), seed=2).model_to_string()
    broken = re.sub(
        r"^leaf_value=.*$",
        lambda found: re.sub(r"(?<==| )[-+\d.e]+", "nan", found[0]),
        text,
        flags=re.MULTILINE,
    )
    second = promote(workspace, protocol(version="1.1.0", serving=FALLBACK), broken.encode())
    with runtime(workspace, "parcels") as (url, _):
        # A runtime that has just begun finds the champion before with its first look at the ledger.
        assert until(lambda: httpx.post(f"{url}/predict/parcels", json=RECORD).status_code == 200, 15, 0.1)
        replies = [httpx.post(f"{url}/predict/parcels", json=RECORD).json() for _ in range(5)]
        metrics = httpx.get(f"{url}/metrics").text
    assert {reply["model"] for reply in replies} == {first.model}
    assert f'pulse_model_failures_total{{model="{second.model}"}} 2' in metrics
    assert f'pulse_circuit_state{{circuit="model",model="{second.model}"}} 2' in metrics
    with open_ledger(workspace.ledger) as ledger:
        assert ledger.inference_counts([second.model]) == {second.model: 0}
    tell("a model that gives NaN", "5 requests", "the champion before answers, the circuit opens")


def test_a_model_that_hangs(workspace: Workspace, tell: Tell) -> None:
    """Trees that take longer than half the deadline: left alone, the champion before answers, and so do others."""
    serving = {**FALLBACK, "deadline": "6s", "batch": {"max_rows": 10_000}}
    first = train_and_promote(workspace, protocol(serving=serving), seed=1)
    train_and_promote(workspace, protocol("letters"), seed=3)
    slow = endless(train(protocol(), seed=2).model_to_string())
    second = promote(workspace, protocol(version="1.1.0", serving=serving), slow.encode())
    with (
        runtime(workspace, "parcels", "letters") as (url, _),
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        body = {"instances": records(10_000)}
        reply = client.post("/predict/parcels", json=body)
        assert reply.status_code == 200, reply.text
        assert {one["model"] for one in reply.json()["predictions"]} == {first.model}
        assert client.post("/predict/parcels", json=RECORD).json()["model"] == first.model
        assert client.post("/predict/letters", json=RECORD).status_code == 200
        metrics = client.get("/metrics").text
    assert f'pulse_circuit_state{{circuit="model",model="{second.model}"}} 2' in metrics
    tell("a model that hangs", "10,000 rows", "left alone; the champion before answers in time")


def endless(text: str) -> str:
    """The same model a thousand times over."""
    head, _, rest = text.partition("\nTree=0\n")
    trees, _, tail = rest.partition("\nend of trees")
    some = [tree.strip() for tree in re.split(r"^Tree=\d+$", trees, flags=re.MULTILINE)] * 1000
    listed = [f"Tree={number}\n{tree}\n\n" for number, tree in enumerate(some)]
    sizes = " ".join(str(len(tree)) for tree in listed)
    head = re.sub(r"^tree_sizes=.*$", f"tree_sizes={sizes}", head, flags=re.MULTILINE)
    return f"{head}\n\n{''.join(listed)}\nend of trees{tail}"


def test_the_disk_of_the_ledger_is_full(
    workspace: Workspace,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    tell: Tell,
) -> None:
    """503 while it is, at once and without a row; with space again replies go on, and all can be traced."""
    train_and_promote(workspace)
    disk = UnsafeDisk(workspace.folder, tmp_path_factory.mktemp("disk"))
    for name, value in disk.env.items():
        monkeypatch.setenv(name, value)
    answered: list[Received] = []
    refused: list[int] = []
    with asked(workspace, answered, refused):
        for _ in range(3):
            grows(answered, 50)
            disk.fill()
            grows(refused, 20)
            at_rest = len(answered)
            grows(refused, 20)
            assert len(answered) == at_rest
            disk.repair()
        grows(answered, 50)
    assert set(refused) == {503}
    check_traceable(workspace, answered)
    tell(
        "the ledger's disk is full under load, and has space again", "3 times", "503 meanwhile, nothing lost"
    )


def test_the_server_of_the_ledger_restarts(workspace: Workspace, tell: Tell) -> None:
    """PostgreSQL crashes under load and comes back: 503 meanwhile, every id that was answered can be traced."""
    signing_key(workspace, create=True)
    # A server of its own: others use the session's.
    with running_postgres() as server:
        (workspace.folder / settings.FILE).write_text(f'ledger = "{server.new_schema()}"\n')
        workspace = settings.load(Path(workspace.root), environ={})
        train_and_promote(workspace)
        answered: list[Received] = []
        refused: list[int] = []
        with asked(workspace, answered, refused):
            for _ in range(3):
                grows(answered, 50)
                server.stop()
                grows(refused, 20)
                server.start()
            grows(answered, 50)
        assert set(refused) <= {503, 504}
        check_traceable(workspace, answered)
    tell(
        "the ledger's PostgreSQL crashes under load, and comes back", "3 times", "503 meanwhile, nothing lost"
    )
