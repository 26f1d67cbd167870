"""The URL of an S3 store."""

from __future__ import annotations

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.stores import open_store
from pulse_blocks.stores.s3_url import parse


def test_all_that_a_url_may_say() -> None:
    """Bucket, prefix, and how to get there; the address that people see has no options."""
    place = parse(
        "s3://data.example/a/b/?endpoint=https://s3.example.com&region=eu-central-1&profile=team"
        "&retention=90d&claims=claims"
    )
    assert (place.bucket, place.prefix, place.uri) == ("data.example", "a/b/", "s3://data.example/a/b")
    assert (place.endpoint, place.region, place.profile) == ("https://s3.example.com", "eu-central-1", "team")
    assert (place.retention, place.claims) == (90 * 86_400, "claims")
    assert open_store("s3://bucket?region=x").locate("a/b") == "s3://bucket/a/b"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("s3://", "no name of a bucket"),
        ("s3://Upper", "no name of a bucket"),
        ("s3://key:secret@bucket/x", "no credentials"),
        ("s3://bucket/../x", "no beginning"),
        ("s3://bucket?secret=x", "no option secret"),
        ("s3://bucket?retention=soon&claims=other", "is no retention"),
        ("s3://bucket?retention=1d", "Name a second bucket"),
        ("s3://bucket?retention=1d&claims=bucket", "Name a second bucket"),
        ("s3://bucket?claims=../x", "no name of a bucket"),
    ],
)
def test_what_is_refused(uri: str, reason: str) -> None:
    """In words that name the fault, never the secret."""
    with pytest.raises(PulseError, match=reason) as caught:
        open_store(uri)
    assert "secret@" not in str(caught.value)
