"""wrk as a load generator: distinct bodies, one record a request, closed loop."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

# Every request has a body of its own: a template in turn, its hole filled with a number that never repeats.
_SCRIPT = """
local templates = {}
for line in io.lines("%(bodies)s") do
  local at = line:find("@", 1, true)
  templates[#templates + 1] = {line:sub(1, at - 1), line:sub(at + 1)}
end
local count, size, seed, repeated = 0, #templates, %(seed)d, %(repeated)s
local headers = {["Content-Type"] = "application/json"%(headers)s}
function request()
  count = count + 1
  local one = templates[count %% size + 1]
  local number = repeated and "0.5" or string.format("%%.9f", (count * 1e-6 + seed * 1e-9) %% 90)
  return wrk.format("POST", "%(path)s", headers, one[1] .. number .. one[2])
end
function done(summary, latency, requests)
  io.write(string.format(
    '\\nRESULT {"requests": %%d, "seconds": %%f, "p50": %%f, "p99": %%f, "bad": %%d, "errors": %%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""


class Load(NamedTuple):
    """What came back: requests a second, latencies in milliseconds, and answers that were no 2xx."""

    rate: float
    p50: float
    p99: float
    bad: int


def is_installed() -> bool:
    """Whether wrk is on the path."""
    return shutil.which("wrk") is not None


def run(
    url: str, path: str, bodies: Sequence[str], folder: Path, connections: int, seconds: float, seed: int = 0,
    *, repeated: bool = False, **headers: str,
) -> Load:  # fmt: skip
    """Load ``url`` with POST requests; ``bodies`` have a hole ``@`` each. Raises where anything failed.

    No body comes twice, unless they are to be ``repeated``.
    """
    (folder / "bodies.txt").write_text("\n".join(bodies))
    more = "".join(f", [{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items())
    values = {"bodies": folder / "bodies.txt", "path": path, "headers": more, "seed": seed,
              "repeated": json.dumps(repeated)}  # fmt: skip
    (folder / "load.lua").write_text(_SCRIPT % values)
    command = [
        "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "10s", "-s", str(folder / "load.lua"), url,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    match = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    if not match:
        raise RuntimeError(f"wrk said nothing that can be read: {done.stdout}{done.stderr}")
    found = json.loads(match.group(1))
    if found["errors"]:
        raise RuntimeError(f"{found['errors']} requests to {url} had no answer.")
    return Load(found["requests"] / found["seconds"], found["p50"], found["p99"], found["bad"])
