"""What the runtime's process holds in memory."""

from __future__ import annotations

import subprocess
import sys

from pulse_blocks.settings import Workspace
from tests.served_models import RECORD, train_and_promote

FORBIDDEN = {
    "lightgbm", "pandas", "mlflow", "prefect", "polars", "pyarrow", "sqlalchemy", "alembic", "pydantic",
    "numpy", "evidently", "pandera", "httpx", "typer",
}  # fmt: skip

ASK = f"""
import json, os, signal, sys, threading, urllib.request
from pathlib import Path
from pulse_blocks import settings
from pulse_blocks.serving.server import serve

def ask(url):
    for page in ("/docs", "/openapi.json", "/metrics", "/readyz"):
        urllib.request.urlopen(url + page).read()
    body = json.dumps({RECORD!r}).encode()
    assert b"probability" in urllib.request.urlopen(url + "/predict/parcels", body).read()
    os.kill(os.getpid(), signal.SIGTERM)

serve(settings.load(Path(sys.argv[1]), {{}}), ["parcels"], port=0,
      ready=lambda url: threading.Thread(target=ask, args=(url,)).start())
print(*sorted({{name.split(".")[0] for name in sys.modules}}))
"""


def test_a_serving_process_imports_no_large_package(workspace: Workspace) -> None:
    """After a prediction and every page, none of the large packages has been imported."""
    train_and_promote(workspace)
    run = subprocess.run(
        [sys.executable, "-c", ASK, workspace.root], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "uvicorn" in run.stdout
    assert not FORBIDDEN & set(run.stdout.split())
