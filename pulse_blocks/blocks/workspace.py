"""The workspace as a Prefect block, so that people can see and change it in the UI."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec
from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, HttpUrl, field_validator

from pulse_blocks import settings
from pulse_blocks.blocks.aws import sign_in_with
from pulse_blocks.blocks.datasources import KINDS
from pulse_blocks.blocks.loading import LOGOS, load_block
from pulse_blocks.secret_urls import has_secret
from pulse_blocks.settings import Datasource, Workspace


class PulseWorkspace(Block):
    """Where snapshots, models, MLflow and the ledger of a project live.

    A field that is left empty comes from the project's own `.pulse/workspace.toml`. Write a secret as a
    reference to the environment, `${NAME}`: it is resolved where the connection is opened, and stored nowhere.

    Example:
        Load the workspace that flows use:
        ```python
        from pulse_blocks.blocks import PulseWorkspace

        workspace = PulseWorkspace.load("BLOCK_NAME").get_workspace()
        ```
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    _block_type_name: ClassVar[str | None] = "Pulse Workspace"
    _block_type_slug: ClassVar[str | None] = "pulse-workspace"
    _description: ClassVar[str | None] = (
        "Where snapshots, models, MLflow and the ledger of a Pulse project live."
    )
    _logo_url: ClassVar[HttpUrl | None] = HttpUrl(f"{LOGOS}/process.png")
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://docs.prefect.io/v3/concepts/blocks")

    store: str | None = Field(default=None, description="Path or URL of the store of snapshots and models.")
    ledger: str | None = Field(
        default=None, description="URL of the ledger, sqlite:///path or postgresql://..."
    )
    tracking: str | None = Field(default=None, description="MLflow tracking URI.")
    artifacts: str | None = Field(default=None, description="Path or URL where MLflow keeps artifacts.")
    durability: Literal["full", "process"] | None = Field(
        default=None,
        description="What a reply's ledger row survives: full, a power loss; process, the death of the process alone.",
    )
    training_pool: str | None = Field(
        default=None, description="Work pool on which training runs; none: in the pipeline's own process."
    )
    dask: str | None = Field(
        default=None,
        description="Address of a Dask scheduler, or a cluster class, for training with several workers.",
    )
    aws_credentials: str | None = Field(
        default=None, description="Name of an AWS Credentials block whose keys open an s3:// store."
    )
    datasources: dict[str, str] = Field(
        default_factory=dict, description="Datasources by name, added to those of the project."
    )

    @field_validator("store", "ledger", "tracking", "artifacts")
    @classmethod
    def _holds_no_secret(cls, url: str | None) -> str | None:
        if url is not None and has_secret(url):
            raise ValueError("write ${NAME} in place of the secret, and set NAME where flows run")
        return url

    @field_validator("datasources")
    @classmethod
    def _hold_no_secrets(cls, urls: dict[str, str]) -> dict[str, str]:
        for name, url in urls.items():
            if has_secret(url):
                raise ValueError(f"the URL of {name} holds a secret: make it a Pulse SQL Datasource block")
        return urls

    def get_workspace(self) -> Workspace:
        """The workspace of this project with this block's fields over it.

        Keys of an AWS Credentials block are handed to the store in memory, for the whole process.
        """
        if self.aws_credentials is not None:
            sign_in_with(self.aws_credentials)
        base = settings.load()
        sources = {name: Datasource(url) for name, url in self.datasources.items()}
        merged = msgspec.structs.replace(base, **self.given(), datasources={**base.datasources, **sources})
        return settings.absolute(merged)

    def given(self) -> dict[str, str]:
        """The fields that say something, by the workspace's own names; not credentials and datasources."""
        values = {name: getattr(self, name) for name in settings.KEYS if name in type(self).model_fields}
        return {name: value for name, value in values.items() if value is not None}


def load_workspace() -> Workspace:
    """The workspace of a flow: the project's, with the block of its name over it where the server has one."""
    workspace = settings.load()
    block = load_block(PulseWorkspace, block_name(workspace))
    return block.get_workspace() if block else workspace


def block_name(workspace: Workspace) -> str:
    """The block of a workspace: of the project's default one `default`, whatever the project calls it."""
    return settings.DEFAULT if workspace.place == settings.FOLDER else workspace.name


def register() -> None:
    """Make the block types known to the server and create the block of the workspace, empty, if there is none."""
    for kind in (PulseWorkspace, *KINDS):
        kind.register_type_and_schema()
    name = block_name(settings.load())
    if load_block(PulseWorkspace, name) is None:
        PulseWorkspace().save(name)
