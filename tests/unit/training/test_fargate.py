"""Fargate's sizes: every plan becomes the smallest pair that is sold and holds it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_blocks.errors import PulseError
from pulse_blocks.training.fargate import MIB, pairs, round_up

GIB_STEPS = {
    256: [512, 1024, 2048],
    512: [1024 * at for at in range(1, 5)],
    1024: [1024 * at for at in range(2, 9)],
    2048: [1024 * at for at in range(4, 17)],
    4096: [1024 * at for at in range(8, 31)],
    8192: [4096 * at for at in range(4, 16)],
    16384: [8192 * at for at in range(4, 16)],
}


def test_the_whole_table() -> None:
    """As AWS documents it."""
    assert sorted(pairs()) == sorted((cpu, memory) for cpu, all_ in GIB_STEPS.items() for memory in all_)


@pytest.mark.parametrize("pair", pairs())
def test_a_pair_is_itself_and_a_byte_more_is_the_next(pair: tuple[int, int]) -> None:
    """Asked for exactly what is sold that is given; with more memory a pair that has more."""
    cpu, memory = pair
    assert round_up(cpu / 1024, memory * MIB) == pair
    if pair != pairs()[-1]:
        above = round_up(cpu / 1024, memory * MIB + 1)
        assert above.cpu >= cpu
        assert above.memory > memory


@given(cores=st.floats(0.1, 16), mib=st.integers(1, 122_880))
def test_never_less_than_asked_and_nothing_smaller_would_do(cores: float, mib: int) -> None:
    """The smallest of all pairs that are large enough, by cores and then by memory."""
    found = round_up(cores, mib * MIB)
    assert found in [pair for pair in pairs() if pair.cpu >= cores * 1024 and pair.memory >= mib]
    assert found == min(pair for pair in pairs() if pair.cpu >= cores * 1024 and pair.memory >= mib)


@pytest.mark.parametrize(("cores", "mib"), [(17, 1), (1, 122_881)])
def test_too_large(cores: float, mib: int) -> None:
    """What nobody sells is refused with a way out."""
    with pytest.raises(PulseError) as error:
        round_up(cores, mib * MIB)
    assert error.value.code == "training.too_large"
