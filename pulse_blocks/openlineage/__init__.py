"""The run as OpenLineage events, for catalogues that collect them from every tool: an export, never a source.

Off unless the OpenLineage client is configured in its own way; then events are built and sent on a thread of their
own. Whatever goes wrong there is a line in the log: a run is neither failed nor held up by it.
"""
