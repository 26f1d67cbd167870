"""Evidently without what a page about columns has no use for: a third of the time that it takes to import.

Evidently imports all of its metrics at once, and with those of texts and of classifications NLTK, scikit-learn and
Plotly's figure factory. While it is imported for the first time these are stand-ins, whose names can be imported and
are used by nothing that is done here; whoever calls one is told so. Afterwards the real ones can be imported as ever.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

from pulse_blocks.errors import PulseError

LEFT_OUT = ("nltk", "plotly.figure_factory", "sklearn")


def load() -> None:
    """Import Evidently; all of it where it will not have stand-ins.

    Raises PulseError ``drift.evidently_missing`` where it cannot be imported.
    """
    if "evidently" in sys.modules:
        return
    os.environ.setdefault("DO_NOT_TRACK", "1")
    try:
        with uncollected(), warnings.catch_warnings(), _stand_ins():
            warnings.simplefilter("ignore")
            importlib.import_module("evidently")
    except Exception:  # noqa: BLE001 - another version may do anything with what it imports
        _load_all()


def _load_all() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "evidently"]:
        del sys.modules[name]
    try:
        importlib.import_module("evidently")
    except ImportError as error:
        raise PulseError(
            "drift.evidently_missing",
            f"Evidently cannot be used: {error}.",
            "pip install pulse-blocks brings a version of it that works with pandas 3.0.",
        ) from error


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Leave garbage for later: of thousands of modules and figures that all stay, looking for it finds none."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@contextlib.contextmanager
def _stand_ins() -> Iterator[None]:
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name, module in list(sys.modules.items()):
            if isinstance(module, _StandIn):
                del sys.modules[name]
                above, _, last = name.rpartition(".")
                if above in sys.modules:
                    vars(sys.modules[above]).pop(last, None)


class _StandIn(ModuleType):
    """A module that has every name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (_Unusable,), {"__module__": self.__name__})


class _Unusable:
    def __init__(self, *_: object, **__: object) -> NoReturn:
        module = type(self).__module__
        raise RuntimeError(
            f"{module} was left out when pulse_blocks imported evidently: import evidently before a drift check to"
            " use all of it."
        )


class _Finder(MetaPathFinder, Loader):
    """Finds what is left out before anybody else does. What is loaded already is asked of nobody."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - as importlib calls it
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        # A module below one that is there already is found where that one is.
        above = sys.modules.get(fullname.rpartition(".")[0])
        if fullname in LEFT_OUT or isinstance(above, _StandIn):
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing in it."""
