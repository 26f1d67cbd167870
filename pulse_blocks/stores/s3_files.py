"""The files of a datasource in a bucket: which there are, and how a reader gets to them.

They are listed through the one door to S3, so that wrong keys, a missing bucket or a server that is down are told in
its words before anything is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pulse_blocks.errors import UnavailableError
from pulse_blocks.stores.s3_calls import Calls, MissingError
from pulse_blocks.stores.s3_url import S3Place, parse_files


@dataclass(frozen=True)
class S3Files:
    """Some objects of a bucket, in the order of their keys."""

    place: S3Place
    keys: tuple[str, ...]

    @property
    def urls(self) -> list[str]:
        """What polars' own reader calls them; it needs the ``options`` too."""
        return [f"s3://{self.place.bucket}/{key}" for key in self.keys]

    def options(self) -> dict[str, str]:
        """Server and keys in the words of polars' own reader. They hold secrets."""
        return Calls(self.place).options()

    def fetch(self, folder: Path) -> list[str]:
        """Copies in a folder of this machine; names keep their ending. Raises as stores do."""
        calls, paths = Calls(self.place), []
        for number, key in enumerate(self.keys):
            path = folder / f"{number:06d}.{'.'.join(key.rpartition('/')[2].split('.')[1:])}"
            try:
                calls.fetch(key, path)
            except MissingError:
                raise UnavailableError(
                    "store.changed",
                    f"s3://{self.place.bucket}/{key} was deleted while the files were read.",
                    "Try again.",
                ) from None
            paths.append(str(path))
        return paths


def find_files(url: str) -> S3Files:
    """The objects that a URL names, perhaps none. Raises PulseError and UnavailableError as stores do."""
    place, pattern = parse_files(url)
    calls = Calls(place)
    fits = re.compile(as_expression(pattern))
    found: list[str] = []
    more: dict[str, str] = {}
    while True:
        page = calls("list_objects_v2", Prefix=pattern.partition("*")[0], **more)
        found += [entry["Key"] for entry in page.get("Contents", ()) if fits.fullmatch(entry["Key"])]
        if not page.get("IsTruncated"):
            return S3Files(place, tuple(sorted(found)))
        more = {"ContinuationToken": page["NextContinuationToken"]}


def as_expression(pattern: str) -> str:
    """A pattern of keys as a regular expression, with the meaning that ``glob`` gives it on disk.

    ``**`` crosses folders where it is a whole name, and no star stands for a name that begins with a dot.
    """
    *folders, last = pattern.split("/")
    return "".join("(?:(?![.])[^/]+/)*" if name == "**" else f"{_name(name)}/" for name in folders) + _name(
        last
    )


def _name(name: str) -> str:
    visible = "(?![./])" if name.startswith("*") else ""
    return visible + re.sub(r"(\\\*)+", "[^/]*", re.escape(name))
