"""What the URL of an S3 store says: ``s3://BUCKET/PREFIX?endpoint=...&region=...&profile=...&retention=...&claims=...``.

Credentials are never part of it: they come from the environment, an AWS profile, or ``sign_in``.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass

from pulse_blocks.errors import PulseError
from pulse_blocks.stores.base import check_prefix

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_DURATION = re.compile(r"([1-9]\d{0,4})(m|h|d)\Z")
# The usual grace time of garbage collection: data that a run finds again are held for the retention, and no longer.
_LEAST_RETENTION = 3_600
_UNITS = {"m": 60, "h": 3_600, "d": 86_400}
_OPTIONS = ("endpoint", "region", "profile", "retention", "claims")
_FORM = "Write s3://BUCKET/PREFIX, with ?endpoint=URL for a server other than AWS."


@dataclass(frozen=True)
class S3Place:
    """A bucket, the beginning of its keys (empty or with a slash at its end), and how to get there.

    ``retention`` is in seconds, 0 without Object Lock; ``claims`` is the bucket in which keys are claimed.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    retention: int = 0
    claims: str | None = None

    @property
    def uri(self) -> str:
        """The place without its options."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def parse(uri: str) -> S3Place:
    """The place that a URL names. Raises PulseError("store.url") for one that is not sound."""
    parts = urllib.parse.urlsplit(uri)
    if "@" in parts.netloc or ":" in parts.netloc:
        raise PulseError(
            "store.url",
            "The URL of an S3 store holds a bucket's name, no credentials and no port.",
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or use an AWS profile.",
        )
    if not _BUCKET.match(parts.netloc):
        raise PulseError("store.url", f"{parts.netloc[:80]!r} is no name of a bucket.", _FORM)
    options = _options(parts.query)
    prefix = parts.path.strip("/")
    place = S3Place(
        bucket=parts.netloc,
        prefix=f"{check_prefix(prefix)}/" if prefix else "",
        endpoint=options.get("endpoint"),
        region=options.get("region"),
        profile=options.get("profile"),
        retention=_seconds(options["retention"]) if "retention" in options else 0,
        claims=options.get("claims"),
    )
    if place.retention and (not place.claims or place.claims == place.bucket):
        raise PulseError(
            "store.claims",
            f"{place.uri} asks for Object Lock, whose bucket has versions, and there a key cannot be claimed once.",
            "Name a second bucket, without versions, for the claims: ?retention=90d&claims=BUCKET.",
        )
    if place.claims and not _BUCKET.match(place.claims):
        raise PulseError("store.url", f"{place.claims[:80]!r} is no name of a bucket.", _FORM)
    return place


def parse_files(url: str) -> tuple[S3Place, str]:
    """The place and the pattern of keys (``*`` within a folder, ``**`` for any folders) of a datasource's files.

    Raises PulseError("store.url") for a URL that is not sound. Keys are taken as they are written, not decoded.
    """
    path, _, query = url.removeprefix("s3://").partition("?")
    bucket, _, pattern = path.partition("/")
    if not _BUCKET.match(bucket) or not pattern:
        raise PulseError(
            "store.url",
            f"The datasource {_without_user(bucket)[:80]!r} in S3 is no bucket with files.",
            "Write s3://BUCKET/PATH/*.parquet, with ?endpoint=URL for a server other than AWS; keys belong elsewhere.",
        )
    given = _options(query, ("endpoint", "region", "profile")).get
    return S3Place(
        bucket=bucket, endpoint=given("endpoint"), region=given("region"), profile=given("profile")
    ), pattern


def with_options(url: str, endpoint: str | None, region: str | None) -> str:
    """The URL with server and region among its options, where it does not say them itself."""
    path, _, query = url.partition("?")
    options = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    for name, value in (("endpoint", endpoint), ("region", region)):
        if value:
            options.setdefault(name, value)
    return f"{path}?{urllib.parse.urlencode(options, safe=':/')}" if options else path


def _without_user(host: str) -> str:
    return host.rpartition("@")[2]


def _options(query: str, known: tuple[str, ...] = _OPTIONS) -> dict[str, str]:
    options = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise PulseError(
            "store.url",
            f"An S3 URL has no option {unknown[0][:40]} here.",
            f"There are {', '.join(known)}.",
        )
    return {name: value for name, value in options.items() if value}


def _seconds(duration: str) -> int:
    found = _DURATION.match(duration)
    seconds = int(found.group(1)) * _UNITS[found.group(2)] if found else 0
    if seconds < _LEAST_RETENTION:
        raise PulseError(
            "store.url", f"{duration[:40]!r} is no retention.", "Write it like 90d or 12h; the least is 1h."
        )
    return seconds
