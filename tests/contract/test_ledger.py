"""What every ledger must do, whatever database it is kept in."""

from __future__ import annotations

import hashlib

import pytest

from pulse_blocks import ids
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.ledger.rows import NewLabel


def row(inference_id: str, model: str = "m@1.0.0-aaaaaaa", text: str = '{"a":1}') -> InferenceTuple:
    output = '{"value":1.0}'
    return (
        inference_id,
        1_700_000_000_000_000,
        None,
        None,
        model,
        text,
        output,
        hashlib.sha256(text.encode()).digest(),
        hashlib.sha256(output.encode()).digest(),
        120,
        0,
    )


def test_an_inference_is_found_as_it_was_written(ledger: Ledger) -> None:
    """Every field comes back, hashes as hex digits."""
    inference_id = ids.new_inference_id()
    ledger.append([row(inference_id)])
    found = ledger.inference(inference_id)
    assert found.id == inference_id
    assert found.input == '{"a":1}'
    assert found.input_sha256 == hashlib.sha256(b'{"a":1}').hexdigest()
    assert found.output_sha256 == hashlib.sha256(found.output.encode()).hexdigest()
    assert (found.at, found.latency_us, found.flags) == (1_700_000_000_000_000, 120, 0)


def test_a_unique_prefix_is_enough(ledger: Ledger) -> None:
    """A prefix of one id finds it; of none or of several it is one clear error."""
    ledger.append([row("inference_01aa"), row("inference_01ab"), row("inference_01a%")])
    assert ledger.inference("inference_01ab").id == "inference_01ab"
    assert ledger.inference("inference_01a%").id == "inference_01a%"
    with pytest.raises(PulseError, match="more than one") as ambiguous:
        ledger.inference("inference_01a")
    with pytest.raises(PulseError, match="knows no inference") as unknown:
        ledger.inference("inference_02")
    assert (ambiguous.value.code, unknown.value.code) == ("lineage.ambiguous", "lineage.unknown")


def test_an_id_that_begins_another_is_itself(ledger: Ledger) -> None:
    """A full id is never ambiguous."""
    ledger.append([row("inference_01"), row("inference_012")])
    assert ledger.inference("inference_01").id == "inference_01"


def test_a_group_is_written_whole_or_not_at_all(ledger: Ledger) -> None:
    """Where one row is refused none of its group is there, and the ledger goes on working."""
    ledger.append([row("inference_a")])
    with pytest.raises(PulseError) as refused:
        ledger.append([row("inference_b"), row("inference_a")])
    assert refused.value.code == "ledger.refused"
    with pytest.raises(PulseError):
        ledger.inference("inference_b")
    ledger.append([row("inference_b")])
    assert ledger.inference("inference_b").id == "inference_b"


@pytest.mark.parametrize("count", [0, 1, 64, 65, 200])
def test_at_once_is_wholly_or_not_at_all(ledger: Ledger, count: int) -> None:
    """Whoever does not want to wait is told whether the rows are there; where they are not, nothing was done."""
    rows = [row(f"inference_{at:04}") for at in range(count)]
    written = ledger.append_at_once(rows)
    found = ledger.inference_counts(["m@1.0.0-aaaaaaa"])
    assert found == {"m@1.0.0-aaaaaaa": count if written else 0}
    if not written:
        ledger.append(rows)
    with pytest.raises(PulseError, match="refused"):
        ledger.append([*rows, row("inference_new"), row("inference_new")])
    assert ledger.inference_counts(["m@1.0.0-aaaaaaa"]) == {"m@1.0.0-aaaaaaa": count}


def test_rows_that_come_twice_are_there_once(ledger: Ledger) -> None:
    """Those that are new are added, the first of two with one id stands, and any number goes."""
    many = [row(f"inference_{at:04}") for at in range(150)]
    ledger.append(many[:100])
    ledger.append_missing([row("inference_0007", text='{"a":2}'), *many[90:]])
    ledger.append_missing(many)
    assert ledger.inference_counts(["m@1.0.0-aaaaaaa"]) == {"m@1.0.0-aaaaaaa": 150}
    assert ledger.inference("inference_0007").input == '{"a":1}'
    assert [one.id for one in ledger.each_inference()] == [one[0] for one in many]


def test_inferences_are_counted_by_model(ledger: Ledger) -> None:
    """Counts are exact, and zero for a model that has answered nothing."""
    ledger.append([row(f"inference_{i}", model="m@1.0.0-aaaaaaa") for i in range(3)])
    ledger.append([row("inference_x", model="m@1.0.0-bbbbbbb")])
    counts = ledger.inference_counts(["m@1.0.0-aaaaaaa", "m@1.0.0-bbbbbbb", "m@1.0.0-ccccccc"])
    assert list(counts.values()) == [3, 1, 0]


def test_inferences_are_streamed_in_the_order_of_time(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them, and those of one model, each once, whatever the size of a page; also at one instant."""
    monkeypatch.setattr("pulse_blocks.ledger.inferences._PAGE", 3)
    assert ledger.oldest_inference() is None
    made = sorted(ids.new_inference_id() for _ in range(8))
    ledger.append([row(one, model=f"m@1.0.0-{'ab'[at % 2]}") for at, one in enumerate(made)])
    assert [one.id for one in ledger.each_inference()] == made
    assert list(ledger.inference_ids("m@1.0.0-a")) == made[::2]
    assert list(ledger.inference_ids("m@1.0.0-c")) == []
    assert ledger.oldest_inference() == made[0]
    assert ledger.inferences_since("m@1.0.0-a", 1_700_000_000_000_000) == 4
    assert ledger.inferences_since("m@1.0.0-a", 1_700_000_000_000_001) == 0


def test_the_newest_attempt_of_every_name_is_told(ledger: Ledger) -> None:
    """Running here, or how it ended."""
    old = ledger.begin("a", "1")
    ledger.end(old.id, "completed", "fine")
    new = ledger.begin("a", "2")
    ledger.end(ledger.begin("b", "1").id, "failed", "no")
    states = {one.name: one for one in ledger.newest_attempts()}
    assert (states["a"].id, states["a"].state, states["a"].ended) == (new.id, "running", None)
    assert (states["b"].state, states["b"].message) == ("failed", "no")


def test_an_event_is_unsent_until_it_is_marked(ledger: Ledger) -> None:
    """Events wait in their order, with their payload, and leave the list once sent."""
    first = ledger.emit("pulse.snapshot.created", "pulse.model.m", {"snapshot": "snap_1", "rows": 3})
    second = ledger.emit("pulse.validation.failed", "pulse.model.m", {})
    assert [event.id for event in ledger.unsent()] == [first, second]
    assert ledger.unsent()[0].payload == {"snapshot": "snap_1", "rows": 3}
    ledger.mark_sent(first)
    assert [event.id for event in ledger.unsent()] == [second]


def test_a_suspicion_of_the_same_window_is_one_event(ledger: Ledger) -> None:
    """The event's id is made of model and window: whoever sees the same finds it there."""
    told = [ledger.suspect_drift("m", "m@1.0.0-aaaaaaa", 7, {"name": "m"}) for _ in range(2)]
    assert told == [True, False]
    assert ledger.suspect_drift("m", "m@1.0.0-aaaaaaa", 8, {"name": "m"})
    assert ledger.suspect_drift("m", "m@1.0.0-bbbbbbb", 7, {"name": "m"})
    assert [event.event for event in ledger.unsent()] == ["pulse.drift.suspected"] * 3


def test_a_living_process_keeps_its_attempt(ledger: Ledger) -> None:
    """A second run beside a running one starts anew instead of taking its work."""
    first, second = ledger.begin("m", "key"), ledger.begin("m", "key")
    assert first.id != second.id
    assert not second.resumed


def test_stages_are_kept_once_and_found_by_record(ledger: Ledger) -> None:
    """The first record of a stage stays; rows are found by the beginning of the record's id."""
    attempt = ledger.begin("m", "key")
    ledger.finish_stage(attempt.id, "snapshot", "snap_aa11", b'{"id":"snap_aa11"}', 1.5)
    ledger.finish_stage(attempt.id, "snapshot", "snap_bb22", b'{"id":"snap_bb22"}', 2.5)
    ledger.finish_stage(attempt.id, "train", "run_1", b"{}", 3.0)
    assert [(r.record_id, r.record, r.seconds) for r in ledger.stage_rows("snap_aa")] == [
        ("snap_aa11", b'{"id":"snap_aa11"}', 1.5)
    ]
    assert ledger.stage_rows("snap_bb") == []
    assert [r.stage for r in ledger.stage_rows("run_", stage="train")] == ["train"]
    assert ledger.stage_rows("run_", stage="store") == []
    assert {name: row.record_id for name, row in ledger.stages_of(attempt.id).items()} == {
        "snapshot": "snap_aa11",
        "train": "run_1",
    }
    assert [r.record_id for r in ledger.stages_beside("snapshot", "snap_aa11", "train")] == ["run_1"]
    assert ledger.stages_beside("snapshot", "snap_aa11", "store") == []
    assert ledger.stages_beside("validate", "snap_aa11", "train") == []


def test_an_ended_attempt_is_not_begun_again(ledger: Ledger) -> None:
    """After an end, whatever its state, the next run starts anew."""
    first = ledger.begin("m", "key")
    ledger.heartbeat(first.id)
    ledger.end(first.id, "failed", "a gate was missed")
    second = ledger.begin("m", "key")
    ledger.end(second.id, "completed")
    third = ledger.begin("m", "key")
    assert len({first.id, second.id, third.id}) == 3
    assert [second.resumed, third.resumed] == [False, False]


def test_labels_are_kept_once_and_corrected_by_a_new_row(ledger: Ledger) -> None:
    """The same label again adds nothing; another value is a new row, also one that was there before."""
    ledger.append([row("inference_1"), row("inference_2")])
    yes, no = (
        NewLabel(inference="inference_1", value="true"),
        NewLabel(inference="inference_1", value="false"),
    )
    other = NewLabel(inference="inference_2", value="true", event_time=5)
    assert [ledger.label([yes, other]), ledger.label([yes, other]), ledger.label([no, yes])] == [2, 0, 2]
    assert [label.value for label in ledger.labels("inference_1")] == ["true", "false", "true"]
    assert [label.event_time for label in ledger.labels("inference_2")] == [5]


def test_the_models_of_many_inferences_are_found(ledger: Ledger) -> None:
    """However many are asked for at once; unknown ids and prefixes are left out."""
    ids_of = [f"inference_{number:04d}" for number in range(1200)]
    ledger.append([row(each) for each in ids_of])
    found = ledger.models_of([*ids_of, "inference_9999", "inference_"])
    assert found == dict.fromkeys(ids_of, "m@1.0.0-aaaaaaa")
