"""A bare FastAPI route that calls ``Booster.predict`` and does nothing else: no check, no ledger, no lineage."""

from __future__ import annotations

import sys
from typing import Any

import lightgbm as lgb
import numpy as np
import uvicorn
from fastapi import FastAPI, Request

from tests.bench.served_model import CATEGORIES, NAMES

app = FastAPI()
booster = lgb.Booster(model_file=sys.argv[1])
codes = {name: {value: code for code, value in enumerate(values)} for name, values in CATEGORIES.items()}


@app.post("/predict/scores")
async def predict(request: Request) -> dict[str, Any]:
    """One record in, one probability out."""
    record = await request.json()
    row = [record[name] for name in NAMES] + [codes[name][record[name]] for name in CATEGORIES]
    return {"probability": float(booster.predict(np.array([row]), num_threads=1)[0])}


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[2]), loop="uvloop", http="httptools", log_level="critical", access_log=False
    )
