"""Datasources as Prefect blocks: what people see and edit in the UI, secrets apart and encrypted there."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import msgspec
from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, HttpUrl, SecretStr, field_validator

from pulse_blocks import secret_urls, settings
from pulse_blocks.blocks.aws import sign_in_with
from pulse_blocks.blocks.loading import LOGOS, load_block
from pulse_blocks.errors import PulseError
from pulse_blocks.settings import Datasource, Workspace
from pulse_blocks.sources import Source, open_source
from pulse_blocks.stores.s3_url import with_options

BLOCK = "prefect://"


class PulseSqlDatasource(Block):
    """Rows from a SQL database: a SQLite file, or PostgreSQL through ADBC.

    The password has a field of its own, which Prefect encrypts. It is put into the URL where the connection is
    opened, and stands in no file, log or artifact.

    Example:
        Load a datasource and see whether it can be read:
        ```python
        from pulse_blocks.blocks import PulseSqlDatasource

        datasource = PulseSqlDatasource.load("BLOCK_NAME")
        print(datasource.get_source().test())
        ```
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    _block_type_name: ClassVar[str | None] = "Pulse SQL Datasource"
    _block_type_slug: ClassVar[str | None] = "pulse-sql-datasource"
    _description: ClassVar[str | None] = (
        "Rows from SQLite or PostgreSQL, read by ADBC in one consistent read."
    )
    _logo_url: ClassVar[HttpUrl | None] = HttpUrl(f"{LOGOS}/sqlalchemy.png")
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl("https://arrow.apache.org/adbc/")

    url: str = Field(
        description="sqlite:///PATH (below the project's folder), or postgresql://USER@HOST:PORT/DATABASE, without "
        "a password."
    )
    password: SecretStr | None = Field(default=None, description="The password of the URL's user, as it is.")

    @field_validator("url")
    @classmethod
    def _holds_no_secret(cls, url: str) -> str:
        if secret_urls.has_secret(url):
            raise ValueError("a password belongs into the field password, where Prefect encrypts it")
        return url

    def get_datasource(self, name: str | None = None) -> Datasource:
        """What a workspace holds of it: a URL that refers to the password, which is kept in memory from now on."""
        if self.password is None:
            return Datasource(self.url)
        variable = secret_urls.password_variable(name or self._block_document_name or "datasource")
        secret_urls.keep(variable, self.password.get_secret_value())
        return Datasource(secret_urls.with_reference(self.url, variable))

    def get_source(self) -> Source:
        """The database, to be read. Connects to nothing yet."""
        return open_source(self.get_datasource(), settings.find_root())


class PulseFilesDatasource(Block):
    """Rows from files: Parquet or CSV, one or many, on this machine or in S3.

    Keys for S3 come from an AWS Credentials block of prefect-aws, or else from where AWS's own tools take them.

    Example:
        Load a datasource and see whether it can be read:
        ```python
        from pulse_blocks.blocks import PulseFilesDatasource

        datasource = PulseFilesDatasource.load("BLOCK_NAME")
        print(datasource.get_source().test())
        ```
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    _block_type_name: ClassVar[str | None] = "Pulse Files Datasource"
    _block_type_slug: ClassVar[str | None] = "pulse-files-datasource"
    _description: ClassVar[str | None] = "Rows from Parquet or CSV files, on disk or in S3, one or many."
    _logo_url: ClassVar[HttpUrl | None] = HttpUrl(f"{LOGOS}/filesystem.png")
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(
        "https://docs.pola.rs/user-guide/io/cloud-storage/"
    )

    path: str = Field(
        description="A path below the project's folder or s3://BUCKET/PATH that ends in .parquet, .csv or .csv.gz; "
        "* stands for names, ** for folders."
    )
    aws_credentials: str | None = Field(
        default=None,
        description="Name of an AWS Credentials block whose keys open the bucket of an s3:// path.",
    )

    @field_validator("path")
    @classmethod
    def _holds_no_secret(cls, path: str) -> str:
        if secret_urls.has_secret(path):
            raise ValueError("keys belong into an AWS Credentials block")
        return path

    def get_datasource(self, name: str | None = None) -> Datasource:  # noqa: ARG002 - as of SQL, whose secret has a name
        """What a workspace holds of it: the path. Its bucket is opened with the block's keys from now on."""
        if self.aws_credentials is None or not self.path.startswith("s3://"):
            return Datasource(self.path)
        place = sign_in_with(self.aws_credentials, self.path.removeprefix("s3://").partition("/")[0])
        return Datasource(with_options(self.path, place.endpoint, place.region))

    def get_source(self) -> Source:
        """The files, to be read. Opens nothing yet."""
        return open_source(self.get_datasource(), settings.find_root())


KINDS: tuple[type[PulseSqlDatasource | PulseFilesDatasource], ...] = (
    PulseSqlDatasource,
    PulseFilesDatasource,
)


def with_datasource(workspace: Workspace, name: str) -> Workspace:
    """The workspace with the datasource ``name`` as the server's blocks have it, where the workspace has none.

    An entry ``prefect://TYPE/NAME`` of the workspace names a block too. Secrets are kept in memory alone. Raises
    PulseError where that block is missing, or any that is found cannot be used.
    """
    known = workspace.datasources.get(name)
    if known is not None and not known.url.startswith(BLOCK):
        return workspace
    block = _by_name(name) if known is None else _by_address(known.url, name)
    if block is None:
        return workspace
    found = block.get_datasource(name)
    url = settings.absolute_url(found.url, Path(workspace.root))
    return msgspec.structs.replace(workspace, datasources={**workspace.datasources, name: Datasource(url)})


def save_sql(name: str, url: str, password: str) -> str:
    """Keep a database's URL and password as a block of that name; returns its address for the workspace.

    Raises PulseError where there is such a block already.
    """
    address = f"{BLOCK}{PulseSqlDatasource.get_block_type_slug()}/{name}"
    if load_block(PulseSqlDatasource, name) is not None:
        raise PulseError(
            "datasource.exists",
            f"The Prefect server has a block {address.removeprefix(BLOCK)} already.",
            f"Choose another name, or first: prefect block delete {address.removeprefix(BLOCK)}.",
        )
    PulseSqlDatasource.register_type_and_schema()
    PulseSqlDatasource(url=url, password=SecretStr(password)).save(name)
    return address


def _by_name(name: str) -> PulseSqlDatasource | PulseFilesDatasource | None:
    return next((block for kind in KINDS if (block := load_block(kind, name)) is not None), None)


def _by_address(url: str, name: str) -> PulseSqlDatasource | PulseFilesDatasource:
    slug, _, document = url.removeprefix(BLOCK).partition("/")
    kind = next((kind for kind in KINDS if kind.get_block_type_slug() == slug), None)
    block = None if kind is None else load_block(kind, document)
    if block is None:
        raise PulseError(
            "block.missing",
            f"The datasource {name} is the Prefect block {slug}/{document}, which this Prefect server has not.",
            f"Create it there, or: pulse datasource remove {name}, and add it again.",
        )
    return block
