"""One runtime for the tests of its HTTP interface, serving a model of each task."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from pulse_blocks import settings
from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.serving.model import Model
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store
from tests.served_models import protocol, runtime, train_and_promote

NAMES = {
    "parcels": "binary-classification",
    "days": "multiclass-classification",
    "hours": "regression",
}


class Served(NamedTuple):
    """A running runtime, its models by name, and its ledger."""

    client: httpx.Client
    models: dict[str, Model]
    ledger: Ledger


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The runtime as a process, with the models that it serves loaded here as well."""
    workspace = settings.load(tmp_path_factory.mktemp("served"), environ={})
    models = {name: load(workspace, protocol(name, task)) for name, task in NAMES.items()}
    with (
        runtime(workspace, *NAMES) as (url, _),
        httpx.Client(base_url=url, timeout=30) as client,
        open_ledger(workspace.ledger) as ledger,
    ):
        yield Served(client, models, ledger)


def load(workspace: Workspace, kind: Protocol, seed: int = 1) -> Model:
    """Train and promote a model, and load it as the runtime does."""
    promotion = train_and_promote(workspace, kind, seed)
    return Model.load(open_store(workspace.store), promotion, signing_key(workspace))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A runtime that serves one model, as SageMaker's containers do."""
    workspace = settings.load(tmp_path_factory.mktemp("alone"), environ={})
    train_and_promote(workspace, protocol())
    with runtime(workspace, "parcels") as (url, _), httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
def model(workspace: Workspace) -> Model:
    """A loaded binary model."""
    return load(workspace, protocol())


@pytest.fixture
def ledger(workspace: Workspace, model: Model) -> Iterator[Ledger]:
    """The ledger in which the model was promoted."""
    with open_ledger(workspace.ledger) as opened:
        yield opened


class Threads(NamedTuple):
    """The names of the threads on which a model was called, and rows were written, one for each time."""

    computed: list[str]
    written: list[str]


@pytest.fixture
def threads(model: Model, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Threads:
    """Where the model and its ledger are used from here on."""
    found = Threads([], [])

    def noting(names: list[str], real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            names.append(threading.current_thread().name)
            return real(*args)

        return call

    monkeypatch.setattr(model, "outputs", noting(found.computed, model.outputs))
    for name in ("append", "append_at_once"):
        real = getattr(ledger._database, name)
        monkeypatch.setattr(ledger._database, name, noting(found.written, real))
    return found


def expected(client: httpx.Client, rows: list[dict[str, Any]]) -> list[float]:
    """What /predict answers."""
    predictions = client.post("/predict/parcels", json={"instances": rows}).json()["predictions"]
    return [prediction["probability"] for prediction in predictions]
