"""Tensors of the Open Inference Protocol as columns of values."""

from __future__ import annotations

import math
import struct
from typing import Any

import msgspec

from pulse_blocks.protocol.requests import FieldProblem
from pulse_blocks.serving.bodies import invalid

# How struct reads a value of each datatype, little-endian as the binary extension says.
_FORMATS = {
    "BOOL": "?", "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q", "UINT8": "B", "UINT16": "H",
    "UINT32": "I", "UINT64": "Q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip
_SIZE_KEY = "binary_data_size"


class Tensor(msgspec.Struct):
    """An input as it comes: its values in ``data``, or so many bytes after the JSON."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
    parameters: dict[str, Any] = {}


def values(tensor: Tensor, tail: bytes, *, is_whole: bool) -> tuple[list[Any], bytes]:
    """A tensor's values and what is left of the binary part. A NaN is a null.

    ``is_whole`` says that the column holds integers: 3.0 of a float tensor is 3. Raises Refusal 422.
    """
    if tensor.datatype != "BYTES" and tensor.datatype not in _FORMATS:
        raise _bad(tensor, f"The datatype {tensor.datatype[:20]} is not known.")
    size = tensor.parameters.get(_SIZE_KEY)
    if tensor.data is None:
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(tail):
            raise _bad(tensor, "Expected data, or a binary_data_size within the body.")
        found, tail = _binary(tensor, tail[:size]), tail[size:]
    else:
        found = _flat(tensor.data)
    if not _fits(tensor.shape, len(found)):
        raise _bad(
            tensor, f"Has {len(found)} values, but its shape is not [{len(found)}] or [{len(found)}, 1]."
        )
    if tensor.datatype[:2] == "FP":
        found = [_number(value, is_whole=is_whole) for value in found]
    return found, tail


def _flat(data: list[Any]) -> list[Any]:
    """The values of a tensor of shape [n, 1] may be lists of one."""
    return [value[0] if isinstance(value, list) and len(value) == 1 else value for value in data]


def _fits(shape: list[int], count: int) -> bool:
    return shape in ([count], [count, 1])


def _binary(tensor: Tensor, data: bytes) -> list[Any]:
    if tensor.datatype == "BYTES":
        return _texts(tensor, data)
    one = _FORMATS[tensor.datatype]
    count, rest = divmod(len(data), struct.calcsize(f"<{one}"))
    if rest:
        raise _bad(tensor, f"{len(data)} bytes are no whole number of {tensor.datatype} values.")
    return list(struct.unpack(f"<{count}{one}", data))


def _texts(tensor: Tensor, data: bytes) -> list[str]:
    """Each text after its length in four bytes."""
    found, at = [], 0
    while at < len(data):
        stop = at + 4
        length = int.from_bytes(data[at:stop], "little")
        if stop > len(data) or stop + length > len(data):
            raise _bad(tensor, "A text is longer than the tensor.")
        try:
            found.append(data[stop : stop + length].decode())
        except UnicodeDecodeError:
            raise _bad(tensor, "A text is not UTF-8.") from None
        at = stop + length
    return found


def _number(value: Any, *, is_whole: bool) -> Any:
    if not isinstance(value, float):
        return value
    if math.isnan(value):
        return None
    return int(value) if is_whole and value.is_integer() else value


def _bad(tensor: Tensor, message: str) -> Exception:
    return invalid([FieldProblem(f"inputs.{tensor.name[:80]}", message)])
