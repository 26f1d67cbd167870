"""The workspace as a Prefect block, so that people can see and change it in the UI."""

from __future__ import annotations

from typing import ClassVar, cast

import msgspec
from prefect.blocks.core import Block
from pydantic import Field

from pulse_blocks import settings
from pulse_blocks.settings import Datasource, Workspace

DEFAULT = "default"


class PulseWorkspace(Block):
    """Where snapshots, models, MLflow and the ledger of a project live.

    A field that is left empty comes from the project's own `.pulse/workspace.toml`. Write a secret as a
    reference to the environment, `${NAME}`: it is resolved where the connection is opened, and stored nowhere.

    Example:
        Load the workspace that flows use:
        ```python
        from pulse_blocks.blocks import PulseWorkspace

        workspace = PulseWorkspace.load("default").get_workspace()
        ```
    """

    _block_type_name: ClassVar[str] = "Pulse Workspace"
    _block_type_slug: ClassVar[str] = "pulse-workspace"
    _description: ClassVar[str] = "Where snapshots, models, MLflow and the ledger of a Pulse project live."

    store: str | None = Field(default=None, description="Path or URL of the store of snapshots and models.")
    ledger: str | None = Field(default=None, description="URL of the ledger, sqlite:///path.")
    tracking: str | None = Field(default=None, description="MLflow tracking URI.")
    artifacts: str | None = Field(default=None, description="Path or URL where MLflow keeps artifacts.")
    aws_credentials: str | None = Field(
        default=None, description="Name of an AWS Credentials block whose keys open an s3:// store."
    )
    datasources: dict[str, str] = Field(
        default_factory=dict, description="Datasources by name, added to those of the project."
    )

    def get_workspace(self) -> Workspace:
        """The workspace of this project with this block's fields over it.

        Keys of an AWS Credentials block are handed to the store in memory, for the whole process.
        """
        if self.aws_credentials is not None:
            _sign_in(self.aws_credentials)
        base = settings.load()
        given = {
            name: value
            for name in ("store", "ledger", "tracking", "artifacts")
            if (value := getattr(self, name)) is not None
        }
        sources = {name: Datasource(url) for name, url in self.datasources.items()}
        merged = msgspec.structs.replace(base, **given, datasources={**base.datasources, **sources})
        return settings.absolute(merged)


def _sign_in(name: str) -> None:
    from prefect_aws import AwsCredentials

    from pulse_blocks.stores.s3_calls import Credentials, sign_in

    block = cast("AwsCredentials", AwsCredentials.load(name))
    # The session also knows profiles and assumed roles.
    keys = block.get_boto3_session().get_credentials().get_frozen_credentials()
    parameters = block.aws_client_parameters.get_params_override()
    endpoint = parameters.get("endpoint_url")
    sign_in(Credentials(keys.access_key, keys.secret_key, keys.token, block.region_name, endpoint))


def load_workspace() -> Workspace:
    """The workspace of a flow: the block `pulse-workspace/default` where there is one, else the project's."""
    block = _load_block()
    return block.get_workspace() if block else settings.load()


def register() -> None:
    """Make the block type known to the server and create `default`, empty, if there is none."""
    PulseWorkspace.register_type_and_schema()
    if _load_block() is None:
        PulseWorkspace().save(DEFAULT)


def _load_block() -> PulseWorkspace | None:
    try:
        block = PulseWorkspace.load(DEFAULT)
    except ValueError:  # Prefect's word for "no such block"
        return None
    # Awaitable only when called in a coroutine, which flows of stages are not.
    return cast("PulseWorkspace", block)
