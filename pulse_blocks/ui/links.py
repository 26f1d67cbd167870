"""Where Prefect's and MLflow's own pages are, as far as this process was told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import quote

from pulse_blocks.records import Record

_HTTP = ("http://", "https://")
MLFLOW_UI = "PULSE_MLFLOW_UI"
PREFECT_UI = "PREFECT_UI_URL"


class Links(Record, frozen=True, kw_only=True):
    """Addresses without a slash at their end, None where there is none."""

    prefect: str | None
    mlflow: str | None

    def model(self, name: str, version: str | None = None) -> str | None:
        """MLflow's page of a registered model, or of one of its versions."""
        if self.mlflow is None:
            return None
        page = f"{self.mlflow}/#/models/{quote(name, safe='')}"
        return f"{page}/versions/{quote(version, safe='')}" if version else page

    @property
    def runs(self) -> str | None:
        """Prefect's page of runs, in its second interface."""
        return f"{self.prefect}/v2/runs" if self.prefect else None


def links(tracking: str, environ: Mapping[str, str] | None = None) -> Links:
    """From the workspace's tracking URL and the environment (PREFECT_UI_URL, PREFECT_API_URL, PULSE_MLFLOW_UI)."""
    env = os.environ if environ is None else environ
    api = env.get("PREFECT_API_URL", "")
    prefect = env.get(PREFECT_UI) or api.removesuffix("/").removesuffix("/api")
    return Links(prefect=_page(prefect), mlflow=_page(env.get(MLFLOW_UI) or tracking))


def _page(url: str) -> str | None:
    """Only what a browser may be sent to, and never with a name and password in it."""
    host = url.partition("://")[2].partition("/")[0]
    return url.rstrip("/") if url.startswith(_HTTP) and "@" not in host else None
