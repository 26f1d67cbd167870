"""What the tests of training processes ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pulse_blocks.stores import open_store
from pulse_blocks.training.process import Request, discard
from pulse_blocks.validation import validate
from tests import small_data


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Request]:
    """A small validated snapshot, and what its training is asked with; no process is left in the end."""
    folder = str(tmp_path_factory.mktemp("process") / "store")
    store, protocol = open_store(folder), small_data.protocol(training={"rounds": 10})
    snapshot = small_data.snapshot_of(store, protocol, small_data.columns(2000))
    yield Request(
        protocol=protocol,
        snapshot=snapshot,
        validated=validate(protocol, snapshot, store, None),
        store=folder,
    )
    discard()
