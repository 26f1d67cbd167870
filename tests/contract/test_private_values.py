"""What a private column holds is in no error of a source: errors go to the ledger, to Prefect and to logs."""

from __future__ import annotations

import datetime as dt
import traceback

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.columns import ColumnSpec
from pulse_blocks.protocol.spec import FieldSpec, FieldType
from pulse_blocks.sources import Query, open_source
from tests.source_writers import Cells, Write

PLANTED = "SSN-987-65-4321"


def _column(name: str, kind: FieldType, *, private: bool) -> ColumnSpec:
    return ColumnSpec(name=name, role="column", field=FieldSpec(type=kind, private=private))


def _rows() -> Cells:
    start = dt.datetime(2026, 1, 1)  # noqa: DTZ001 - stored naive, as most tables are
    return [
        {"at": start + dt.timedelta(hours=n), "id": f"{PLANTED}-{n}", "ssn": PLANTED if n == 7 else str(n)}
        for n in range(20)
    ]


def test_no_error_repeats_it(write: Write) -> None:
    """Neither the value nor a private key of its row, whoever finds it: Pulse, the driver or the database."""
    columns = (
        _column("at", "timestamp", private=False),
        _column("id", "string", private=True),
        _column("ssn", "int", private=True),
    )
    datasource = write(_rows())
    asked = ["ssn", "cast(ssn as int) as ssn"]
    for ssn in asked[:1] if datasource.url.startswith("sqlite") else asked:  # SQLite casts such text to 0
        sql = f"select at, id, {ssn} from orders"  # noqa: S608 - written above
        query = Query(datasource="orders", sql=sql, columns=columns, time="at", key=("id",))
        with pytest.raises(PulseError, match="orders") as caught:
            for _ in open_source(datasource).stream(query).batches:
                pass
        assert PLANTED not in "".join(traceback.format_exception(caught.value))


def test_what_is_not_private_is_told(write: Write) -> None:
    """The row is still found: by its time and the parts of its key that are not private."""
    columns = (
        _column("at", "timestamp", private=False),
        _column("id", "string", private=True),
        _column("ssn", "int", private=True),
    )
    query = Query(
        datasource="orders", sql="select at, id, ssn from orders", columns=columns, time="at", key=("id",)
    )
    with pytest.raises(
        PulseError, match=r"column ssn holds a private value in the row at=2026-01-01.07"
    ) as caught:
        for _ in open_source(write(_rows())).stream(query).batches:
            pass
    assert "id=(private)" in caught.value.message
