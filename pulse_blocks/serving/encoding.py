"""From a record to the numbers that the model sees, and to what the ledger knows about where it came from."""

from __future__ import annotations

import datetime as dt
import struct
from array import array
from collections.abc import Iterable
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import astuple

from pulse_blocks.bundle.privacy import Privacy
from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.requests import request_columns
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.times import in_calendar

_NAN = float("nan")
_NUMERIC = ("float", "int", "bool", "category")


class Encoder:
    """Turns records of ``request_type`` into rows of doubles, as training did.

    A category is its index in the protocol's ``values``, a missing value NaN, a boolean 0 or 1; columns are
    in the order of the protocol's features.
    """

    def __init__(self, protocol: Protocol, privacy: Privacy | None = None) -> None:
        self.columns = len(protocol.features)
        # An array that is extended by lists takes twice as long.
        self._pack = struct.Struct(f"{self.columns}d").pack
        self._codes: list[tuple[int, dict[Any, float]]] = []
        self._nullable: list[int] = []
        for position, (name, field) in enumerate(protocol.features.items()):
            if field.type not in _NUMERIC:
                raise PulseError("model.features", f"The feature {name} is a {field.type}, not a number.")
            if field.type == "category":
                codes: dict[Any, float] = {v: float(i) for i, v in enumerate(field.values or ())}
                self._codes.append((position, {**codes, None: _NAN}))
            elif field.nullable:
                self._nullable.append(position)
        names = [column.name for column in request_columns(protocol)]
        self._time = f"f{names.index(protocol.source.time)}" if protocol.source.time else None
        self._key = [f"f{names.index(name)}" for name in protocol.source.key]
        given = [*([self._time] if self._time else []), *self._key]
        self._given = attrgetter(*given) if given else None
        self._nothing = (None,) * len(given) if len(given) > 1 else None
        self._names = protocol.source.key
        self._privacy = privacy if privacy and privacy.columns.intersection(self._names) else None

    def matrix(self, records: Iterable[msgspec.Struct]) -> array[float]:
        """All rows, one after the other."""
        rows, columns, pack = [], self.columns, self._pack
        for record in records:
            row = list(astuple(record)[:columns])
            for position, codes in self._codes:
                row[position] = codes[row[position]]
            for position in self._nullable:
                if row[position] is None:
                    row[position] = _NAN
            rows.append(pack(*row))
        return array("d", b"".join(rows))

    def are_told(self, records: Iterable[msgspec.Struct]) -> bool:
        """Whether the ledger can keep the event time of every record: one is in the years 1 to 9999 in UTC too."""
        attribute = self._time
        if attribute is None:
            return True
        for record in records:
            time = getattr(record, attribute)
            # A loop, and no call for most: this is asked of every request.
            if time is not None and not 1 < time.year < dt.MAXYEAR and not in_calendar(time):
                return False
        return True

    def origin(self, record: msgspec.Struct) -> tuple[int | None, str | None]:
        """Event time in microseconds since 1970 and source key, where the record gives them.

        A key of several columns is their JSON array, null where one is missing.
        """
        if self._given is None or self._given(record) == self._nothing:
            return None, None
        time = None if self._time is None else microseconds(getattr(record, self._time))
        key = [getattr(record, attribute) for attribute in self._key]
        if key.count(None) == len(key):
            return time, None
        if self._privacy:
            key = [self._hidden(self._privacy, *column) for column in zip(self._names, key, strict=True)]
        return time, str(key[0]) if len(key) == 1 else msgspec.json.encode(key).decode()

    @staticmethod
    def _hidden(privacy: Privacy, name: str, value: Any) -> Any:
        if value is None or name not in privacy.columns:
            return value
        # As the record's JSON has it, so that both hashes are one.
        return privacy.hashed(name, msgspec.to_builtins(value))


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def microseconds(time: dt.datetime | dt.date | None) -> int | None:
    """Microseconds since 1970; a naive time is taken as UTC, a date as its first moment."""
    if time is None:
        return None
    if not isinstance(time, dt.datetime):
        time = dt.datetime(time.year, time.month, time.day, tzinfo=dt.UTC)
    aware = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
    return (aware - _EPOCH) // dt.timedelta(microseconds=1)
