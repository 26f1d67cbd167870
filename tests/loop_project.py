"""Small models with the deployments and automations of this repository."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from tests.tiny_project import PROTOCOL, ROOT, make_project

NAMES = ("tiny", "lorry", "barge")
# A model for a run that is killed.
VICTIM = "sled"
MONITORING = """\
monitoring: {on_drift: retrain, cooldown: 1h}
"""


_SHORT = PROTOCOL.replace("end: 2026-03-01", "end: 2026-02-10").replace(
    "    - {metric: roc_auc, not_below_champion_by: 0.01}\n", ""
)


def make(folder: Path) -> Path:
    """A project trained on data to mid February, whose drift is to be retrained."""
    make_project(folder, _SHORT + MONITORING)
    for name in (*NAMES[1:], VICTIM):
        add(folder, name)
    shutil.copytree(ROOT / "deployments" / "automations", folder / "deployments" / "automations")
    shutil.copy(ROOT / "prefect.toml", folder)
    raw = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    # Those with a schedule of their own are about this repository's protocols.
    kept = [one for one in raw["deployments"] if one["name"].startswith("on-")]
    (folder / "prefect.yaml").write_text(yaml.safe_dump({"name": "loop", "deployments": kept}))
    return folder


def add(folder: Path, name: str, monitoring: str = MONITORING, datasource: str = "parcels") -> None:
    """One more model; another ``datasource`` than ``parcels`` is an SQLite file of its own below .pulse/."""
    text = (_SHORT + monitoring).replace("name: tiny", f"name: {name}")
    text = text.replace("datasource: parcels", f"datasource: {datasource}")
    (folder / "protocols" / f"{name}.yaml").write_text(text)
    if datasource != "parcels":
        with (folder / ".pulse" / "workspace.toml").open("a") as file:
            file.write(f'[datasources.{datasource}]\nurl = "sqlite:///.pulse/{datasource}.db"\n')
