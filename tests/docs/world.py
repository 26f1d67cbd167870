"""The project in which the docs' commands run: the repository's own protocols, on few rows, with a history."""

from __future__ import annotations

import datetime as dt
import json
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from pulse_blocks.client import PulseClient
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.spec import FieldSpec, Protocol
from tests.prefect_server import Server
from tests.served_project import serving
from tests.tiny_project import ROOT, pulse

ROWS = 3000
NAME = "flight-delay"


def build(folder: Path, server: Server) -> Path:
    """Two snapshots, two champions one after the other, and a week in June of which the second was asked."""
    folder.mkdir()
    for name in ("protocols", "flows", "deployments"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "prefect.yaml", folder)
    (folder / ".pulse").mkdir()
    protocol = loading.load(folder / "protocols" / f"{NAME}.yaml")
    shutil.copy(folder / "protocols" / f"{NAME}.yaml", folder / "before.yaml")
    write_flights(folder / "flights.db", protocol)
    _pulse(folder, server, "datasource", "add", "flights", "sqlite:///flights.db")
    _pulse(folder, server, "run", NAME, "--end", "2013-03-15")
    _pulse(folder, server, "run", NAME)
    _ask(folder, protocol)
    return folder


def write_flights(path: Path, protocol: Protocol) -> None:
    """A table whose columns hold what the protocol allows; late are the far and the evening ones."""
    draw = random.Random(1)  # noqa: S311 - data, not secrets
    columns = {**protocol.columns, **protocol.features}
    names = ["scheduled", *columns, "late"]
    start, step = dt.datetime(2013, 1, 1), dt.timedelta(days=90) / ROWS  # noqa: DTZ001 - as the table has them
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as db:
        db.execute(f"create table flights ({', '.join(names)})")
        for at in range(ROWS):
            row = record(protocol, draw) | {"flight_id": at + 1, "tailnum": f"N{at:05d}"}
            left = start + at * step
            row |= {"scheduled": left, "departure": left, "arrival": left + dt.timedelta(hours=3)}
            values = [str(v) if isinstance(v, dt.datetime) else v for v in (row[name] for name in names)]
            marks = ",".join("?" * len(names))
            db.execute(f"insert into flights values ({marks})", values)  # noqa: S608 - names of ours
    db.close()


def record(protocol: Protocol, draw: random.Random) -> dict[str, Any]:
    """A row's features and whether it is late."""
    row = {name: _value(field, draw) for name, field in protocol.features.items()}
    risk = row["hour"] / 23 + row["distance"] / 6000 + draw.gauss(0, 0.2)
    return row | {"late": int(risk > 1.2)}


def _value(field: FieldSpec, draw: random.Random) -> Any:
    if field.values:
        return draw.choice(field.values)
    low, high = field.ge or 0, field.le or 1
    return draw.randint(int(low), int(high)) if field.type == "int" else round(draw.uniform(low, high), 1)


def _ask(folder: Path, protocol: Protocol) -> None:
    draw = random.Random(2)  # noqa: S311
    start, step = dt.datetime(2013, 6, 1, tzinfo=dt.UTC), dt.timedelta(days=7) / 600
    asked = []
    for at in range(600):
        row = record(protocol, draw)
        del row["late"]
        asked.append(row | {"scheduled": (start + at * step).isoformat(), "flight_id": 100_000 + at})
    with serving(folder, NAME) as url, PulseClient(url) as client:
        client.predict_many(NAME, asked)


def _pulse(folder: Path, server: Server, *words: str) -> str:
    done = pulse(folder, *words, **server.env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def as_json(folder: Path, server: Server, *words: str) -> Any:
    """What a command says with ``--json``."""
    return json.loads(_pulse(folder, server, *words, "--json"))
