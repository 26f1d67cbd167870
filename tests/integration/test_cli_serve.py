"""``pulse serve``, ``pulse predict`` and ``pulse lineage`` together, as processes of their own."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulse_blocks import settings
from tests.served_models import RECORD, train_and_promote
from tests.tiny_project import environment, pulse


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """``pulse serve parcels`` on a free port: its address, and the line that it suggests to try."""
    train_and_promote(settings.load(tmp_path, environ={}))
    process = subprocess.Popen(
        [sys.executable, "-m", "pulse_blocks", "serve", "parcels", "--port", "0"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    address = process.stdout.readline().split(" at ")[1].split()[0]
    yield address, process.stdout.readline().removeprefix("Try: ")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (out, err) == ("", "")
    assert process.returncode in {0, 130}


def test_a_prediction_is_asked_for_and_traced(served: tuple[str, str], tmp_path: Path) -> None:
    """Ask by argument and by standard input, get the reply as data, trace its id."""
    url, _ = served
    asked = pulse(tmp_path, "predict", "parcels", json.dumps(RECORD), "--url", url, "--json")
    reply = json.loads(asked.stdout)
    assert asked.returncode == 0
    assert {"inference_id", "model", "probability", "decision"} <= set(reply)
    told = pulse(tmp_path, "predict", "parcels", json.dumps(RECORD), PULSE_RUNTIME_URL=url)
    assert f"probability   {reply['probability']:.4f}" in told.stdout
    piped = subprocess.run(
        [sys.executable, "-m", "pulse_blocks", "predict", "parcels", "-", "--url", url],
        cwd=tmp_path,
        input=json.dumps({"instances": [RECORD, RECORD]}),
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(piped.stdout.splitlines()) == 3
    tree = pulse(tmp_path, "lineage", reply["inference_id"])
    assert tree.returncode == 0
    assert tree.stdout.startswith(f"Inference: {reply['inference_id']}\n├── Model: {reply['model']}\n")


def test_the_suggested_line_is_answered(served: tuple[str, str]) -> None:
    """Whoever copies it gets a prediction (asked here without curl, which may not be installed)."""
    url, line = served
    words = shlex.split(line)
    assert words[:3] == ["curl", "-s", f"{url}/predict/parcels"]
    with urllib.request.urlopen(urllib.request.Request(words[2], words[4].encode()), timeout=10) as reply:
        assert "inference_id" in json.load(reply)


def test_a_refused_record_names_every_bad_field(served: tuple[str, str], tmp_path: Path) -> None:
    """Exit code 1; each field in the text, and as data in the JSON."""
    url, _ = served
    bad = json.dumps({**RECORD, "weight": -1, "carrier": "ship"})
    done = pulse(tmp_path, "predict", "parcels", bad, "--url", url, "--json")
    assert done.returncode == 1
    assert {field["path"] for field in json.loads(done.stdout)["error"]["fields"]} == {"weight", "carrier"}
    assert "weight: " in done.stderr
    assert "carrier: " in done.stderr


def test_a_model_that_is_not_served_is_refused(served: tuple[str, str], tmp_path: Path) -> None:
    """A name, also one with a path in it, is only ever a name."""
    url, _ = served
    for name in ("other", "../readyz", "a b"):
        done = pulse(tmp_path, "predict", name, "{}", "--url", url)
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")


def test_without_a_runtime_it_says_how_to_start_one(tmp_path: Path) -> None:
    """Nobody listens, and what is no JSON is refused before anybody is asked."""
    done = pulse(tmp_path, "predict", "parcels", "{}", "--url", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "hint: Start it: pulse serve parcels" in done.stderr
    for nonsense in ("{weight: 1}", "", "[" * 100_000, '{"a": 1} {}'):
        done = pulse(tmp_path, "predict", "parcels", nonsense, "--url", "http://127.0.0.1:9")
        assert done.returncode == 1
        assert "not JSON" in done.stderr


@pytest.mark.parametrize("arguments", [["parcels"], ["../../etc/passwd"], ["parcels", "--host", "0.0.0.0"]])  # noqa: S104  refused
def test_what_cannot_be_served_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    """No champion, no such name, an address that others reach: exit code 1 and a hint, no traceback."""
    done = pulse(tmp_path, "serve", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "hint: " in done.stderr
