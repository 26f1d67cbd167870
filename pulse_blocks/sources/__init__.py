"""Datasources: where rows come from. Read only, streamed, in canonical types and order."""

from __future__ import annotations

from pathlib import Path

from pulse_blocks.errors import PulseError
from pulse_blocks.secret_urls import resolve_references
from pulse_blocks.settings import Datasource, absolute_url, sqlite_path
from pulse_blocks.sources.base import Query, Rows, Source, query_for

__all__ = ["Query", "Rows", "Source", "open_source", "query_for"]

_FILES = (".parquet", ".csv", ".csv.gz")


def open_source(datasource: Datasource, root: Path | None = None) -> Source:
    """The source behind a datasource's URL; relative paths are below ``root``. Connects to nothing yet.

    Raises PulseError for a URL of no supported form.
    """
    url = resolve_references(datasource.url)
    if root is not None:
        url = absolute_url(url, root)
    if path := sqlite_path(url):
        from pulse_blocks.sources.sqlite import SqliteSource

        return SqliteSource(path)
    if url.startswith(("postgresql://", "postgres://")):
        from pulse_blocks.sources.postgres import PostgresSource

        return PostgresSource(url)
    plain = url.removeprefix("file://")
    in_bucket = plain.startswith("s3://")
    if (in_bucket or "://" not in plain) and plain.partition("?" if in_bucket else "\n")[0].endswith(_FILES):
        from pulse_blocks.sources.files import FileSource

        return FileSource(plain)
    if url.startswith("prefect://"):
        raise PulseError(
            "source.block",
            f"The Prefect block {url.removeprefix('prefect://')} is read in flows, and was not asked for here.",
            "Copy it for use outside Prefect: pulse workspace use default.",
        )
    raise PulseError(
        "source.unsupported",
        f"A datasource {_form(url)} cannot be opened.",
        "Supported are sqlite:///path, postgresql://..., and a path or pattern, also in s3://bucket/, that ends in "
        ".parquet, .csv or .csv.gz.",
    )


def _form(url: str) -> str:
    """What kind of URL it is, without the secrets it may hold."""
    scheme, mark, _ = url.partition("://")
    return f"of the form {scheme}://..." if mark else f"with the path {url!r}"
