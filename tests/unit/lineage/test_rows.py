"""These rows were wrong: what stands on them?"""

from __future__ import annotations

from pathlib import Path

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.lineage import trace_rows
from pulse_blocks.lineage.text import render
from pulse_blocks.records import Snapshot, to_json
from pulse_blocks.snapshots import layout
from pulse_blocks.validation import validate
from tests import small_data
from tests.lineage_world import World


def snapshot(world: World, rows: int, seed: int = 0) -> Snapshot:
    """Real rows in real chunks: parcels p0000000 and on."""
    return small_data.snapshot_of(world.store, small_data.protocol(), small_data.columns(rows, seed))


def test_rows_lead_to_snapshots_models_and_inferences(world: World) -> None:
    """Only what holds one of the rows is shown, with the chunks, and counts of what stands on it."""
    small, large = snapshot(world, 500), snapshot(world, 1000, seed=1)
    models = [world.keep(world.train(one, seed), one) for one, seed in ((small, "a"), (large, "b"))]
    world.infer(models[0].model, 2)
    world.infer(models[1].model, 3)
    only = trace_rows(world.workspace, "parcel in ('p0000700', 'p0000701', 'nobody')")
    assert [child.id for child in only.children] == [large.id]
    assert (only.facts["matching"], only.facts["chunks"], only.facts["snapshots"]) == (2, 1, 1)
    assert only.facts["standing"] == {"models": 1, "inferences": 3, "live_since": None}
    assert only.children[0].facts["chunks"] == [large.chunks[0].sha256]
    assert only.children[0].children[0].children[0].id == models[1].model
    both = trace_rows(world.workspace, "parcel = 'p0000003'")
    assert {child.id for child in both.children} == {small.id, large.id}
    assert both.facts["standing"]["inferences"] == 5


def test_a_shared_chunk_counts_once_and_is_found_in_every_snapshot(world: World) -> None:
    """An append leaves early chunks as they are: both snapshots hold the row, the chunk is read once."""
    values = small_data.columns(40_000)
    part = {name: column[:-10] for name, column in values.items()}
    contract = small_data.protocol()
    whole = small_data.snapshot_of(world.store, contract, values)
    before = small_data.snapshot_of(world.store, contract, part)
    assert whole.chunks[0] == before.chunks[0]
    found = trace_rows(world.workspace, "parcel = 'p0000003'")
    assert {child.id for child in found.children} == {whole.id, before.id}
    assert (found.facts["matching"], found.facts["chunks"]) == (1, 1)


def test_rows_in_quarantine_are_told(world: World) -> None:
    """Models stand on the snapshot, but no model was trained on a row that validation set aside."""
    contract, values = small_data.protocol(), small_data.columns(500)
    values["weight"][[7, 300]] = -1.0
    found = small_data.snapshot_of(world.store, contract, values)
    world.keep(world.train(found), found)
    attempt = world.ledger.begin("small", "validated").id
    verdict = validate(contract, found, world.store)
    assert verdict.quarantined == 2
    world.ledger.finish_stage(attempt, "validate", found.id, to_json(verdict), 1.0)
    ids = [str(values["parcel"][at]) for at in (7, 8, 300)]
    where = f"parcel in {tuple(ids)}"
    (child,) = trace_rows(world.workspace, where).children
    assert (child.facts["matching"], child.facts["quarantined"]) == (3, 2)
    assert "├── In Quarantine: 2\n" in render(trace_rows(world.workspace, where))
    assert "quarantined" not in trace_rows(world.workspace, f"parcel = '{ids[1]}'").children[0].facts
    world.lose(str(verdict.quarantine))
    assert "quarantine" in trace_rows(world.workspace, where).facts["problems"][0]


def test_nothing_found_is_an_answer(world: World) -> None:
    """No row, no null: zero everywhere, and no error."""
    snapshot(world, 50)
    found = trace_rows(world.workspace, "parcel = 'nobody' or (distance > 1 and distance is null)")
    assert found.children == ()
    assert found.facts["matching"] == 0
    assert "Standing on it: 0 models, 0 inferences" in render(found)


def test_the_search_can_be_narrowed(world: World) -> None:
    """To a datasource or to a snapshot."""
    one, other = snapshot(world, 50), snapshot(world, 60)
    where = "parcel = 'p0000003'"
    assert len(trace_rows(world.workspace, where, "parcels").children) == 2
    assert [child.id for child in trace_rows(world.workspace, where, one.id).children] == [one.id]
    assert other.id != one.id
    with pytest.raises(PulseError) as caught:
        trace_rows(world.workspace, where, "nothing")
    assert caught.value.code == "lineage.no_id"


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("parcl = 'p0000003'", "the nearest is parcel"),
        ("weight", "not true or false"),
        ("sum(weight) > 0", "more than one row"),
        ("weight > 3 * avg(weight)", "more than one row"),
        ("weight::decimal(99,99) > 1", "cannot be asked"),
        ("1 = 1", "names no column"),
        ("", "cannot be asked"),
        ("weight >", "cannot be asked"),
        ("weight > 0; drop table parcels", "cannot be asked"),
        ("weight in (select weight from read_csv('{folder}/secret.csv'))", "holds a query"),
        ("weight in (\nSELECT 1)", "holds a query"),
    ],
)
def test_a_condition_that_cannot_be_asked_is_one_clear_error(
    world: World, tmp_path: Path, condition: str, reason: str
) -> None:
    """Whatever is typed: never a query, never a file, never a traceback."""
    (tmp_path / "secret.csv").write_text("weight\n1\n")
    snapshot(world, 50)
    with pytest.raises(PulseError) as caught:
        trace_rows(world.workspace, condition.format(folder=tmp_path))
    assert caught.value.code == "lineage.condition"
    assert reason in caught.value.message


def test_the_word_select_in_a_value_is_no_query(world: World) -> None:
    """Text in quotes is text."""
    snapshot(world, 50)
    assert trace_rows(world.workspace, "parcel = 'select'").facts["matching"] == 0


def test_what_cannot_be_read_is_told_and_the_rest_is_searched(world: World) -> None:
    """A chunk that is gone, a manifest that is damaged, a snapshot without the column."""
    sound, torn, unreadable = snapshot(world, 50), snapshot(world, 60), snapshot(world, 70)
    world.lose(layout.chunk_key(torn.chunks[0].sha256))
    world.lose(layout.manifest_key(unreadable.id))
    world.store.create(layout.manifest_key(unreadable.id), b"[")
    other = world.snapshot()
    found = trace_rows(world.workspace, "parcel = 'p0000003'")
    assert [child.id for child in found.children] == [sound.id]
    told = " ".join(found.facts["problems"])
    assert torn.chunks[0].sha256 in told
    assert unreadable.id in told
    assert f"Not asked: {other.id} has no column parcel" in told
    assert "Missing:" in render(found)
