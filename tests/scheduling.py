"""Which tests stay together in one process of pytest-xdist, and which of them begin first.

xdist's own groups are marked in ``item._nodeid``, which pytest 9.2 no longer reads: whatever a file starts for
all of its tests was started in each process. Here the first worker says which group a test is in, in a file, because
the process that hands out the tests collects none.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Groups of minutes, longest first. What is not named here follows: groups, single long tests, and all the short ones,
# which fill what is left of both processes' time.
_LONGEST = (
    "docs",
    "tests/flows/loop/test_from_the_runtime.py",
    "tests/flows/loop/test_events.py",
    "demo",
    "tests/faults/test_pipeline_kill.py",
    "tests/faults/test_pipeline_faults.py",
    "tests/flows/test_training_pool.py",
    "tests/flows/test_interrupted.py",
    "s3",
)
_LONG = ("long", "faults")


class GroupScheduling(LoadScopeScheduling):
    """Hands out groups as a whole and other tests one by one, in the order of the collection."""

    def __init__(self, config: pytest.Config, log: Any, told: Path) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # by number of tests would be: the short ones first
        self._told = told
        self._groups: dict[str, str] = {}

    def schedule(self) -> None:
        """Begin, once all workers have collected."""
        self._groups = self._groups or json.loads(self._told.read_text())
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._groups.get(nodeid, nodeid)


def group_of(item: Any) -> str | None:
    """Its mark's, the S3 server's, or that of the file or folder for which a fixture of the test is set up once."""
    mark = item.get_closest_marker("xdist_group")
    if mark:
        return str(mark.args[0])
    found: dict[str, Any] = item._fixtureinfo.name2fixturedefs
    if "s3_server" in found:
        return "s3"
    path, _, _ = item.nodeid.partition("::")
    scopes = {made[-1].scope for made in found.values()}
    if "package" in scopes:
        return path.rpartition("/")[0]
    return path if "module" in scopes or "server" in found else None


def _turn(item: pytest.Item, group: str | None) -> int:
    if group in _LONGEST:
        return _LONGEST.index(group)
    if group:
        return len(_LONGEST)
    return len(_LONGEST) + (1 if any(item.get_closest_marker(name) for name in _LONG) else 2)


class Worker:
    """In a worker: says who belongs together, and brings the long ones to the front."""

    @pytest.hookimpl(trylast=True)  # after the others have chosen, and pytest-randomly has shuffled
    def pytest_collection_modifyitems(self, config: Any, items: list[pytest.Item]) -> None:
        """The same in each worker; the first one tells."""
        groups = {item.nodeid: group_of(item) for item in items}
        items.sort(key=lambda item: _turn(item, groups[item.nodeid]))
        told = config.workerinput
        if told["workerid"] == "gw0":
            Path(told["groups"]).write_text(
                json.dumps({name: group for name, group in groups.items() if group})
            )


class Controller:
    """In the process that hands out the tests."""

    def __init__(self, folder: str) -> None:
        self._told = Path(folder, "groups.json")

    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where to say its groups."""
        node.workerinput["groups"] = str(self._told)

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> GroupScheduling:
        """In place of all of xdist's own."""
        return GroupScheduling(config, log, self._told)


def register(config: pytest.Config) -> None:
    """Take part in a run with several processes."""
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(Worker())
    elif config.getoption("numprocesses", None):
        folder = tempfile.TemporaryDirectory(prefix="pulse-tests-")
        config.add_cleanup(folder.cleanup)
        config.pluginmanager.register(Controller(folder.name))
