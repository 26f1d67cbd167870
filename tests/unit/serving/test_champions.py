"""Hot swap: a promotion goes live in a running process, a broken one does not."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from pulse_blocks.ledger import open_ledger
from pulse_blocks.settings import Workspace
from tests.served_models import RECORD, promote, protocol, runtime, train, train_and_promote
from tests.waiting import until


def serving(client: httpx.Client) -> str:
    """The model id of a prediction."""
    return str(client.post("/predict/parcels", json=RECORD).raise_for_status().json()["model"])


def wait_for(client: httpx.Client, model: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if serving(client) == model:
            return True
        time.sleep(0.02)
    return False


def test_a_promotion_is_live_within_a_second(workspace: Workspace) -> None:
    """Under load no request fails and each reply names the model that computed it."""
    first = train_and_promote(workspace, seed=1)
    with runtime(workspace, "parcels") as (url, _), httpx.Client(base_url=url) as client:
        replies: list[dict[str, Any]] = []
        stop = threading.Event()

        def load() -> None:
            with httpx.Client(base_url=url) as mine:
                while not stop.is_set():
                    replies.append(mine.post("/predict/parcels", json=RECORD).raise_for_status().json())

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        assert serving(client) == first.model
        second = train_and_promote(workspace, seed=2)
        live = wait_for(client, second.model, 1.0)
        stop.set()
        for thread in threads:
            thread.join()
        assert live
        by_model = {reply["model"]: set() for reply in replies}
        for reply in replies:
            by_model[reply["model"]].add(reply["probability"])
        assert set(by_model) <= {first.model, second.model}
        assert all(len(probabilities) == 1 for probabilities in by_model.values())


def test_a_broken_bundle_leaves_the_old_model(workspace: Workspace) -> None:
    """A changed bundle, or one that is not there, is told in the metrics, and the old model answers on."""
    first = train_and_promote(workspace, seed=1)
    with runtime(workspace, "parcels") as (url, _), httpx.Client(base_url=url) as client:
        with open_ledger(workspace.ledger) as ledger:
            ledger.promote(
                name="parcels", model="parcels@1.0.0-0000000", bundle="bundles/parcels/missing.json",
                bundle_sha256="0" * 64, version="2", run="run_1", attempt=None, reason="", who="",
            )  # fmt: skip
        deadline = time.monotonic() + 3
        failures = 'pulse_model_swap_failures_total{model="parcels"} 1'
        while failures not in client.get("/metrics").text:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert serving(client) == first.model
        second = train_and_promote(workspace, seed=2)
        assert wait_for(client, second.model, 1.5)


def test_a_changed_model_text_is_never_served(workspace: Workspace) -> None:
    """One byte of the model's text changed between promotion and load: the old model stays."""
    first = train_and_promote(workspace, seed=1)
    with runtime(workspace, "parcels") as (url, process), httpx.Client(base_url=url) as client:
        process.send_signal(19)  # SIGSTOP: it must not look before the byte has changed
        second = train_and_promote(workspace, seed=2)
        bundle = json.loads((Path(workspace.store) / second.bundle).read_bytes())
        text = Path(workspace.store) / bundle["text"]
        text.chmod(0o644)
        text.write_bytes(text.read_bytes().replace(b"tree", b"tres", 1))
        process.send_signal(18)
        assert not wait_for(client, second.model, 1.0)
        assert serving(client) == first.model
        assert "swap_failures" in client.get("/metrics").text


def test_trees_that_are_not_sound_leave_the_old_model(workspace: Workspace) -> None:
    """Signed and whole, and yet no model: LightGBM would end the process; the old model stays, the metrics tell."""
    first = train_and_promote(workspace, seed=1)
    with runtime(workspace, "parcels") as (url, _), httpx.Client(base_url=url) as client:
        text = train(protocol(), seed=2).model_to_string().replace("threshold=", "treshold=")
        promote(workspace, protocol(), text.encode())
        failures = 'pulse_model_swap_failures_total{model="parcels"} 1'
        assert until(lambda: failures in client.get("/metrics").text, 5)
        assert serving(client) == first.model
        second = train_and_promote(workspace, seed=3)
        assert wait_for(client, second.model, 1.5)
