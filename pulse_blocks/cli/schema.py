"""``pulse schema``: the JSON Schema of protocol files."""

from __future__ import annotations

import sys


def schema() -> None:
    """Print the JSON Schema of protocol files, for editors."""
    from pulse_blocks.cli.output import to_json
    from pulse_blocks.protocol.schema import json_schema

    sys.stdout.write(to_json(json_schema()) + "\n")
