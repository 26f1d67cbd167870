"""``python -m pulse_blocks`` is ``pulse``."""

from pulse_blocks.cli.main import main

main()
