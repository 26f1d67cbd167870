"""Prefect's own standard for blocks, held to each of Pulse's: descriptions, documentation, example, picture."""

from __future__ import annotations

import json
import re
import urllib.error
from pathlib import Path
from typing import Any

import prefect
import pytest
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites import BlockStandardTestSuite
from pydantic import SecretStr

from pulse_blocks import blocks, settings
from pulse_blocks.blocks import PulseFilesDatasource, PulseSqlDatasource, PulseWorkspace

ALL: list[type[Block]] = [PulseWorkspace, PulseSqlDatasource, PulseFilesDatasource]


@pytest.mark.parametrize("block", ALL)
class TestBlocks(BlockStandardTestSuite):
    """The suite that Prefect's integrations pass."""

    @pytest.fixture
    def block(self, request: pytest.FixtureRequest) -> type[Block]:
        """Each block in turn."""
        kind: type[Block] = request.param
        return kind

    def test_has_a_valid_image(self, block: type[Block]) -> None:
        """It is fetched where the internet can be reached; else it is one of those that Prefect's own blocks have."""
        try:
            super().test_has_a_valid_image(block)
        except (urllib.error.URLError, TimeoutError):
            assert str(block._logo_url) in known_pictures()


def known_pictures() -> set[str]:
    """The pictures that the installed Prefect shows for its blocks, and for those of its integrations."""
    folder = Path(prefect.__file__).parent
    known = json.loads((folder / "server" / "collection_blocks_data.json").read_text())
    found: set[Any] = {
        kind.get("logo_url")
        for collection in known["collections"].values()
        for kind in collection["block_types"].values()
    }
    pattern = re.compile(r"https://raw\.githubusercontent\.com/[\w/.-]+\.png")
    for path in [*folder.glob("*.py"), *folder.glob("blocks/*.py"), *folder.glob("workers/*.py")]:
        found |= set(pattern.findall(path.read_text()))
    return found


def test_every_block_of_the_collection_is_held_to_it() -> None:
    """A block more is one more above."""
    assert {kind.__name__ for kind in ALL} == set(blocks.__all__)


def test_the_workspace_block_says_all_that_a_workspace_says() -> None:
    """Every key of the file but its name, which is the block's own."""
    assert set(settings.KEYS) - {"name"} <= set(PulseWorkspace.model_fields)


@pytest.mark.parametrize("block", ALL)
def test_the_name_fits_the_slug(block: type[Block]) -> None:
    """People see the name, protocols and commands take the slug."""
    assert block.get_block_type_slug() == block.get_block_type_name().lower().replace(" ", "-")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (PulseSqlDatasource, {"url": "postgresql://pulse:hunter2@db/facts"}),
        (PulseFilesDatasource, {"path": "s3://key:hunter2@bucket/a.csv"}),
        (PulseWorkspace, {"ledger": "postgresql://pulse:hunter2@db/facts"}),
        (PulseWorkspace, {"datasources": {"facts": "postgresql://pulse:hunter2@db/facts"}}),
    ],
)
def test_a_secret_in_the_clear_is_refused_and_not_repeated(kind: type[Block], fields: dict[str, Any]) -> None:
    """Fields that everybody sees hold none; the error says where it belongs."""
    with pytest.raises(ValueError, match=r"belong|secret") as caught:
        kind(**fields)
    assert "hunter2" not in str(caught.value)


def test_a_password_is_encrypted_by_prefect_and_shown_nowhere() -> None:
    """Neither the block's text nor its schema's example, and as JSON only where a document is saved."""
    block = PulseSqlDatasource(url="postgresql://pulse@db/facts", password=SecretStr("hunter2"))
    assert "hunter2" not in repr(block) + str(block) + block.model_dump_json()
    fields = PulseSqlDatasource._to_block_schema().fields
    assert fields["secret_fields"] == ["password"]
