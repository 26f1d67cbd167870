"""Batch scoring: the same bits as online, rows that break the contract apart, nothing twice and nothing half."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import polars as pl
import pytest

from pulse_blocks import archive
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.lineage import trace
from pulse_blocks.scoring import Scored, begin, parts, running
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store
from tests.scored_rows import as_request, canonical, rows, scoring_protocol, scoring_workspace, write_rows
from tests.served_models import matrix, runtime, train, train_and_promote


def table(workspace: Workspace, scored: Scored) -> pl.DataFrame:
    """The predictions, in the order of the files."""
    return pl.concat([pl.read_parquet(Path(workspace.store) / key) for key in scored.files])


def scoring_files(workspace: Workspace) -> set[str]:
    """Whatever lies below the scorings of the store."""
    return set(open_store(workspace.store).keys("scorings/"))


@pytest.mark.parametrize("task", ["binary-classification", "multiclass-classification", "regression"])
def test_the_same_bits_as_the_booster(tmp_path: Path, task: str) -> None:
    """For each task: every row has the booster's own values, as columns and in its output."""
    kind, found = scoring_protocol(task), rows(500)
    workspace = scoring_workspace(tmp_path, found, kind)
    scored = begin(workspace, "parcels").run()
    got = table(workspace, scored).sort("source_key")
    expected = np.asarray(train(kind).predict(matrix(found)))
    names = {
        "binary-classification": ["probability"],
        "multiclass-classification": ["probability_mon", "probability_tue", "probability_wed"],
        "regression": ["value"],
    }[task]
    assert np.array_equal(got.select(names).to_numpy(), expected.reshape(len(found), -1))
    for row in got.head(20).iter_rows(named=True):
        output = msgspec.json.decode(row["output"])
        values = output.get("probabilities", {}).values() or [output.get("probability", output.get("value"))]
        assert [row[name] for name in names] == list(values)


def test_as_if_each_row_had_been_asked_online(tmp_path: Path) -> None:
    """Input, output, their hashes, event time, source key and model are those of the runtime's own answer."""
    found = rows(40)
    workspace = scoring_workspace(tmp_path, found)
    scored = begin(workspace, "parcels").run()
    with open_ledger(workspace.ledger) as ledger:
        (file,) = ledger.inference_files(scored.scoring)
        batch = {one.source_key: one for one in archive.inferences(open_store(workspace.store), file)}
        with runtime(workspace, "parcels") as (url, _):
            for row in found:
                reply = httpx.post(f"{url}/predict/parcels", json=as_request(row)).raise_for_status().json()
                online, offline = ledger.inference(reply["inference_id"]), batch[row["parcel"]]
                for name in (
                    "input", "output", "input_sha256", "output_sha256", "event_time", "source_key", "model",
                ):  # fmt: skip
                    assert getattr(online, name) == getattr(offline, name), name


def test_rows_that_break_the_contract_are_kept_apart(tmp_path: Path) -> None:
    """Each with its reason, and every other row is scored."""
    found = rows(300)
    found[5]["weight"], found[70]["carrier"], found[299]["stops"] = -1.0, "ship", None
    kind = scoring_protocol(checks=[{"name": "light-bikes", "expr": "weight <= 40 or carrier <> 'bike'"}])
    heavy = [row for row in found if row["carrier"] == "bike" and row["weight"] > 40]
    workspace = scoring_workspace(tmp_path, found, kind)
    scored = begin(workspace, "parcels").run()
    assert (scored.rows, scored.refused) == (297 - len(heavy), 3 + len(heavy))
    apart = pl.read_parquet(Path(workspace.store) / scored.refused_files[0])
    reasons = {
        msgspec.json.decode(row["input"])["parcel"]: row["reason"] for row in apart.iter_rows(named=True)
    }
    assert reasons["p000005"].startswith("weight: ")
    assert reasons["p000070"].startswith("carrier: 'ship'")
    assert reasons["p000299"].startswith("stops: ")
    assert {row["parcel"] for row in heavy} <= set(reasons)
    assert not set(reasons) & set(table(workspace, scored)["source_key"])


def test_private_values_are_in_no_file(tmp_path: Path) -> None:
    """Neither in a prediction's input nor with a refused row and its reason; the row can still be told apart."""
    from tests.served_models import FEATURES

    features = {**FEATURES, "weight": {"type": "float", "ge": 0, "le": 50, "private": True}}
    found = rows(60)
    found[0]["weight"], found[1]["weight"] = 31.4159, -31.4159
    workspace = scoring_workspace(tmp_path, found, scoring_protocol(features=features))
    scored = begin(workspace, "parcels").run()
    assert (scored.rows, scored.refused) == (59, 1)
    apart = pl.read_parquet(Path(workspace.store) / scored.refused_files[0])
    text = str(table(workspace, scored)["input"].to_list()) + str(apart.rows())
    assert "31.4159" not in text
    assert text.count("hmac-sha256:") == 60


def test_an_output_out_of_bounds_costs_one_row(tmp_path: Path) -> None:
    """The model's own mistake: that row gets no prediction, as online, and the reason is kept."""
    found = rows(400)
    values = np.asarray(train(scoring_protocol("regression")).predict(matrix(found)))
    bound = float(np.sort(values)[-3])
    kind = scoring_protocol("regression", output={"value": {"le": bound}})
    workspace = scoring_workspace(tmp_path, found, kind)
    scored = begin(workspace, "parcels").run()
    assert (scored.rows, scored.refused) == (398, 2)
    assert np.array_equal(
        np.sort(table(workspace, scored)["value"].to_numpy()), np.sort(values[values <= bound])
    )
    apart = pl.read_parquet(Path(workspace.store) / scored.refused_files[0])
    assert all("does not allow" in reason for reason in apart["reason"])


def test_an_id_is_traced_like_any_other(tmp_path: Path) -> None:
    """From the id to model, scoring and hashes; from the model to the number of its inferences."""
    found = rows(100)
    workspace = scoring_workspace(tmp_path, found)
    scored = begin(workspace, "parcels").run()
    row = table(workspace, scored).row(42, named=True)
    node = trace(workspace, row["id"])
    assert [(child.kind, child.id) for child in node.children] == [
        ("model", scored.model), ("scoring", scored.scoring),
    ]  # fmt: skip
    source = next(one for one in found if one["parcel"] == row["source_key"])
    text = canonical(scoring_protocol(), source)
    assert node.facts["input_hash"] == f"sha256:{hashlib.sha256(text).hexdigest()}"
    assert node.facts["output_hash"] == f"sha256:{hashlib.sha256(row['output'].encode()).hexdigest()}"
    assert trace(workspace, scored.scoring).facts["predictions"] == 100
    assert trace(workspace, scored.model).facts["standing"]["inferences"] == 100


def test_it_can_be_labelled(tmp_path: Path) -> None:
    """`POST /feedback` takes the id of a batch prediction as that of any other, and lineage shows the label."""
    workspace = scoring_workspace(tmp_path, rows(50))
    scored = begin(workspace, "parcels").run()
    inference = table(workspace, scored)["id"][9]
    with runtime(workspace, "parcels") as (url, _):
        labels = [{"inference_id": inference, "value": True}, {"inference_id": inference[:-1], "value": True}]
        told = [httpx.post(f"{url}/feedback", json=label) for label in labels]
    assert [reply.status_code for reply in told] == [200, 422]
    assert trace(workspace, inference).facts["label"] is True


def test_the_same_rows_and_model_are_one_scoring(tmp_path: Path) -> None:
    """Asked for again it is the one that is there; with other rows or another champion it is a new one."""
    found = rows(100)
    workspace = scoring_workspace(tmp_path, found)
    first = begin(workspace, "parcels").run()
    files = scoring_files(workspace)
    again = begin(workspace, "parcels").run()
    assert again.existed
    assert again.scoring == first.scoring
    assert scoring_files(workspace) == files
    found[3]["weight"] = 49.0
    write_rows(tmp_path / ".pulse" / "parcels.db", found)
    second = begin(workspace, "parcels").run()
    assert second.scoring not in (first.scoring, None)
    assert not second.existed
    train_and_promote(workspace, scoring_protocol(), seed=2, version="2")
    third = begin(workspace, "parcels").run()
    assert third.model != first.model
    assert third.rows == 100


def test_two_at_once_are_one(tmp_path: Path) -> None:
    """Both read and predict; one is recorded, the other finds it and leaves no file behind."""
    workspace = scoring_workspace(tmp_path, rows(100))
    one, other = begin(workspace, "parcels"), begin(workspace, "parcels")
    assert one.id != other.id
    with open_ledger(workspace.ledger) as ledger:
        assert other._made_before(ledger) is None
        found = other._score(open_store(workspace.store), ledger)
        first = one.run()
        assert len(scoring_files(workspace)) == 2
        from pulse_blocks.scoring import outcome

        mine = outcome.fact(other.id, other._model.id, other.asked, other._started, found)
        assert ledger.keep_scoring(mine, outcome.files_of(found)).id == first.scoring
    assert other.run().scoring == first.scoring
    assert scoring_files(workspace) == set(first.files)


def test_a_window_a_query_and_a_datasource_of_its_own(tmp_path: Path) -> None:
    """What is asked for by hand is what is read; a time that a query does not give is simply not known."""
    found = rows(280)
    workspace = scoring_workspace(tmp_path, found)
    days = begin(workspace, "parcels", "2026-01-03", "2026-01-05").run()
    assert days.rows == 20
    query = "select parcel, weight, distance, carrier, stops, express from parcels where weight > 25"
    heavy = begin(workspace, "parcels", query=query).run()
    assert heavy.rows == sum(row["weight"] > 25 for row in found)
    assert table(workspace, heavy)["event_time"].null_count() == heavy.rows
    pl.DataFrame(found[:10]).write_parquet(tmp_path / "more.parquet")
    toml = tmp_path / ".pulse" / "workspace.toml"
    toml.write_text(toml.read_text() + f'[datasources.more]\nurl = "{tmp_path}/more.parquet"\n')
    from pulse_blocks import settings

    workspace = settings.load(tmp_path, environ={})
    assert begin(workspace, "parcels", datasource="more", query="select * from more").run().rows == 10


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"datasource": "nowhere"}, "datasource.unknown"),
        ({"start": "2031-01-01", "end": "2031-02-01"}, "source.empty"),
        ({"start": "2026-02-01", "end": "2026-01-01"}, "protocol.window_empty"),
        ({"query": "select weight, distance, carrier, stops, express from parcels"}, "scoring.no_key"),
        ({"query": "select parcel, sent, weight from parcels"}, "source.columns_missing"),
        ({"query": "drop table parcels"}, None),
    ],
)
def test_what_cannot_be_scored_is_refused_in_words(
    tmp_path: Path, asked: dict[str, Any], code: str | None
) -> None:
    """With a stable code; nothing is recorded and no file is left."""
    workspace = scoring_workspace(tmp_path, rows(50))
    with pytest.raises(PulseError) as caught:
        begin(workspace, "parcels", **asked).run()
    assert code is None or caught.value.code == code
    assert not scoring_files(workspace)
    with open_ledger(workspace.ledger) as ledger:
        assert ledger.scorings("parcels") == []


def test_no_row_is_sound(tmp_path: Path) -> None:
    """All rows are kept apart, and the scoring says so: there is no file of predictions."""
    found = rows(20)
    for row in found:
        row["carrier"] = "ship"
    workspace = scoring_workspace(tmp_path, found)
    scored = begin(workspace, "parcels").run()
    assert (scored.rows, scored.refused, scored.files) == (0, 20, ())


def test_parts_have_one_order_and_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small parts are the same predictions as one."""
    workspace = scoring_workspace(tmp_path, rows(1000))
    monkeypatch.setattr(running, "PART_ROWS", 64)
    monkeypatch.setattr(parts, "PART_ROWS", 64)
    scored = begin(workspace, "parcels").run()
    got = table(workspace, scored)
    assert len(scored.files) == 16
    assert got["id"].is_sorted()
    assert got["event_time"].is_sorted()
    assert got["source_key"].n_unique() == 1000


def test_leftovers_go_and_nothing_else(tmp_path: Path) -> None:
    """A file that no scoring names goes once it is old; named ones stay however old."""
    from pulse_blocks.scoring.leftovers import remove_leftovers

    found = rows(50)
    found[1]["weight"] = -1.0
    workspace = scoring_workspace(tmp_path, found)
    begin(workspace, "parcels").run()
    named = scoring_files(workspace)
    store = open_store(workspace.store)
    store.put("scorings/parcels/score_dead/00000-aa.parquet", b"left")
    with open_ledger(workspace.ledger) as ledger:
        assert remove_leftovers(store, ledger, "parcels") == 0
        assert remove_leftovers(store, ledger, "parcels", seconds=0) == 1
    assert scoring_files(workspace) == named
