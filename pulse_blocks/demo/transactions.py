"""Card transactions that never happened, in any number: a table for trying things at scale.

The data are synthetic. Rows come in blocks, each with a generator of its own (PCG64, seeded by the seed and the
number of the block), so that memory is bounded and the first rows are the same whatever the total. One row
falls into each slot of 25.2 seconds from 2025-01-01 on: 1,247,832 rows fill the year, more go beyond it.

A transaction is fraud with the probability of a logistic score over a dozen of the columns, one interaction and
a U-shaped term among them: about 3 % of the rows. Since the label is drawn, no model can be perfect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_blocks.demo.tables import write_table
from pulse_blocks.errors import PulseError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

TABLE = "transactions"
START = "2025-01-01"
SECONDS_APART = 25.2
BLOCK = 32_768

MERCHANTS = {
    "grocery": 0.22,
    "fuel": 0.10,
    "travel": 0.06,
    "dining": 0.15,
    "electronics": 0.07,
    "fashion": 0.09,
    "health": 0.06,
    "gaming": 0.05,
    "jewelry": 0.02,
    "utilities": 0.08,
    "transfer": 0.04,
    "other": 0.06,
}
COUNTRIES = {
    "US": 0.30,
    "GB": 0.10,
    "DE": 0.09,
    "FR": 0.08,
    "ES": 0.05,
    "IT": 0.05,
    "NL": 0.04,
    "SE": 0.03,
    "NO": 0.02,
    "PL": 0.03,
    "CH": 0.02,
    "AT": 0.02,
    "BR": 0.03,
    "MX": 0.02,
    "CA": 0.04,
    "AU": 0.02,
    "JP": 0.02,
    "IN": 0.02,
    "NG": 0.01,
    "ZA": 0.01,
}
CHANNELS = {"web": 0.28, "app": 0.30, "pos": 0.32, "atm": 0.06, "phone": 0.04}
CARDS = {"debit": 0.52, "credit": 0.40, "prepaid": 0.08}

_FLOATS = (
    "amount",
    "balance",
    "avg_amount_7d",
    "avg_amount_30d",
    "distance_from_home_km",
    "velocity_1h",
    "velocity_24h",
    "device_age_days",
    "account_age_days",
    "ip_risk",
    "merchant_risk",
    "time_since_last_h",
    *(f"f_{number:02}" for number in range(1, 7)),
)
_COLUMNS = {
    "transaction_id": "INTEGER PRIMARY KEY",
    "at": "TEXT NOT NULL",
    **dict.fromkeys(_FLOATS, "REAL"),
    **dict.fromkeys(("hour", "weekday", "attempts_24h", "cards_on_account"), "INTEGER NOT NULL"),
    **dict.fromkeys(("merchant_category", "country", "channel", "card_type"), "TEXT NOT NULL"),
    "card_present": "INTEGER NOT NULL",
    "fraud": "INTEGER NOT NULL",
}
Rows = Callable[[int, int], None]


def write_transactions(path: Path, rows: int, seed: int = 7, progress: Rows | None = None) -> int:
    """Write the table ``transactions`` to ``path``, replacing the file at once when complete. Returns ``rows``.

    ``progress`` is told (rows done, rows in total). Raises PulseError where the file cannot be written or
    ``rows`` is not positive.
    """
    if rows < 1 or seed < 0:
        raise PulseError(
            "demo.rows",
            f"Cannot write {rows} transactions with seed {seed}.",
            "Ask for at least one row and a seed from 0 on.",
        )
    return write_table(path, TABLE, _COLUMNS, ("at", "transaction_id"), _blocks(rows, seed, progress))


def _blocks(rows: int, seed: int, progress: Rows | None) -> Iterator[pa.RecordBatch]:
    for number in range(-(-rows // BLOCK)):
        start = number * BLOCK
        yield block(number, seed).slice(0, rows - start)
        if progress:
            progress(min(start + BLOCK, rows), rows)


def block(number: int, seed: int) -> pa.RecordBatch:
    """The rows ``number * BLOCK`` to ``(number + 1) * BLOCK`` of the table, its columns in order."""
    import numpy as np
    import pyarrow as pa

    rng = np.random.Generator(np.random.PCG64([seed, number]))
    columns = _times(rng, number) | _numbers(rng) | _words(rng)
    columns["fraud"] = (rng.random(BLOCK) < _probability(columns)).astype(np.int8)
    arrays = {name: pa.array(values, from_pandas=True) for name, values in columns.items()}
    return pa.RecordBatch.from_arrays([arrays[name] for name in _COLUMNS], names=list(_COLUMNS))


def _times(rng: np.random.Generator, number: int) -> dict[str, Any]:
    import numpy as np

    ids = np.arange(number * BLOCK, (number + 1) * BLOCK, dtype=np.int64)
    seconds = ((ids + rng.random(BLOCK)) * SECONDS_APART).astype(np.int64)
    at = np.datetime64(START, "s") + seconds
    days = seconds // 86_400
    return {
        "transaction_id": ids + 1,
        "at": np.char.replace(np.datetime_as_string(at), "T", " "),
        "hour": (seconds // 3600 % 24).astype(np.int8),
        # 2025-01-01 is a Wednesday; Monday is 0.
        "weekday": ((days + 2) % 7).astype(np.int8),
    }


def _numbers(rng: np.random.Generator) -> dict[str, Any]:
    """Finite numbers of plausible shape; the three nullable ones have NaN where there is no value."""
    import numpy as np

    def gamma(shape: float, scale: float, most: float) -> Any:
        return np.minimum(rng.gamma(shape, scale, BLOCK), most).round(4)

    habit = rng.lognormal(3.6, 0.7, BLOCK)
    amounts = {
        "amount": np.clip(habit * rng.lognormal(0.0, 0.8, BLOCK), 0.5, 50_000),
        "balance": np.minimum(rng.lognormal(7.5, 1.0, BLOCK), 1_000_000),
        "avg_amount_7d": np.clip(habit * rng.lognormal(0.0, 0.3, BLOCK), 0.5, 50_000),
        "avg_amount_30d": _some_missing(
            rng, np.clip(habit * rng.lognormal(0.0, 0.15, BLOCK), 0.5, 50_000), 0.05
        ),
    }
    velocity = gamma(1.2, 0.8, 60.0)
    return {
        **{name: values.round(2) for name, values in amounts.items()},
        "distance_from_home_km": gamma(0.5, 60.0, 20_000.0),
        "velocity_1h": velocity,
        "velocity_24h": (velocity + gamma(2.0, 2.0, 400.0)).round(4),
        "device_age_days": _some_missing(rng, gamma(1.0, 300.0, 3_650.0), 0.08),
        "account_age_days": gamma(1.3, 700.0, 7_300.0),
        "ip_risk": rng.beta(2.0, 5.0, BLOCK).round(4),
        "merchant_risk": rng.beta(2.0, 6.0, BLOCK).round(4),
        "time_since_last_h": _some_missing(rng, gamma(1.0, 18.0, 720.0), 0.03),
        **{name: np.clip(rng.standard_normal(BLOCK), -8.0, 8.0).round(4) for name in _FLOATS[-6:]},
        "attempts_24h": np.minimum(rng.poisson(1.3, BLOCK), 20).astype(np.int8),
        "cards_on_account": (1 + np.minimum(rng.poisson(0.8, BLOCK), 5)).astype(np.int8),
    }


def _some_missing(rng: np.random.Generator, values: Any, share: float) -> Any:
    import numpy as np

    return np.where(rng.random(BLOCK) < share, np.nan, values)


def _words(rng: np.random.Generator) -> dict[str, Any]:
    import numpy as np

    def drawn(shares: dict[str, float]) -> Any:
        borders = np.cumsum(list(shares.values()))
        return np.array(list(shares))[np.searchsorted(borders[:-1], rng.random(BLOCK), side="right")]

    channel = drawn(CHANNELS)
    at_hand = np.where(np.isin(channel, ("pos", "atm")), 0.97, 0.02)
    return {
        "merchant_category": drawn(MERCHANTS),
        "country": drawn(COUNTRIES),
        "channel": channel,
        "card_type": drawn(CARDS),
        "card_present": (rng.random(BLOCK) < at_hand).astype(np.int8),
    }


def _probability(columns: dict[str, Any]) -> Any:
    """The rule: the probability of fraud of each row."""
    import numpy as np

    usual = np.nan_to_num(columns["avg_amount_30d"], nan=50.0)
    excess = np.log(columns["amount"] / usual)
    new_device = np.nan_to_num(columns["device_age_days"], nan=0.0) < 30
    night = columns["hour"] < 5
    remote = columns["card_present"] == 0
    score = (
        -9.1
        + 1.0 * np.maximum(excess, -0.5)
        + 2.2 * remote * (columns["ip_risk"] > 0.4)
        + 3.0 * columns["ip_risk"]
        + 2.6 * columns["merchant_risk"]
        + 0.7 * np.log1p(columns["velocity_1h"]) * (1.0 + new_device)
        + 0.35 * columns["attempts_24h"]
        + 1.1 * new_device
        + 0.9 * night
        + 0.25 * np.log1p(columns["distance_from_home_km"])
        + 1.4 * np.isin(columns["merchant_category"], ("electronics", "jewelry", "gaming", "transfer"))
        + 0.9 * np.isin(columns["country"], ("NG", "BR", "MX"))
        + 0.7 * (columns["card_type"] == "prepaid")
        + 0.5 * (columns["f_01"] * columns["f_02"])
        + 0.3 * (columns["f_03"] ** 2 - 1.0)
        - 0.0004 * columns["account_age_days"]
    )
    return 1.0 / (1.0 + np.exp(-score))
