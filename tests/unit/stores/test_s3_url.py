"""The URL of an S3 store."""

from __future__ import annotations

import re

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.stores import open_store, same_store
from pulse_blocks.stores.s3_files import as_expression
from pulse_blocks.stores.s3_url import parse, parse_files


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
        ("s3://bucket?retention=59m&claims=other", "the least is 1h"),
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


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("a/b.csv", ["a/b.csv"], ["a/bxcsv", "x/a/b.csv", "a/b.csv.gz"]),
        ("a/*.csv", ["a/b.csv"], ["a/b/c.csv", "a/b.csv/", "a/.csv"]),
        ("a/**/*.csv", ["a/b.csv", "a/b/c.csv", "a/b/c/d.csv"], ["ab.csv", "a/.b/c.csv"]),
        ("**.csv", ["a.csv"], ["a/b.csv", "a.csv/b"]),
        ("day=*/part (1) [x].csv", ["day=2026-01-01/part (1) [x].csv"], ["day=1/part 1 x.csv"]),
    ],
)
def test_patterns_of_keys(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    """One star stays within a folder, two as a whole name cross folders, and every other sign is itself."""
    expression = re.compile(as_expression(pattern))
    assert [key for key in (*fits, *fits_not) if expression.fullmatch(key)] == fits


def test_a_datasource_in_a_bucket() -> None:
    """Keys are taken as written; options follow after the question mark."""
    place, pattern = parse_files("s3://data/our%20x/a b#1/*.parquet?endpoint=https://s3.example.com&region=x")
    assert (place.bucket, place.endpoint, place.region) == ("data", "https://s3.example.com", "x")
    assert pattern == "our%20x/a b#1/*.parquet"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("s3://bucket", "no bucket with files"),
        ("s3://key:hunter2@bucket/a.csv", "no bucket with files"),
        ("s3://bucket/a.csv?retention=1d", "no option retention"),
        ("s3://../a.csv", "no bucket with files"),
    ],
)
def test_what_is_no_datasource_in_a_bucket(url: str, reason: str) -> None:
    """In words that name the fault, never the secret."""
    with pytest.raises(PulseError, match=reason) as caught:
        parse_files(url)
    assert "hunter2" not in str(caught.value)


def test_one_store_in_several_words() -> None:
    """A slash at the end and options say nothing of which store it is; a bucket, a prefix or a folder does."""
    lake = open_store("s3://lake/pulse")
    for url in (
        "s3://lake/pulse/",
        "s3://lake/pulse?region=eu-west-1",
        "s3://lake/pulse?retention=1d&claims=other",
    ):
        assert same_store(lake, open_store(url))
    for url in ("s3://lake", "s3://pond/pulse", "s3:/lake/pulse", "/lake/pulse"):
        assert not same_store(lake, open_store(url))
    assert same_store(open_store("/srv/a/../store"), open_store("file:///srv/store/"))
    assert not same_store(open_store("/srv/store"), open_store("/srv/store/more"))
