"""What differs between two models, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pulse_blocks.lineage.difference import Change, ModelDifference, SnapshotDifference
from pulse_blocks.lineage.text import count_of


def render(found: ModelDifference) -> str:
    """Sections of what differs, each change on a line of its own; without a trailing newline."""
    trees = "the same trees" if found.same_trees else "other trees"
    parts = [f"{found.before} → {found.after}: {trees}"]
    if found.snapshot:
        parts.append(_snapshot(found.snapshot))
    parts += [
        _section("Versions", found.versions),
        _section("Protocol", found.protocol),
        _section("Parameters", found.parameters),
        _section("Metrics", found.metrics),
    ]
    parts += [f"Missing: {one}" for one in found.missing]
    return "\n".join(part for part in parts if part)


def _snapshot(found: SnapshotDifference) -> str:
    if found.same:
        return f"Snapshot: {found.before}, the same rows"
    lines = [
        f"Snapshot: {found.before} → {found.after}",
        f"  in both: {count_of(found.shared_rows, 'row')} in {count_of(found.shared_chunks, 'chunk')}",
        f"  before only: {count_of(found.rows_only_before, 'row')} in {count_of(found.chunks_only_before, 'chunk')}",
        f"  after only: {count_of(found.rows_only_after, 'row')} in {count_of(found.chunks_only_after, 'chunk')}",
        *map(_line, found.changes),
    ]
    return "\n".join(lines)


def _section(title: str, changes: Sequence[Change]) -> str:
    if not changes:
        return f"{title}: the same"
    return "\n".join([f"{title}:", *map(_line, changes)])


def _line(change: Change) -> str:
    before, after = change.before, change.after
    told = f"  {change.path}: {_shown(before)} → {_shown(after)}"
    if isinstance(before, float) and isinstance(after, float):
        told += f" ({after - before:+.4f})"
    return told


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.4f}"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
