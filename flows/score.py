"""Batch scoring: the champion's predictions for many rows at once, each with an id that can be traced."""

from __future__ import annotations

import datetime as dt
from typing import Any

from prefect import State, flow

from flows.tasks import a_stage
from pulse_blocks.blocks.scoring import conduct
from pulse_blocks.scoring import Scored, ScoringRun


@flow(name="score", flow_run_name="score {protocol}", persist_result=False)
def score(
    protocol: str,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    datasource: str | None = None,
    query: str | None = None,
) -> State[Any]:
    """Predict every row of a datasource with the model that is champion of a protocol.

    Args:
        protocol: Name of the model, for example flight-delay.
        start: First moment of the rows (UTC). Empty: the protocol's own window.
        end: The moment after the last one (UTC). Empty: the protocol's own window.
        datasource: Where the rows are. Empty: the datasource that the model was trained on.
        query: What gives the features and the key. Empty: the query that the model was trained on.
    """
    return conduct(predict.submit, protocol, start, end, datasource, query)


@a_stage
def predict(run: ScoringRun) -> Scored:
    """Score all rows in parts; what an interrupted run had finished is not repeated."""
    return run.run()
