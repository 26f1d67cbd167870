"""The runtime's pages, from its own route table: methods, the scope of the key that each needs, the dialect."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple, cast

from starlette.routing import Route

from pulse_blocks.serving import pages
from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.dialects.mlflow import MLFLOW
from pulse_blocks.serving.dialects.open_inference import OPEN_INFERENCE
from pulse_blocks.serving.dialects.predict import PREDICT
from pulse_blocks.serving.guard import PUBLIC, needed
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.peer_pages import only_post
from pulse_blocks.serving.routes import Routes

_DIALECTS = {
    id(PREDICT): ("Pulse", "Predictions for one record or many, as JSON."),
    id(MLFLOW): ("MLflow, SageMaker", "Predictions, as MLflow's and SageMaker's servers give them: JSON or CSV."),
    id(OPEN_INFERENCE): ("Open Inference Protocol", "Predictions on tensors, as JSON or binary."),
}  # fmt: skip


class Page(NamedTuple):
    """A path with what is asked of it; ``scope`` is ``none`` where no key is needed."""

    method: str
    path: str
    scope: str
    dialect: str
    about: str


def routes() -> list[Page]:
    """In the order of the table; HEAD goes wherever GET does and is left out."""
    anything = cast("Any", None)
    table = pages.build({}, Metrics(), anything, anything, anything).routes
    return [_page(route) for route in table if isinstance(route, Route)]


def _page(route: Route) -> Page:
    path = route.path.replace("{name:path}", "{name}").replace("{id:path}", "{id}")
    if route.endpoint is only_post:
        return _prediction(path)
    method = next(iter((route.methods or set()) - {"HEAD"}))
    scope = "none" if path in PUBLIC else needed(method, path)
    return Page(method, path, scope, "", inspect.getdoc(route.endpoint) or "")


def _prediction(path: str) -> Page:
    slots = {"name": cast("Slot", None)}
    dialect, _ = Routes(slots).find(path.replace("{name}", "name"), {})
    name, about = _DIALECTS[id(dialect)]
    return Page("POST", path, needed("POST", path), name, about)
