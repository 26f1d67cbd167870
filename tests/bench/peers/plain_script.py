"""What people write without Pulse: pandas, Pandera, LightGBM, MLflow, one after the other, in one script."""

# ruff: noqa: T201  it prints what it measured
from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

from tests.bench.stopwatch import Stopwatch


def main(database: str, folder: str) -> None:
    """Read, validate, train, log; print seconds and peak memory of each step as JSON."""
    watch = Stopwatch()
    with watch.lap("imports"):
        import lightgbm as lgb
        import mlflow
        import pandas as pd
        import pandera.pandas as pa
        from sklearn.metrics import accuracy_score, average_precision_score, f1_score, roc_auc_score

        from pulse_blocks.protocol.loading import load

    protocol = load(Path("protocols/fraud-detector.yaml"))
    with watch.lap("read"), sqlite3.connect(database) as connection:
        frame = pd.read_sql("select * from transactions order by at", connection)
    with watch.lap("validate"):
        frame["at"] = pd.to_datetime(frame["at"])
        for name in ("card_present", "fraud"):
            frame[name] = frame[name].astype(bool)
        columns = {}
        for name, field in protocol.features.items():
            checks = [pa.Check.isin(list(field.values))] if field.values else []  # noqa: PD011  not a frame's
            checks += [pa.Check.ge(field.ge)] if field.ge is not None else []
            checks += [pa.Check.le(field.le)] if field.le is not None else []
            columns[name] = pa.Column(checks=checks, nullable=field.nullable)
        schema = pa.DataFrameSchema({**columns, "transaction_id": pa.Column(int, unique=True)})
        frame = schema.validate(frame, lazy=True)
    with watch.lap("train"):
        for name, field in protocol.features.items():
            if field.values:  # noqa: PD011
                frame[name] = pd.Categorical(frame[name], categories=list(field.values))
        days = frame["at"].dt.floor("D")
        distinct = days.drop_duplicates().sort_values()
        cut = distinct.iloc[-max(1, round(0.2 * len(distinct)))]
        train, test = frame[days < cut], frame[days >= cut]
        names = list(protocol.features)
        params = {"objective": "binary", "seed": 7, "deterministic": True, "force_row_wise": True}
        params |= {**protocol.training.params, "verbosity": -1}
        data = lgb.Dataset(train[names], train["fraud"])
        booster = lgb.train(params, data, num_boost_round=protocol.training.rounds)
        predicted = booster.predict(test[names])
        metrics = {
            "accuracy": accuracy_score(test["fraud"], predicted >= 0.5),
            "f1_score": f1_score(test["fraud"], predicted >= 0.5),
            "roc_auc": roc_auc_score(test["fraud"], predicted),
            "average_precision": average_precision_score(test["fraud"], predicted),
        }
    with watch.lap("store"):
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        experiment = mlflow.create_experiment("plain", artifact_location=f"{folder}/artifacts")
        with mlflow.start_run(experiment_id=experiment):
            mlflow.log_params(params)
            mlflow.log_metrics(metrics)
            mlflow.lightgbm.log_model(booster, name="model", registered_model_name="plain")
    print(json.dumps({"laps": watch.laps, "metrics": metrics, "rows": len(frame)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
