"""What a workspace block says, in the words of ``.pulse/workspace.toml``: for commands and runtimes without Prefect."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pulse_blocks.blocks.aws import sign_in_with
from pulse_blocks.blocks.datasources import BLOCK, with_datasource
from pulse_blocks.blocks.loading import load_block
from pulse_blocks.blocks.workspace import PulseWorkspace
from pulse_blocks.errors import PulseError
from pulse_blocks.secret_urls import references
from pulse_blocks.settings import Datasource, Workspace
from pulse_blocks.stores.s3_url import with_options


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """Keys and datasources of a workspace file. ``variables`` must be set in the environment: the secrets."""

    keys: dict[str, str]
    datasources: dict[str, str]
    variables: tuple[str, ...]


def outside(name: str, workspace: Workspace, wanted: Iterable[str]) -> Outside:
    """The settings of the workspace block ``name``, and of every datasource in ``wanted`` that is a block.

    Secrets are references to the environment. Raises PulseError for a block that is missing or cannot be used.
    """
    slug = PulseWorkspace.get_block_type_slug()
    block = load_block(PulseWorkspace, name.removeprefix(f"{slug}/"))
    if block is None:
        raise PulseError(
            "block.missing",
            f"The Prefect server has no block {slug}/{name.removeprefix(f'{slug}/')}.",
            "`prefect block ls` lists those that it has.",
        )
    keys = block.given()
    variables: list[str] = []
    if block.aws_credentials is not None:
        place = sign_in_with(block.aws_credentials)
        if keys.get("store", "").startswith("s3://"):
            keys["store"] = with_options(keys["store"], place.endpoint, place.region)
        variables += place.variables
    sources = {**workspace.datasources, **{name: Datasource(url) for name, url in block.datasources.items()}}
    known = msgspec.structs.replace(workspace, datasources=sources)
    urls = dict(block.datasources)
    for one in dict.fromkeys(
        [*wanted, *(name for name, one in sources.items() if one.url.startswith(BLOCK))]
    ):
        found, more = with_datasource(known, one), known.datasources.get(one)
        if found.datasources.get(one) != more:
            urls[one] = found.datasources[one].url
    for url in (*keys.values(), *urls.values()):
        variables += references(url)
    return Outside(keys=keys, datasources=urls, variables=tuple(dict.fromkeys(variables)))
