"""Finding inferences in files: which file by the ledger, which rows by the file's footer.

A file is read whole, because its hash is compared before anything in it is believed; of its rows only the group
that may hold an id is decoded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pulse_blocks.archive import columns
from pulse_blocks.errors import PulseError
from pulse_blocks.formats import require_known
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.inference_files import InferenceFile
from pulse_blocks.ledger.rows import Inference
from pulse_blocks.stores.base import Store

if TYPE_CHECKING:
    import pyarrow as pa

ParquetFile = Any  # pyarrow carries no types


class Filed(msgspec.Struct, frozen=True):
    """An inference and the file that holds it."""

    inference: Inference
    file: InferenceFile


def find(ledger: Ledger, store: Store, id_or_prefix: str, most: int = 2) -> list[Filed]:
    """The inferences in files whose id begins so, by id, at most so many.

    Raises PulseError ``archive.corrupt`` or ``store.missing`` where a file that may hold one cannot be believed.
    """
    found: list[Filed] = []
    for file in ledger.inference_files_of(id_or_prefix):
        if len(found) >= most and file.first_id > found[most - 1].inference.id:
            break
        if file.deleted is not None:
            continue
        parquet = _opened(store, file)
        found += [Filed(one, file) for one in _matching(parquet, id_or_prefix, most)]
        found.sort(key=lambda one: one.inference.id)
    return found[:most]


def models_of(ledger: Ledger, store: Store, ids: Sequence[str]) -> dict[str, str]:
    """The model of each of these inferences that a file holds, by full id. Each file is read once."""
    wanted: dict[str, tuple[InferenceFile, set[str]]] = {}
    for one in ids:
        for file in ledger.inference_files_of(one) if one else ():
            if file.deleted is not None:
                continue
            wanted.setdefault(file.key, (file, set()))[1].add(one)
    models: dict[str, str] = {}
    for file, some in wanted.values():
        for batch in batches(store, file, ["id", "model"]):
            pairs = zip(batch.column("id").to_pylist(), batch.column("model").to_pylist(), strict=True)
            models.update((one, model) for one, model in pairs if one in some)
    return models


def ids_of(ledger: Ledger, store: Store, model: str) -> Iterator[str]:
    """The ids of all inferences of a model that are in files, file by file; streamed. Deleted files give none."""
    for file in ledger.inference_files():
        if model not in file.models or file.deleted is not None:
            continue
        for batch in batches(store, file, ["id", "model"]):
            pairs = zip(batch.column("id").to_pylist(), batch.column("model").to_pylist(), strict=True)
            yield from (one for one, by in pairs if by == model)


def inferences(store: Store, file: InferenceFile) -> Iterator[Inference]:
    """All inferences of a file, as the ledger would give them. Raises as ``batches``."""
    for batch in batches(store, file):
        yield from columns.inferences(batch)


def batches(
    store: Store, file: InferenceFile, names: Sequence[str] = columns.NAMES
) -> Iterator[pa.RecordBatch]:
    """The rows of a file, a group at a time, with the columns that are named.

    Raises PulseError ``archive.corrupt`` where a byte of the file has changed, ``store.missing`` where it is gone,
    ``archive.newer`` for one that a later version of Pulse has written.
    """
    parquet = _opened(store, file)
    for number in range(parquet.num_row_groups):
        yield from parquet.read_row_group(number, columns=list(names)).to_batches()


def _opened(store: Store, file: InferenceFile) -> ParquetFile:
    """The file, parsed from the very bytes that were hashed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = store.get(file.key)
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise _corrupt(store, file, "its sha256 is not the one that was recorded")
    try:
        parquet = pq.ParquetFile(pa.BufferReader(data))
        said = (parquet.metadata.metadata or {}).get(columns.FORMAT_KEY, b"1")
        found = int(said)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _corrupt(store, file, f"it is no file of inferences ({error})") from error
    require_known("archive.newer", f"The archive {store.locate(file.key)}", found, columns.FORMAT)
    return parquet


def _matching(parquet: ParquetFile, prefix: str, most: int) -> list[Inference]:
    """The first rows whose id begins so."""
    import pyarrow.compute as pc

    found: list[Inference] = []
    for number in range(parquet.num_row_groups):
        ends = parquet.metadata.row_group(number).column(0).statistics
        if ends.max < prefix or (ends.min > prefix and not ends.min.startswith(prefix)):
            continue
        for batch in parquet.read_row_group(number).to_batches():
            rows = batch.filter(pc.starts_with(batch.column("id"), prefix)).slice(0, most - len(found))
            found += columns.inferences(rows)
            if len(found) == most:
                return found
    return found


def _corrupt(store: Store, file: InferenceFile, reason: str) -> PulseError:
    return PulseError(
        "archive.corrupt",
        f"{store.locate(file.key)} cannot be used: {reason}.",
        "Restore the file from a backup.",
    )
