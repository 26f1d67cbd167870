"""Hot swap: a promotion goes live in a running process, a broken one does not."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

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


def missing(_: Path, bundle: Path) -> None:
    """The bundle is not in the store."""
    bundle.unlink()


def changed(_: Path, bundle: Path) -> None:
    """It is, and one of its bytes is another one."""
    change(bundle, b"parcels", b"parcelz")


def text_missing(store: Path, bundle: Path) -> None:
    """It is as it was, and the model's text is not there."""
    text_of(store, bundle).unlink()


def text_changed(store: Path, bundle: Path) -> None:
    """One byte of the model's text has changed."""
    change(text_of(store, bundle), b"tree", b"tres")


def text_of(store: Path, bundle: Path) -> Path:
    return store / str(json.loads(bundle.read_bytes())["text"])


def change(path: Path, before: bytes, after: bytes) -> None:
    content = path.read_bytes()
    assert before in content
    path.chmod(0o644)
    path.write_bytes(content.replace(before, after, 1))


@pytest.mark.parametrize("broken", [missing, changed, text_missing, text_changed])
def test_what_was_promoted_and_is_broken_leaves_the_old_model(
    workspace: Workspace, broken: Callable[[Path, Path], None]
) -> None:
    """Signed by us, and yet not what was promoted: the metrics tell, the old model answers on, the next goes live."""
    first = train_and_promote(workspace, seed=1)
    with runtime(workspace, "parcels") as (url, process), httpx.Client(base_url=url) as client:
        process.send_signal(signal.SIGSTOP)  # it must not look before it is broken
        second = train_and_promote(workspace, seed=2)
        broken(Path(workspace.store), Path(workspace.store) / second.bundle)
        process.send_signal(signal.SIGCONT)
        failures = 'pulse_model_swap_failures_total{model="parcels"} 1'
        assert until(lambda: failures in client.get("/metrics").text, 5)
        assert serving(client) == first.model
        third = train_and_promote(workspace, seed=3)
        assert wait_for(client, third.model, 1.5)


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
