"""This project's flows: thin Prefect around the stages of pulse_blocks."""
