"""A look at an Arrow stream before it is decoded: a compressed one could grow a thousandfold in memory.

The metadata is a flatbuffer (https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc,
Message.fbs); pyarrow does not tell from Python whether a batch is compressed.
"""

from __future__ import annotations

import struct

import pyarrow as pa

from pulse_blocks.serving.refusals import Refusal

# Tables of Message.fbs: where in a Message its header and the header's type are, and in a RecordBatch its
# compression; a DictionaryBatch holds its RecordBatch as its second field.
_HEADER_TYPE, _HEADER, _COMPRESSION, _DICTIONARY_DATA = 1, 2, 3, 1
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3


def check(body: bytes) -> None:
    """Raise Refusal 415 where any batch of a stream is compressed. What is no stream is told by the decoder."""
    try:
        reader = pa.ipc.MessageReader.open_stream(body)
        while True:
            if _is_compressed(bytes(reader.read_next_message().metadata)):
                raise Refusal(
                    415,
                    "request.compressed",
                    "The Arrow stream is compressed.",
                    "Send it without compression.",
                )
    except StopIteration:
        return
    except (pa.ArrowException, OSError, struct.error, IndexError):
        return


def _is_compressed(metadata: bytes) -> bool:
    message = struct.unpack_from("<I", metadata)[0]
    kind_at, header_at = _field(metadata, message, _HEADER_TYPE), _field(metadata, message, _HEADER)
    if not kind_at or not header_at or metadata[kind_at] not in {_DICTIONARY_BATCH, _RECORD_BATCH}:
        return False
    batch = _table(metadata, header_at)
    if metadata[kind_at] == _DICTIONARY_BATCH:
        data_at = _field(metadata, batch, _DICTIONARY_DATA)
        batch = _table(metadata, data_at) if data_at else batch
    return bool(_field(metadata, batch, _COMPRESSION))


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a table is, 0 where it is left out."""
    fields = table - struct.unpack_from("<i", data, table)[0]
    place = 4 + 2 * number
    if place >= struct.unpack_from("<H", data, fields)[0]:
        return 0
    offset: int = struct.unpack_from("<H", data, fields + place)[0]
    return table + offset if offset else 0


def _table(data: bytes, at: int) -> int:
    place: int = at + struct.unpack_from("<I", data, at)[0]
    return place
