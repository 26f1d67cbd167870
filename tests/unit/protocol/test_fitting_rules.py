"""Rules on what decides a fit: each contradiction is told at its place."""

from __future__ import annotations

from typing import Any

import pytest

from pulse_blocks.errors import ProtocolError
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.protocol.writing import as_yaml

WHOLE: dict[str, Any] = {
    "pulse": 1,
    "name": "fitting",
    "version": "1.0.0",
    "task": "binary-classification",
    "source": {"datasource": "d", "query": "select 1", "time": "at", "key": ["id"]},
    "features": {"size": {"type": "float"}, "kind": {"type": "category", "values": ["a", "b"]}},
    "columns": {
        "counts": {"type": "float", "ge": 0},
        "loose": {"type": "float", "nullable": True},
        "word": {"type": "string"},
        "flag": {"type": "bool"},
    },
    "target": {"name": "y", "type": "bool"},
}
REGRESSION = {"task": "regression", "target": {"name": "y", "type": "float"}}
THREE = {"task": "multiclass-classification", "target": {"name": "y", "type": "int", "values": [1, 2, 3]}}


def loaded(training: dict[str, Any], **sections: Any) -> Protocol:
    return loading.loads(as_yaml({**WHOLE, **sections, "training": training}))


@pytest.mark.parametrize(
    ("training", "sections"),
    [
        ({"early_stopping": {"rounds": 5, "metric": "roc_auc"}, "split": {"validation": 0.1}}, {}),
        ({"early_stopping": {"rounds": 5, "metric": "mae"}}, REGRESSION),
        ({"weights": "balanced"}, THREE),
        ({"weights": {"column": "counts"}}, REGRESSION),
        ({"monotone": {"size": "decreasing"}}, {}),
        ({"split": {"by": "group", "column": "id", "test": 0.3}}, {}),
        ({"split": {"by": "column", "column": "kind", "value": "b"}}, {}),
        ({"split": {"by": "column", "column": "flag", "value": True}}, {}),
        ({"split": {"validation": 0.3}}, {"output": {"decision": {"threshold": "auto"}}}),
    ],
)
def test_sound(training: dict[str, Any], sections: dict[str, Any]) -> None:
    """These hold, and their meaning survives canonical JSON."""
    from pulse_blocks.protocol import spec

    protocol = loaded(training, **sections)
    assert spec.from_json(spec.to_json(protocol)) == protocol


@pytest.mark.parametrize(
    ("training", "sections", "path", "code"),
    [
        ({"early_stopping": {"rounds": 5, "metric": "auc"}}, {}, "early_stopping.metric", "unknown_metric"),
        ({"early_stopping": {"rounds": 5}, "params": {"boost": "dart"}}, {}, "early_stopping", "not_for_params"),
        ({"weights": "balanced"}, REGRESSION, "weights", "not_for_task"),
        ({"weights": "even"}, {}, "weights", "not_allowed"),
        ({"weights": {"column": "size"}}, {}, "weights.column", "unknown_column"),
        ({"weights": {"column": "word"}}, {}, "weights.column", "not_for_type"),
        ({"weights": {"column": "loose"}}, {}, "weights.column", "not_for_type"),
        ({"monotone": {"kind": "increasing"}}, {}, "monotone.kind", "not_for_type"),
        ({"monotone": {"counts": "increasing"}}, {}, "monotone.counts", "unknown_column"),
        ({"monotone": {"size": "increasing"}}, THREE, "monotone", "not_for_task"),
        ({"split": {"by": "group"}}, {}, "split", "missing_key"),
        ({"split": {"by": "group", "column": "size"}}, {}, "split.column", "not_for_type"),
        ({"split": {"by": "group", "column": "y"}}, {}, "split.column", "leak"),
        ({"split": {"by": "group", "column": "nowhere"}}, {}, "split.column", "unknown_column"),
        ({"split": {"by": "column", "column": "kind"}}, {}, "split", "missing_key"),
        ({"split": {"by": "column", "column": "kind", "value": "c"}}, {}, "split.value", "not_allowed"),
        ({"split": {"by": "column", "column": "flag", "value": 1}}, {}, "split.value", "wrong_type"),
        ({"split": {"by": "column", "column": "flag", "value": True, "test": 0.1}}, {}, "split.test", "not_for_split"),
        ({"split": {"by": "time", "column": "id"}}, {}, "split.column", "not_for_split"),
        ({"split": {"value": 3}}, {}, "split.value", "not_for_split"),
        ({"split": {"validation": 0.3}}, {}, "split.validation", "not_for_split"),
        ({"params": {"monotone_constraints": "1,0"}}, {}, "params.monotone_constraints", "owned_parameter"),
        ({"params": {"unbalance": True}}, {}, "params.unbalance", "owned_parameter"),
    ],
)  # fmt: skip
def test_contradictions(training: dict[str, Any], sections: dict[str, Any], path: str, code: str) -> None:
    """One problem, at its path, with its code."""
    with pytest.raises(ProtocolError) as error:
        loaded(training, **sections)
    assert [(one.path, one.code) for one in error.value.problems] == [
        (f"training.{path}", f"protocol.{code}")
    ]
