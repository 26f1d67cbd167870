"""A store in an S3 bucket: whole objects by single PUTs, so that one appears whole or not at all.

A key is claimed by a PUT with ``If-None-Match: *`` in a bucket without versions: there S3 makes it atomic. A bucket
with Object Lock has versions, so there the claim goes to a second bucket and the object follows it.
"""

from __future__ import annotations

import base64
import datetime as dt
import email.utils
import hashlib
import secrets
from collections.abc import Iterator
from typing import Any

from pulse_blocks.errors import PulseError
from pulse_blocks.stores.base import Entry, check_key, check_prefix
from pulse_blocks.stores.s3_calls import Calls, MissingError, TakenError
from pulse_blocks.stores.s3_url import S3Place, parse

# An object that was written longer ago is written again in place (by the server itself) when it is found again, so that
# garbage collection, whose grace time is longer, sees that somebody needs it.
RENEW_SECONDS = 600.0
# A writer needs moments from its claim to its object. Where no object has come for so long none will: the claim is that
# of a process that died, and what it stands for may name what has been collected since.
CLAIM_SECONDS = 3_600.0
_TOKEN = "pulse-claim"  # noqa: S105 - the name of a header
# Reports are replaced when the same data are validated again: they are not locked.
_REPLACED = "/validation/"


class S3Store:
    """A store below the prefix of a bucket. Nothing is asked of the server before the first call."""

    def __init__(self, place: S3Place) -> None:
        self._place = place
        self._calls = Calls(place)
        self.uri = place.uri
        self.least_grace = 2 * RENEW_SECONDS

    @classmethod
    def open(cls, uri: str) -> S3Store:
        """The store at an ``s3://`` URL (see ``s3_url``)."""
        return cls(parse(uri))

    def put(self, key: str, data: bytes) -> int:
        """See ``Store.put``. Reads the object where one of this size is there."""
        head = self._head(key)
        if head is not None and head["ContentLength"] == len(data) and self.get(key) == data:
            self._renew(key, head)
            return 0
        self._write(key, data)
        return len(data)

    def create(self, key: str, data: bytes) -> bool:
        """See ``Store.create``. A claim without an object is finished by whoever comes next, or taken if it is old."""
        name, claims = self._name(key), self._place.claims
        if claims is None:
            return self._claim(name, self._place.bucket, data)
        won = self._claim(name, claims, data)
        if not won and self._head(key) is None:
            if self._given_up(name, claims):
                self._calls("delete_object", name, Bucket=claims)
                won = self._claim(name, claims, data)
            if not won:
                self._write(key, self._calls.read(name, claims))
        if won:
            self._write(key, data)
        return won

    def get(self, key: str) -> bytes:
        """See ``Store.get``."""
        try:
            return self._calls.read(self._name(key))
        except MissingError:
            raise PulseError("store.missing", f"The store has no {key} ({self.locate(key)}).") from None

    def size(self, key: str) -> int | None:
        """See ``Store.size``."""
        head = self._head(key)
        return None if head is None else int(head["ContentLength"])

    def keys(self, prefix: str = "") -> Iterator[str]:
        """See ``Store.keys``."""
        for entry in self.entries(prefix):
            yield entry.key

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """See ``Store.entries``. What is no key is passed over."""
        check_prefix(prefix)
        more: dict[str, str] = {}
        while True:
            page = self._calls("list_objects_v2", Prefix=self._place.prefix + prefix, **more)
            for found in page.get("Contents", ()):
                key = found["Key"].removeprefix(self._place.prefix)
                try:
                    yield Entry(check_key(key), int(found["Size"]), found["LastModified"].timestamp())
                except PulseError:
                    continue
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def clock(self) -> float:
        """See ``Store.clock``: the server's."""
        answer = self._calls("list_objects_v2", Prefix=self._place.prefix, MaxKeys=1)
        return email.utils.parsedate_to_datetime(
            answer["ResponseMetadata"]["HTTPHeaders"]["date"]
        ).timestamp()

    def delete(self, key: str) -> None:
        """See ``Store.delete``. Where the bucket has versions, the current one is removed.

        The claim goes first: whoever dies in between leaves an object that the next claim writes over. A claim
        that is left would bring back what it was made for.
        """
        head = self._head(key) or {}
        version = head.get("VersionId")
        if until := _until(head):
            raise PulseError(
                "store.locked",
                f"{self.locate(key)} is held by Object Lock until {until}.",
                "Nobody can delete it before then.",
            )
        if self._place.claims:
            self._calls("delete_object", self._name(key), Bucket=self._place.claims)
        if head:
            named = {"VersionId": version} if version and version != "null" else {}
            self._calls("delete_object", self._name(key), **named)

    def delete_unused(self, key: str, seconds: float) -> bool:
        """See ``Store.delete_unused``."""
        head = self._head(key)
        if head is None:
            return True
        if self._age(head) < seconds:
            return False
        self.delete(key)
        return True

    def locked_until(self, key: str) -> str | None:
        """See ``Store.locked_until``."""
        return _until(self._head(key) or {})

    def unfinished(self, seconds: float, *, delete: bool) -> int:  # noqa: ARG002 - the interface's signature
        """See ``Store.unfinished``: a single PUT is never there by half."""
        return 0

    def locate(self, key: str) -> str:
        """The object's ``s3://`` URL."""
        return f"s3://{self._place.bucket}/{self._name(key)}"

    def _name(self, key: str) -> str:
        return self._place.prefix + check_key(key)

    def _head(self, key: str) -> dict[str, Any] | None:
        try:
            return dict(self._calls("head_object", self._name(key)))
        except MissingError:
            return None

    def _write(self, key: str, data: bytes) -> None:
        self._calls("put_object", self._name(key), Body=data, **_md5(data), **self._lock(key))

    def _lock(self, key: str) -> dict[str, Any]:
        if not self._place.retention or _REPLACED in key:
            return {}
        return {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": self._end()}

    def _end(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self._place.retention)

    def _renew(self, key: str, head: dict[str, Any]) -> None:
        """Say that an object is needed: hold it for the retention from now, or give it a new time."""
        name = self._name(key)
        if self._place.retention:
            held = {"Mode": "COMPLIANCE", "RetainUntilDate": self._end()}
            if self._lock(key):
                self._calls("put_object_retention", name, Retention=held)
        elif self._age(head) > RENEW_SECONDS:
            source = {"Bucket": self._place.bucket, "Key": name}
            try:
                self._calls("copy_object", name, CopySource=source, MetadataDirective="REPLACE", Metadata={})
            except MissingError:
                self._write(key, self.get(key))

    def _age(self, head: dict[str, Any]) -> float:
        """Seconds since an object was written. A server tells its time in whole ones."""
        return max(self.clock() - float(head["LastModified"].timestamp()), 0.0)

    def _claim(self, name: str, bucket: str, data: bytes) -> bool:
        """Write an object where there is none. True for the one of many callers that does."""
        token = secrets.token_hex(16)
        arguments: dict[str, Any] = {"IfNoneMatch": "*", "Metadata": {_TOKEN: token}}
        try:
            self._calls("put_object", name, Bucket=bucket, Body=data, **_md5(data), **arguments)
        except TakenError:
            # The claim may be this call's own, whose answer was lost and which was tried again.
            held = self._head_of_claim(name, bucket)
            return dict(held.get("Metadata", {})).get(_TOKEN) == token
        return True

    def _given_up(self, name: str, bucket: str) -> bool:
        """Whether a claim is so old that its writer does not live any more."""
        held = self._head_of_claim(name, bucket)
        return bool(held) and self._age(held) > CLAIM_SECONDS

    def _head_of_claim(self, name: str, bucket: str) -> dict[str, Any]:
        try:
            return dict(self._calls("head_object", name, Bucket=bucket))
        except MissingError:
            return {}


def _md5(data: bytes) -> dict[str, str]:
    """What the server compares the arrived bytes with. Buckets with Object Lock ask for it."""
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return {"ContentMD5": base64.b64encode(digest).decode("ascii")}


def _until(head: dict[str, Any]) -> str | None:
    """Until when an object is held."""
    end = head.get("ObjectLockRetainUntilDate")
    if end is None or end <= dt.datetime.now(dt.UTC):
        return None
    return str(end.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
