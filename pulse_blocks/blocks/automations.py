"""Automations, declared in deployments/automations/*.yaml alone, and what the Prefect server has of them.

A file holds an automation in Prefect's own words; an action names its deployment (``train/on-drift``) where Prefect
wants an id. Applying is idempotent: what has not changed is left alone, so that the server forgets no cooldown.

``python -m pulse_blocks.blocks.automations ROOT`` applies those of a project.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.automations import Automation, AutomationCore
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from pydantic import ValidationError

from pulse_blocks.blocks.declared import Declared, declared, invalid, project_name
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.records import Record

_PAGE = 200
_DIGEST = "pulse-sha256:"


class Applied(Record, frozen=True, kw_only=True):
    """What applying has done, by name."""

    created: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: tuple[str, ...]
    deleted: tuple[str, ...]


def apply(root: Path) -> Applied:
    """Let the server have what the project declares: create, change, and delete what is declared no more.

    An automation that was paused by hand stays paused, unless its file says ``enabled``. Raises PulseError for
    a file that is not sound or that names no deployment; then nothing was changed.
    """
    project = f"pulse-project:{project_name(root)}"
    with prefect_client() as client:
        wanted = {one.name: (one, _core(client, one, project)) for one in declared(root)}
        there = standing(client, project)
        done: dict[str, list[str]] = {field: [] for field in Applied.__struct_fields__}
        for name, (one, core) in wanted.items():
            found = there.pop(name, [])
            for twin in found[1:]:
                client.delete_automation(twin.id)
            done[_settle(client, one, core, found[0] if found else None)].append(name)
        for name, strays in there.items():
            for stray in strays:
                client.delete_automation(stray.id)
            done["deleted"].append(name)
    return Applied(**{field: tuple(sorted(names)) for field, names in done.items()})


def standing(client: SyncPrefectClient, project: str) -> dict[str, list[Automation]]:
    """The server's automations of a project by name, the oldest of a name first: two may have been made at once."""
    found: dict[str, list[Automation]] = {}
    for one in reversed(list(_all(client))):
        if project in one.tags:
            found.setdefault(one.name, []).append(one)
    return found


@contextlib.contextmanager
def prefect_client() -> Iterator[SyncPrefectClient]:
    """The Prefect API. What goes wrong with it is raised as PulseError."""
    try:
        with get_client(sync_client=True) as client:
            yield client
    except PrefectHTTPStatusError as error:
        raise PulseError(
            "automation.refused", f"Prefect refused the automations: {error.response.text[:500]}",
            "See the files in deployments/automations/.",
        ) from error  # fmt: skip
    except httpx.HTTPError as error:
        raise UnavailableError(
            "automation.unavailable", f"The Prefect API cannot be reached: {str(error) or type(error).__name__}.",
            "Start the server, or see PREFECT_API_URL.",
        ) from error  # fmt: skip


def _settle(client: SyncPrefectClient, one: Declared, core: AutomationCore, known: Automation | None) -> str:
    if known is None:
        client.create_automation(core)
        return "created"
    if set(known.tags) == set(core.tags):
        return "unchanged"
    enabled = core.enabled if one.enabled is not None else known.enabled
    client.update_automation(known.id, core.model_copy(update={"enabled": enabled}))
    return "updated"


def _core(client: SyncPrefectClient, one: Declared, project: str) -> AutomationCore:
    """What the server is given: ids for names of deployments, and tags by which it is known again."""
    actions = [_action(client, one, dict(action)) for action in one.actions]
    raw = {
        "name": one.name,
        "description": one.description,
        "enabled": one.enabled is not False,
        "trigger": one.trigger,
        "actions": actions,
    }
    digest = hashlib.sha256(msgspec.json.encode(raw, order="sorted")).hexdigest()
    try:
        core = AutomationCore.model_validate({**raw, "tags": ["pulse", project, f"{_DIGEST}{digest[:16]}"]})
    except ValidationError as error:
        first = error.errors()[0]
        raise invalid(one.file, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    _require_known_keys(one, core)
    return core


def _action(client: SyncPrefectClient, one: Declared, action: dict[str, Any]) -> dict[str, Any]:
    name = action.pop("deployment", None)
    if name is None:
        return action
    try:
        found = client.read_deployment_by_name(str(name))
    except (ObjectNotFound, ValueError):
        raise invalid(
            one.file, f"the Prefect server has no deployment {name}; pulse deploy registers it"
        ) from None
    return {**action, "deployment_id": str(found.id)}


def _require_known_keys(one: Declared, core: AutomationCore) -> None:
    """Prefect ignores what it does not know: a misspelt `within` would be no `within`."""
    parts: list[tuple[str, dict[str, Any], Any]] = [("trigger", one.trigger, core.trigger)]
    parts += [
        (f"actions.{number}", {key: value for key, value in raw.items() if key != "deployment"}, action)
        for number, (raw, action) in enumerate(zip(one.actions, core.actions, strict=True))
    ]
    for place, raw, model in parts:
        fields = set(type(model).model_fields)
        if unknown := sorted(set(raw) - fields):
            raise invalid(
                one.file, f"{place}.{unknown[0]}: there is no such key; known are {', '.join(sorted(fields))}"
            )


def _all(client: SyncPrefectClient) -> Iterator[Automation]:
    """The newest first."""
    offset = 0
    while True:
        response = client.request(
            "POST", "/automations/filter", json={"limit": _PAGE, "offset": offset, "sort": "CREATED_DESC"}
        )
        page = [Automation.model_validate(one) for one in response.json()]
        yield from page
        if len(page) < _PAGE:
            return
        offset += _PAGE


if __name__ == "__main__":
    try:
        apply(Path(sys.argv[1]))
    except PulseError as refusal:
        sys.exit(str(refusal))
