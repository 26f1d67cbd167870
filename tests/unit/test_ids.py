"""Ids: their form, their order, and what a prefix names."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_blocks import ids

NUMBERS = st.integers(min_value=0, max_value=2**128 - 1)


@given(NUMBERS)
def test_base32_is_the_number_in_crockfords_alphabet(number: int) -> None:
    """26 characters, most significant first, that give the number back."""
    text = ids.base32(number)
    assert re.fullmatch(r"[0-9a-hjkmnp-tv-z]{26}", text)
    value = 0
    for digit in text:
        value = value * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(digit)
    assert value == number


@given(NUMBERS, NUMBERS)
def test_base32_sorts_as_the_numbers_do(one: int, other: int) -> None:
    """The order of two texts must be that of their numbers, or prefixes and ranges would lie."""
    assert (ids.base32(one) < ids.base32(other)) == (one < other)


def test_inference_ids_are_unique_and_sort_by_the_time_of_their_making() -> None:
    """Ten thousand ids made one after the other must be distinct and in order."""
    made = [ids.new_inference_id() for _ in range(10_000)]
    assert len(set(made)) == len(made)
    assert made == sorted(made)


def test_ids_made_at_once_are_as_good() -> None:
    """Distinct, in order, of the time of their making, and between those that were made before and after."""
    made = [
        ids.new_inference_id(), *ids.new_inference_ids(5_000), *ids.new_inference_ids(1), ids.new_inference_id(),
    ]  # fmt: skip
    assert len(set(made)) == 5_003
    assert made == sorted(made)
    assert all(re.fullmatch(r"inference_[0-9a-hjkmnp-tv-z]{26}", one) for one in made)
    assert abs(ids.inference_time(made[2_500]) - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=5)


def test_an_inference_id_knows_when_it_was_made() -> None:
    """The time in the id must be the clock's, to the millisecond."""
    before = dt.datetime.now(dt.UTC) - dt.timedelta(milliseconds=2)
    made = ids.inference_time(ids.new_inference_id())
    assert before <= made <= dt.datetime.now(dt.UTC)


@pytest.mark.parametrize(
    "wrong", ["inference_", "inference_01", "snap_9f2c41ab77e0", "inference_" + "u" * 26]
)
def test_what_is_no_inference_id_has_no_time(wrong: str) -> None:
    """A prefix, another kind of id or a letter outside the alphabet is refused."""
    with pytest.raises(ValueError):  # noqa: PT011  the message is the standard library's for a bad letter
        ids.inference_time(wrong)


def test_ids_have_the_documented_forms() -> None:
    """The three content-addressed forms, from the hashes that they are made of."""
    digest = "9f2c41ab77e0" + "0" * 52
    assert ids.snapshot_id(digest) == "snap_9f2c41ab77e0"
    assert ids.run_id("5d0c8e1f2a3b4c5d6e7f8091a2b3c4d5") == "run_5d0c8e1f2a3b"
    assert ids.model_id("flight-delay", "1.0.0", "3fa94c1" + "f" * 57) == "flight-delay@1.0.0-3fa94c1"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("snap_9f2c41ab77e0", "snapshot"),
        ("snap_", "snapshot"),
        ("run_5d", "run"),
        ("inference_01jd", "inference"),
        ("flight-delay@1.0.0-3fa94c1", "model"),
        ("flight-delay@", "model"),
        ("flight-delay", None),
        ("", None),
        ("SNAP_9f", None),
    ],
)
def test_a_prefix_names_its_kind(text: str, kind: str | None) -> None:
    """Whole ids and their beginnings must be told apart by kind; anything else is none of ours."""
    assert ids.kind_of(text) == kind
