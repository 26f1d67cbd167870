"""A page's commands as a reader would type them: in a shell, in order, in one project."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from pulse_blocks import settings
from pulse_blocks.cli.examples import record
from pulse_blocks.cli.ports import free_port
from pulse_blocks.ledger import open_ledger
from pulse_blocks.protocol import loading
from tests.docs.fences import ALL, Fence, commands

_STAYS = re.compile(r"^pulse (serve|up)\b")
_READY = {"serve": "Serving ", "up": "ctrl-C stops everything."}
# Ids of the docs are examples: the first snapshot of a page is this project's newest, and so on.
_EXAMPLE = re.compile(r"\b(snap|run|inference|score)_[0-9a-z]+(?:\.\.\.)?")
_MODEL = re.compile(r"\b([a-z-]+)@\d+\.\d+\.\d+-[0-9a-f]{7}\b")
DEFAULT = "127.0.0.1:8080"


class Reader:
    """Someone who types what a page says, in ``folder`` and with what ``env`` adds to a bare environment."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._at = folder
        self._instead: dict[str, str] = {}
        self._port = str(free_port())
        self._address = f"127.0.0.1:{self._port}"
        bare = {n: v for n, v in os.environ.items() if not n.startswith(("PULSE_", "PREFECT_"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{bare['PATH']}"
        self._env = bare | {
            "HOME": str(folder), "PATH": path, "NO_COLOR": "1", "DO_NOT_TRACK": "1", "PULSE_PORT": self._port,
            "PULSE_RUNTIME_URL": f"http://{self._address}",
        } | env  # fmt: skip
        self._said: list[str] = []
        self._running: list[subprocess.Popen[str]] = []
        self._seen: dict[str, str] = {}

    def instead(self, real: dict[str, str]) -> None:
        """What stands for the addresses of servers that a page makes up."""
        self._instead = real

    def read_page(self, page: str) -> None:
        """Do what a page says, from top to bottom."""
        for fence in ALL:
            if fence.page == page:
                self.read(fence)

    def read(self, fence: Fence) -> None:
        """Do what a code block says. An AssertionError has the line, what it said, and the line of the page."""
        if fence.title:
            path = self._at / fence.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(fence.text.replace(DEFAULT, self._address), encoding="utf-8")
        elif fence.kind == "sh":
            for line in commands(fence.text):
                self._type(line, fence)

    def leave(self) -> None:
        """Stop what still runs."""
        for process in self._running:
            process.send_signal(signal.SIGINT)
            process.wait(60)
            if process.stdout:
                process.stdout.close()
        self._running.clear()

    def _type(self, line: str, fence: Fence) -> None:
        line = self._meant(line)
        if line.startswith("cd "):
            self._at /= line.removeprefix("cd ")
            return
        if line.startswith("export "):
            self._said.append(line)
        script = "\n".join(["set -euo pipefail", *self._said, line])
        if found := _STAYS.match(line):
            self._start(script, _READY[found[1]], fence)
            return
        done = subprocess.run(
            ["bash", "-c", script], cwd=self._at, env=self._env, capture_output=True, text=True, timeout=240,
            check=False,
        )  # fmt: skip
        # Whether something has drifted is an answer, and the exit code says which.
        judged = line.startswith("pulse drift ") and "verdict" in done.stdout.lower()
        good = {0, 1} if judged else {0}
        assert done.returncode in good, f"{fence}\n{line}\n{done.stdout}{done.stderr}"

    def _start(self, script: str, ready: str, fence: Fence) -> None:
        """Start what stays, in place of what was started before; go on once it says that it is ready."""
        self.leave()
        script = script.replace("\npulse ", "\nexec pulse ")
        process = subprocess.Popen(
            ["bash", "-c", script], cwd=self._at, env=self._env, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._running.append(process)
        said = ""
        assert process.stdout
        while ready not in said:
            line = process.stdout.readline()
            assert line, f"{fence}\n{script}\n{said}"
            said += line

    def _meant(self, line: str) -> str:
        """The line with ids and addresses of this project, and the rest of a record in the place of ``...``."""
        for made_up, real in self._instead.items():
            line = line.replace(made_up, real)
        line = _EXAMPLE.sub(lambda found: self._id(found[1], found[0]), line)
        line = _MODEL.sub(lambda found: self._model(found[1], found[0]), line)
        line = line.replace(DEFAULT, self._address).replace("pulse up", f"pulse up --port {self._port}")
        if found := re.search(r"pulse predict (\S+) '(\{.*), \.\.\.\}'", line):
            protocol = loading.load(self._at / "protocols" / f"{found[1]}.yaml")
            given = record(protocol) | json.loads(found[2] + "}")
            line = f"pulse predict {found[1]} {shlex.quote(json.dumps(given))}"
        return line

    def _id(self, kind: str, example: str) -> str:
        if example not in self._seen:
            at = sum(one.startswith(kind) for one in self._seen)
            with open_ledger(settings.load(self._at, environ={}).ledger) as ledger:
                self._seen[example] = _newest(ledger, kind)[at]
        return self._seen[example]

    def _model(self, name: str, example: str) -> str:
        if example not in self._seen:
            with open_ledger(settings.load(self._at, environ={}).ledger) as ledger:
                models = dict.fromkeys(one.model for one in reversed(ledger.promotions(name)))
            at = sum(bool(_MODEL.fullmatch(one)) for one in self._seen)
            self._seen[example] = list(models)[at]
        return self._seen[example]


def _newest(ledger: object, kind: str) -> list[str]:
    queries = {
        "snap": "select record_id from stages where stage = 'snapshot' order by finished desc",
        "run": "select run from promotions order by seq desc",
        "inference": "select id from inferences order by id desc limit 5",
        "score": "select id from scorings order by id desc",
    }
    rows = ledger._database.read(queries[kind], ())  # type: ignore[attr-defined]
    return list(dict.fromkeys(row[0] for row in rows))
