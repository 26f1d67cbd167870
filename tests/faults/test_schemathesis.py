"""schemathesis against the runtime's own /openapi.json: what it says is what it does, whatever is sent."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pulse_blocks.settings import Workspace
from tests.served_models import protocol, runtime, train_and_promote

EXAMPLES = {"full": 1000, "short": 10}[os.environ.get("PULSE_FAULTS", "short")]
# That columns are of one length, and an id one that exists, no schema can say: such requests are refused with 422.
NOT_OF_A_SCHEMA = "positive_data_acceptance"


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_openapi_keeps_its_word(
    workspace: Workspace, tmp_path: Path, tell: Callable[[str, str, str], None]
) -> None:
    """No 5xx, no status, content type or reply that the document does not name, no bad input that is taken."""
    train_and_promote(workspace, protocol(checks=[{"name": "light", "expr": "weight < 49"}]))
    program = str(Path(sys.executable).with_name("schemathesis"))
    with runtime(workspace, "parcels") as (url, process):
        command = [
            program, "run", f"{url}/openapi.json", "--phases", "examples,coverage,fuzzing", "--seed", "1",
            "--max-examples", str(EXAMPLES), "--workers", "1", "--exclude-checks", NOT_OF_A_SCHEMA,
            "--suppress-health-check", "all", "--request-timeout", "60", "--no-color", "--continue-on-failure",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        process.terminate()
        assert "Traceback" not in process.communicate(timeout=20)[1]
    count = re.search(r"^Test cases:\s+(\d[\d,]*)", done.stdout, re.MULTILINE)
    assert count, done.stdout
    tell(
        "schemathesis against /openapi.json",
        f"{count[1]} requests",
        "no reply that the document does not name",
    )
