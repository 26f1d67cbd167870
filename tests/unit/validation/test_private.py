"""Values of private columns leave the snapshot for the quarantined rows alone, never for a report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.stores import open_store
from pulse_blocks.validation import load_report, validate
from pulse_blocks.validation.markdown import report_markdown
from tests import small_data

PLANTED = 987_654_321.0


def test_no_report_holds_them(tmp_path: Path) -> None:
    """Rules of one and of several columns, keys, quantiles: in JSON, Markdown, HTML and the refusal nothing is told but
    that there is a value; null stays null, and other columns are shown as ever.
    """
    contract = small_data.protocol(
        columns={"parcel": {"type": "string", "private": True}},
        features={
            "weight": {"type": "float", "ge": 0, "le": 50, "private": True},
            "distance": {"type": "float", "ge": 0},
            "stops": {"type": "int", "gt": -1, "lt": 20},
        },
        checks=[
            {"name": "both", "expr": "weight < 51 and distance < 1e9"},
            {"unique": ["weight", "stops"], "severity": "warn"},
            {"quantile": {"column": "weight", "q": 1, "le": 60}, "severity": "warn"},
        ],
        on_invalid={"quarantine_up_to": 0.9},
    )
    values = small_data.columns(200)
    values["weight"] = values["weight"].astype(object)
    values["weight"][:5] = [PLANTED, PLANTED, -PLANTED, PLANTED, None]
    values["stops"][:2] = 3
    values["distance"] = np.where(np.arange(200) == 9, -77.5, values["distance"])
    store = open_store(str(tmp_path))
    snapshot = small_data.snapshot_of(store, contract, values)
    done = validate(contract, snapshot, store)
    report = load_report(store, done)
    html = store.get(done.report.replace(".json", ".html")).decode()
    for text in (store.get(done.report).decode(), report_markdown(report), html):
        assert "987654321" not in text
        assert "9.87654" not in text
        assert "p00000" not in text
        assert "(private)" in text
        assert "-77.5" in text
    (nulls,) = [rule for rule in report.broken if rule.column == "weight" and "null" in rule.check]
    assert (nulls.examples[0].value, nulls.examples[0].key) == (None, {"parcel": "(private)"})
    strict = small_data.protocol(
        features={"weight": {"type": "float", "private": True}},
        columns={},
        checks=[{"quantile": {"column": "weight", "q": 1, "le": 60}}],
    )
    values["weight"][:5] = PLANTED
    with pytest.raises(PulseError, match=r"quantile 1 of weight is \(private\)"):
        validate(strict, small_data.snapshot_of(store, strict, values), store)
