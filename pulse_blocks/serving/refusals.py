"""How the runtime says no: one JSON form for every error, and the status that goes with it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.protocol.requests import FieldProblem
from pulse_blocks.serving.failures import NotNowError

BODY_LIMIT = 10_000_000
# Nobody is told to wait for longer than this, whatever was measured.
LONGEST_RETRY = 60
# Errors that are neither ours nor out of reach, by code.
_STATUS = {"lineage.unknown": 404, "lineage.no_id": 400, "lineage.ambiguous": 400, "serving.deadline": 504}


class Refusal(PulseError):  # noqa: N818 - an answer as much as an error
    """A request that gets no prediction: its HTTP status, and every bad field where the body was at fault."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        hint: str | None = None,
        *,
        fields: Sequence[FieldProblem] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(code, message, hint)
        self.status = status
        self.fields = tuple(fields)
        self.retry_after = retry_after


def too_large(limit: int) -> Refusal:
    """A body of more than ``limit`` bytes."""
    return Refusal(
        413, "request.too_large", f"The body is larger than {limit:,} bytes.", "Send less in a request."
    )


def internal() -> Refusal:
    """A fault of ours, about which a client can do nothing."""
    return Refusal(500, "serving.internal", "The runtime failed to answer this request.")


def as_refusal(error: PulseError) -> Refusal:
    """Any error of ours as an answer. What went wrong inside is told by code, never by a stack."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, NotNowError):
        seconds = min(LONGEST_RETRY, max(1, math.ceil(error.retry_after)))
        return Refusal(503, error.code, error.message, error.hint, retry_after=seconds)
    if isinstance(error, UnavailableError):
        # The message names files of this host; the log has it.
        message = "The ledger or the store is out of reach."
        return Refusal(503, error.code, message, "Try again later.", retry_after=1)
    return Refusal(_STATUS.get(error.code, 500), error.code, error.message, error.hint)


def body_of(refusal: Refusal) -> bytes:
    """The JSON of a refusal."""
    fields = [{"path": problem.path, "message": problem.message} for problem in refusal.fields]
    error = {"code": refusal.code, "message": refusal.message, "hint": refusal.hint, "fields": fields}
    return msgspec.json.encode({"error": error})
