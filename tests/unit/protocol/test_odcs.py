"""The Open Data Contract Standard: what both can say survives both ways, and everything else is named."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.columns import all_columns
from pulse_blocks.protocol.odcs import exported, imported
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.protocol.writing import as_yaml
from tests.required import need

EXAMPLES = sorted((Path(__file__).parents[3] / "protocols").glob("*.yaml"))
PROTOCOL = """\
pulse: 1
name: parcels
version: 1.2.3
description: Is a "parcel" late?
owner: ops@example.com
task: binary-classification
source:
  datasource: shop
  query: |
    select * from parcels
    where sent >= :start and sent < :end
  window: {last: 90d}
  time: sent
  key: [shop, parcel]
features:
  weight: {type: float, gt: 0, le: 50.5, unit: kg, private: true, description: On the scale.}
  stops: {type: int, ge: 0, lt: 20, nullable: true}
  carrier: {type: category, values: [NO, 'yes', van]}
  zone: {type: category, values: [1, 2, 3]}
  express: {type: bool}
columns:
  shop: {type: int}
  label: {type: string, pattern: '^[A-Z]+$', min_length: 1, max_length: 9, nullable: true}
  arrived: {type: timestamp, nullable: true}
  day: {type: date}
target: {name: late, type: category, values: [no-no, yes-yes]}
checks:
  - {name: arrives, expr: "arrived >= sent and label <> 'it''s (x)'"}
  - {unique: [shop, parcel]}
  - {name: enough, rows: {ge: 10, le: 1000}, severity: warn}
  - {rows: {le: 5000}}
  - {nulls: {column: stops, at_most: 0.07}}
  - {mean: {column: weight, ge: 1.5, le: 20}}
  - {quantile: {column: weight, q: 0.99, le: 40}, severity: warn}
  - {fresh: {within: 36h}}
training: {}
retention: {live: 90d, archived: 730d}
"""


def back(protocol: Protocol, **arguments: Any) -> tuple[Protocol, tuple[str, ...]]:
    """A protocol after its way through the standard and through YAML, and what was lost coming back."""
    document, _ = exported(protocol)
    data, lost = imported(json.loads(json.dumps(document)), **arguments)
    return loading.loads(as_yaml(data)), lost


def test_what_both_can_say_survives_the_way_there_and_back() -> None:
    """Columns with all their rules, roles, units, privacy, key and time, every check, query, window, retention."""
    protocol = loading.loads(PROTOCOL)
    document, lost = exported(protocol)
    assert lost == ()
    again, lost_back = back(protocol)
    assert lost_back == ("training: the standard is about data; the defaults stand.",)
    assert all_columns(again) == all_columns(protocol)
    assert set(again.checks) == set(protocol.checks)
    for key in (
        "name",
        "version",
        "description",
        "owner",
        "task",
        "source",
        "features",
        "columns",
        "target",
        "retention",
    ):
        assert getattr(again, key) == getattr(protocol, key)
    assert imported(document)[0]["checks"]


def test_what_the_standard_cannot_say_is_named() -> None:
    """Every section that is about models and not about data, and only where it says something."""
    more = PROTOCOL.replace("training: {}", "training: {rounds: 7}") + (
        "output: {decision: {threshold: 0.3}}\non_invalid: {quarantine_up_to: 0.5}\nserving: {queue: 5}\n"
        "monitoring: {persistence: 5}\n"
    )
    more = more.replace("{fresh: {within: 36h}}", "{name: new, fresh: {within: 36h}}")
    _, lost = exported(loading.loads(more))
    assert [line.split(":")[0] for line in lost] == [
        "output", "on_invalid", "training", "serving", "monitoring", "checks",
    ]  # fmt: skip


def test_a_share_that_is_no_number_is_no_rule_of_ours() -> None:
    """A quality rule in our own form, but for its number: it is named as one without a place."""
    document, _ = exported(loading.loads(PROTOCOL))
    text = json.dumps(document)
    assert "PERCENTILE_DISC(0.99)" in text
    data, lost = imported(json.loads(text.replace("PERCENTILE_DISC(0.99)", "PERCENTILE_DISC(1.2.3)")))
    assert any("no such rule" in line for line in lost)
    assert not any("quantile" in check for check in data["checks"])


@pytest.mark.parametrize("path", [None, *EXAMPLES], ids=lambda path: path.stem if path else "all")
def test_a_contract_meets_the_json_schema_of_the_standard(path: Path | None) -> None:
    """The schema of 3.1, as the standard's own Python package ships it."""
    spec = importlib.util.find_spec("open_data_contract_standard")
    need(spec, "needs the package open-data-contract-standard 3.1")
    import jsonschema

    assert spec is not None
    assert spec.origin is not None
    schema = json.loads((Path(spec.origin).parent / "schema.json").read_text())
    document, _ = exported(loading.loads(PROTOCOL) if path is None else loading.load(path))
    jsonschema.Draft201909Validator(schema).validate(json.loads(json.dumps(document)))


def test_a_contract_has_the_form_of_the_standard() -> None:
    """Required keys, types, options and rules where the standard has them, one operator in each rule."""
    document, _ = exported(loading.loads(PROTOCOL))
    assert {key: document[key] for key in ("apiVersion", "kind", "id", "status")} == {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": "parcels", "status": "active",
    }  # fmt: skip
    (table,) = document["schema"]
    properties = {one["name"]: one for one in table["properties"]}
    assert list(properties)[:3] == ["sent", "shop", "parcel"]
    assert properties["weight"]["logicalType"] == "number"
    assert properties["weight"]["logicalTypeOptions"] == {"exclusiveMinimum": 0, "maximum": 50.5}
    assert (properties["shop"]["primaryKeyPosition"], properties["parcel"]["primaryKeyPosition"]) == (1, 2)
    assert (properties["stops"]["required"], properties["weight"]["required"]) == (False, True)
    assert properties["zone"]["logicalType"] == "integer"
    nulls = properties["stops"]["quality"][0]
    assert (nulls["metric"], nulls["unit"], nulls["mustBeLessOrEqualTo"]) == ("nullValues", "percent", 7.0)
    rules = table["quality"] + [rule for one in table["properties"] for rule in one.get("quality", ())]
    assert all(sum(key.startswith("must") for key in rule) == 1 for rule in rules)
    assert document["slaProperties"] == [
        {"property": "latency", "value": 36, "unit": "h", "element": "shop.sent"}
    ]


FOREIGN = """\
apiVersion: v3.1.0
kind: DataContract
id: 53581432-6c55-4ba2-a65f-72344a91553a
name: Seller Payments v1
version: 1.1
status: active
domain: seller
tags: [finance]
description: {purpose: Payments of sellers., usage: Reports only.}
servers: [{server: prod, type: postgresql, host: db, port: 5432, database: pay, schema: public}]
schema:
  - name: payments
    physicalName: public.payments_v1
    properties:
      - {name: id, logicalType: string, primaryKey: true, unique: true, required: true}
      - {name: paid_at, logicalType: timestamp, required: true, logicalTypeOptions: {format: yyyy, minimum: '2020'}}
      - {name: amount, logicalType: number, logicalTypeOptions: {minimum: 0, multipleOf: 0.01}, tags: [money]}
      - name: currency
        logicalType: string
        required: true
        quality:
          - {metric: invalidValues, arguments: {validValues: [EUR, USD]}, mustBe: 0}
          - {type: text, description: Is right.}
      - {name: lines, logicalType: array, items: {logicalType: string}}
      - {name: fraud, logicalType: boolean, required: true}
    quality:
      - {metric: rowCount, mustBeGreaterThan: 10, severity: low}
      - {type: sql, query: 'SELECT 1', mustBe: 1}
  - {name: other, properties: []}
team: [{username: a@b.c, role: Owner}, {username: d@e.f, role: data steward}]
slaProperties:
  - {property: latency, value: 4, unit: d, element: payments.paid_at}
  - {property: retention, value: 3, unit: y}
"""


def foreign(
    tmp_path: Path, text: str = FOREIGN, target: str | None = "fraud"
) -> tuple[Protocol, tuple[str, ...]]:
    """A contract that Pulse has not written."""
    path = tmp_path / "contract.odcs.yaml"
    path.write_text(text)
    data, lost = imported(loading.plain(path), target)
    return loading.loads(as_yaml(data)), lost


def test_a_foreign_contract_becomes_a_protocol(tmp_path: Path) -> None:
    """Roles are guessed from types and keys, time from the service level; the rest has defaults."""
    protocol, _ = foreign(tmp_path)
    assert (protocol.name, protocol.version, protocol.owner) == ("seller-payments-v1", "1.1.0", "a@b.c")
    assert (protocol.task, protocol.target.name) == ("binary-classification", "fraud")
    assert protocol.source.query == "select * from public.payments_v1"
    assert (protocol.source.time, protocol.source.key) == ("paid_at", ("id",))
    assert list(protocol.features) == ["amount", "currency"]
    assert protocol.features["amount"].nullable
    assert protocol.features["currency"].values == ("EUR", "USD")
    assert [check.rows.ge for check in protocol.checks if check.rows] == [11]
    assert ("id",) in [check.unique for check in protocol.checks]


def test_all_that_is_lost_or_assumed_is_named(tmp_path: Path) -> None:
    """Nothing disappears in silence."""
    lost = "\n".join(foreign(tmp_path)[1])
    for path in (
        "domain", "tags", "servers", "description.usage", "schema: other", "lines", "retention", "team",
        "schema[0].properties[1].logicalTypeOptions.format", "schema[0].properties[1].logicalTypeOptions.minimum",
        "schema[0].properties[2].logicalTypeOptions.multipleOf", "schema[0].properties[2].tags",
        "schema[0].properties[3].quality[1]", "schema[0].quality[1]", "task: assumed", "source: assumed",
    ):  # fmt: skip
        assert path in lost, path
    assert "schema[0].quality[0]" not in lost


@pytest.mark.parametrize(
    ("old", "new", "target", "code"),
    [
        ("kind: DataContract", "kind: Other", "fraud", "odcs.version"),
        ("v3.1.0", "v2.2.0", "fraud", "odcs.version"),
        ("", "", None, "odcs.no_target"),
        ("", "", "fruad", "odcs.no_target"),
        ("properties:\n      - {name: id", "properties:\n      - [id", "fraud", "odcs.invalid"),
        ("logicalType: boolean", "logicalType: 5", "fraud", "odcs.invalid"),
        ("tags: [finance]", "customProperties: 5", "fraud", "odcs.invalid"),
    ],
)
def test_what_is_no_contract_is_refused(
    tmp_path: Path, old: str, new: str, target: str | None, code: str
) -> None:
    """With the place and the reason, whatever the file holds."""
    text = FOREIGN.replace(old, new, 1)
    if "- [id" in new:
        text = text.replace("primaryKey: true, unique: true, required: true}", "x]").replace(
            "[id, logicalType: string,", "[id,"
        )
    with pytest.raises(PulseError) as refusal:
        foreign(tmp_path, text, target)
    assert refusal.value.code == code


@pytest.mark.parametrize("document", [None, [], "x", 5, {}, {"kind": "DataContract", "apiVersion": "v3.1.0"}])
def test_odd_documents_are_refused(document: object) -> None:
    """Never a traceback."""
    with pytest.raises(PulseError):
        imported(document)
