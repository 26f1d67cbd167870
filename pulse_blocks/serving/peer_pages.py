"""What servers of the dialects are asked beside predictions: health and metadata as their clients expect them."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pulse_blocks import __version__
from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.described import JSON, Described
from pulse_blocks.serving.dialects.open_inference import metadata

_ANSWER = {JSON: {"type": "object"}}
NOT_POST = ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"]


def routes(slots: dict[str, Slot]) -> list[Route]:
    """SageMaker's and MLflow's ``/ping``, and the Open Inference Protocol's ``/v2``."""

    async def ping(_: Request) -> Response:
        """Health, as SageMaker and MLflow's clients ask for it."""
        return JSONResponse({"status": "ready"})

    async def server(_: Request) -> Response:
        """Name, version and extensions of the server."""
        return JSONResponse({"name": "pulse", "version": __version__, "extensions": ["binary_tensor_data"]})

    async def live(_: Request) -> Response:
        """Whether the process lives."""
        return JSONResponse({"live": True})

    async def ready(_: Request) -> Response:
        """Whether a model is loaded."""
        return JSONResponse({"ready": True})

    async def model(request: Request) -> Response:
        """Inputs and outputs of a model."""
        return JSONResponse(metadata(_slot(slots, request).model))

    async def model_ready(request: Request) -> Response:
        """Whether this model is loaded."""
        slot = _slot(slots, request)
        return JSONResponse({"name": slot.name, "ready": True})

    return [
        Described("/ping", ping, "Whether it is ready, as SageMaker and MLflow ask.", _ANSWER),
        Described("/v2", server, "What serves here, in the Open Inference Protocol.", _ANSWER),
        Described("/v2/health/live", live, "Whether it lives.", _ANSWER),
        Described("/v2/health/ready", ready, "Whether it is ready.", _ANSWER),
        Described("/v2/models/{name}", model, "The inputs and outputs of a model.", _ANSWER),
        Described("/v2/models/{name}/ready", model_ready, "Whether a model is ready.", _ANSWER),
        Route("/v2/models/{name}/infer", only_post, methods=NOT_POST),
        Route("/invocations", only_post, methods=NOT_POST),
    ]


async def only_post(_: Request) -> Response:
    """405: predictions are posted."""
    raise HTTPException(405, headers={"Allow": "POST"})


def _slot(slots: dict[str, Slot], request: Request) -> Slot:
    slot = slots.get(request.path_params["name"])
    if slot is None:
        raise HTTPException(404)
    return slot
