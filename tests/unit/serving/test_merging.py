"""Metrics of several workers as one text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pulse_blocks.serving.merging import merged

ONE = """# HELP pulse_shed_total Refused.
# TYPE pulse_shed_total counter
pulse_shed_total 3
# HELP pulse_waiting_requests Waiting.
# TYPE pulse_waiting_requests gauge
pulse_waiting_requests{model="a"} 2
# HELP pulse_circuit_state State.
# TYPE pulse_circuit_state gauge
pulse_circuit_state{of="model",id="a b"} 2
# HELP pulse_response_seconds Seconds.
# TYPE pulse_response_seconds histogram
pulse_response_seconds_bucket{le="+Inf"} 4
pulse_response_seconds_sum 0.5
pulse_response_seconds_count 4
"""
OTHER = (
    ONE.replace(" 3\n", " 4\n").replace('"a"} 2', '"b"} 1').replace("} 2\n", "} 0\n").replace(" 0.5", " 0.25")
)


def test_one_alone_stays_as_it_is() -> None:
    """Families in their order, each with its help and its type."""
    assert merged([ONE], []) == ONE


def test_counts_are_added_and_states_are_the_greatest() -> None:
    """By name and labels; a family that only one has is there too."""
    text = merged([ONE, OTHER], [])
    assert "pulse_shed_total 7\n" in text
    assert 'pulse_waiting_requests{model="a"} 2\n' in text
    assert 'pulse_waiting_requests{model="b"} 1\n' in text
    assert 'pulse_circuit_state{of="model",id="a b"} 2\n' in text
    assert "pulse_response_seconds_sum 0.75\n" in text
    assert text.count("# TYPE") == 4


def test_who_died_still_counts_and_waits_no_more() -> None:
    """Counters never fall because a worker is gone; what it had open is gone with it."""
    text = merged([OTHER], [ONE])
    assert "pulse_shed_total 7\n" in text
    assert 'pulse_waiting_requests{model="a"}' not in text
    assert 'pulse_circuit_state{of="model",id="a b"} 0\n' in text


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=6))
def test_any_number_adds_up(counts: list[int]) -> None:
    """In whichever order, dead or alive."""
    texts = [f"# HELP a_total A.\n# TYPE a_total counter\na_total {count}\n" for count in counts]
    assert f"a_total {sum(counts)}\n" in merged(texts, [])
    assert f"a_total {sum(counts)}\n" in merged(texts[:1], texts[1:])
