"""A saved block, or none, or a sentence on what is wrong with it."""

from __future__ import annotations

from typing import TypeVar, cast

from prefect.blocks.core import Block
from pydantic import ValidationError

from pulse_blocks.errors import PulseError

B = TypeVar("B", bound=Block)
# Prefect's own pictures of its blocks, at a commit of its repository: there for as long as that is.
LOGOS = "https://raw.githubusercontent.com/PrefectHQ/prefect/420d0d6a78bb6df1fc18bcf188fdad43c1d22ea9/assets/block-logos"


def load_block(kind: type[B], name: str) -> B | None:
    """The block of that type and name; None where the server has none.

    Raises PulseError("block.invalid") for one that cannot be used; what its fields hold is not repeated.
    """
    try:
        found = kind.load(name)
    except ValueError:  # Prefect's word for "no such block"
        return None
    except RuntimeError as error:  # and for one whose fields do not hold
        if not isinstance(error.__cause__, ValidationError):
            raise
        faults = error.__cause__.errors(include_input=False)
        raise PulseError(
            "block.invalid",
            f"The Prefect block {kind.get_block_type_slug()}/{name} cannot be used: "
            f"{'; '.join(_reason(one['loc'], one['msg']) for one in faults)}.",
            "Correct it in the Prefect UI, below Blocks.",
        ) from None
    # Awaitable only when called in a coroutine, which flows of stages are not.
    return cast("B", found)


def _reason(place: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part) for part in place)
    told = message.removeprefix("Value error, ").rstrip(".")
    return f"{where}: {told}" if where else told
