"""Ingest: from a datasource to content-addressed chunks in the store, streamed."""

from __future__ import annotations

from pulse_blocks.protocol.columns import all_columns
from pulse_blocks.records import Column, ProtocolRef, RawBatch, Window
from pulse_blocks.stages.context import Context


def ingest(window: Window | None, context: Context) -> RawBatch:
    """Read the rows of ``window`` and write what the store does not hold yet.

    Raises UnavailableError where the source is out of reach, PulseError where it does not give what the
    protocol names. A crash leaves chunks that no manifest names; the next call finds and keeps them. Where an
    older snapshot has been restored, its chunks are the answer and nothing is read.
    """
    if context.restored is not None:
        from pulse_blocks.stages.restored import batch

        return batch(context.restored, context)
    from pulse_blocks.snapshots import describing
    from pulse_blocks.snapshots.memory import lean
    from pulse_blocks.snapshots.writing import write_chunks
    from pulse_blocks.sources import open_source, query_for
    from pulse_blocks.sources.finding import find_datasource
    from pulse_blocks.stores import open_store

    protocol, workspace = context.protocol, context.workspace
    source = open_source(find_datasource(protocol.source.datasource, workspace))
    columns = tuple(
        Column(name=column.name, type=column.field.type, nullable=column.field.nullable)
        for column in all_columns(protocol)
    )
    description = describing.Description(columns)
    with lean():
        rows = source.stream(query_for(protocol, window))
        written = write_chunks(open_store(workspace.store), rows, protocol.source.key, description)
    describing.keep(written.content, description)
    return RawBatch(
        protocol=ProtocolRef(name=protocol.name, version=protocol.version, digest=protocol.digest),
        datasource=protocol.source.datasource,
        query=protocol.source.query,
        window=window,
        columns=columns,
        chunks=written.chunks,
        content=written.content,
        rows=written.rows,
        new_bytes=written.new_bytes,
        left_out=rows.left_out,
        key=protocol.source.key,
    )
