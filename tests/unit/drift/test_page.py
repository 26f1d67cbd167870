"""Evidently's page: measured as the verdict was, and drawn without all that Evidently imports."""

from __future__ import annotations

import json
import subprocess
import sys

import msgspec
import numpy as np
import pytest

from pulse_blocks.drift.checking import Check
from pulse_blocks.drift.page import Compared, draw
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.protocol import loading
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store
from tests.drifting_models import AFTER, ask, heavier, rows

_DRAW = """
import hashlib, json, re, sys
from pathlib import Path
if sys.argv[2] == "all":
    import evidently
from pulse_blocks import settings
from pulse_blocks.drift.checking import Check
from pulse_blocks.drift.page import draw
from pulse_blocks.ledger import open_ledger
from pulse_blocks.protocol import loading
from pulse_blocks.stores import open_store
workspace = settings.load(Path(sys.argv[1]), environ={})
protocol = loading.load(loading.find(workspace, "tiny"))
with open_ledger(workspace.ledger) as ledger:
    compared = Check(protocol, ledger, open_store(workspace.store)).run().compared
known = set(sys.modules)
# Ids are drawn anew for every page.
page = re.sub(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", "ID", draw(compared))
there = [name for name in ("nltk", "sklearn", "plotly.figure_factory") if name in sys.modules]
from plotly import figure_factory
from sklearn.metrics import roc_auc_score
print(json.dumps({"page": hashlib.sha256(page.encode()).hexdigest(), "there": there, "before": "evidently" in known,
                  "works": [roc_auc_score([0, 1], [0.1, 0.9]), figure_factory.create_distplot.__name__]}))
"""


def compared(workspace: Workspace) -> Compared:
    """A window of weights from another place, judged."""
    ask(workspace, rows(300, weight=heavier), AFTER)
    protocol = loading.load(loading.find(workspace, "tiny"))
    with open_ledger(workspace.ledger) as ledger:
        found = Check(protocol, ledger, open_store(workspace.store)).run().compared
    assert found is not None
    return found


def drawn(workspace: Workspace, how: str) -> dict[str, object]:
    """The page as a process of its own draws it."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _DRAW, workspace.root, how],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_page_is_that_of_the_whole_of_evidently(drifting: Workspace) -> None:
    """What is left out of Evidently's imports changes nothing in the page, and can be imported afterwards."""
    ask(drifting, rows(300, weight=heavier), AFTER)
    lean, whole = drawn(drifting, "lean"), drawn(drifting, "all")
    assert (lean["there"], lean["before"]) == ([], False)
    assert whole["before"]
    assert lean["page"] == whole["page"]
    assert lean["works"] == whole["works"] == [1.0, "create_distplot"]


@pytest.mark.parametrize("method", ["wasserstein", "ks", "jensenshannon", "psi"])
def test_evidently_measures_what_the_verdict_was_made_with(drifting: Workspace, method: str) -> None:
    """By every method, for numbers and categories; a distance that is not the same is an error that names both."""
    found = compared(drifting)
    features = {
        name: one
        if one.categorical and method in ("wasserstein", "ks")
        else msgspec.structs.replace(one, reference=msgspec.structs.replace(one.reference, method=method))
        for name, one in found.measures.features.items()
    }
    measured = msgspec.structs.replace(found.measures, features=features)
    assert "Drift in column" in draw(msgspec.structs.replace(found, measures=measured))
    heavy = features["weight"]
    tampered = msgspec.structs.replace(heavy, now=np.append(heavy.now, 500.0))
    other = msgspec.structs.replace(measured, features={**features, "weight": tampered})
    with pytest.raises(PulseError, match="Evidently says that weight is") as raised:
        draw(msgspec.structs.replace(found, measures=other))
    assert raised.value.code == "drift.evidently_differs"
