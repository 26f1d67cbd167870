"""What people have written: the project's folders, protocols and datasources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pulse_blocks.cli.checkup.diagnosis import Diagnosis
from pulse_blocks.errors import PulseError
from pulse_blocks.secret_urls import resolve_references
from pulse_blocks.settings import Workspace, sqlite_path


def project(workspace: Workspace) -> Iterator[Diagnosis]:
    lacking = [
        name for name in ("flows/train.py", "prefect.yaml") if not (Path(workspace.root) / name).exists()
    ]
    if lacking:
        yield Diagnosis(
            name="Project",
            level="warning",
            said=f"{workspace.root} has no {' and no '.join(lacking)}.",
            fix="Go to a project's folder, or make one: pulse init NAME.",
        )
    else:
        yield Diagnosis(name="Project", level="ok", said=workspace.root)


def protocols(workspace: Workspace) -> Iterator[Diagnosis]:
    from pulse_blocks.protocol.loading import load

    paths, sound = sorted(workspace.protocols.glob("*.yaml")), 0
    for path in paths:
        try:
            protocol = load(path)
        except PulseError as error:
            fix = f"pulse check protocols/{path.name}"
            yield Diagnosis(name="Protocols", level="broken", said=f"{path.name}: {error.message}", fix=fix)
            continue
        sound += 1
        if protocol.source.datasource not in workspace.datasources:
            yield Diagnosis(
                name="Protocols",
                level="warning",
                said=f"{path.name} reads from {protocol.source.datasource}, which this workspace has not.",
                fix=f"pulse datasource add {protocol.source.datasource} URL, unless a Prefect block names it.",
            )
    if sound or not paths:
        yield Diagnosis(name="Protocols", level="ok", said=f"{sound} of {len(paths)} sound")


def _file(url: str) -> Path | None:
    """The file of a datasource that is one; none where a pattern or a server stands for many."""
    return None if "://" in url or set("*?[") & set(url) else Path(url)


def datasources(workspace: Workspace) -> Iterator[Diagnosis]:
    for name, source in sorted(workspace.datasources.items()):
        try:
            url = resolve_references(source.url)
        except PulseError as error:
            yield Diagnosis(
                name="Datasources", level="broken", said=f"{name}: {error.message}", fix=error.hint
            )
            continue
        path = sqlite_path(url) or _file(url)
        if path is not None and not path.exists():
            fix = f"Create the file, or: pulse datasource remove {name}"
            yield Diagnosis(name="Datasources", level="broken", said=f"{name}: there is no {path}.", fix=fix)
        else:
            said = f"{name}; pulse datasource test {name} opens it"
            yield Diagnosis(name="Datasources", level="ok", said=said)
