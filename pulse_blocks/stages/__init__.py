"""The six stages: plain functions from one record to the next. They know neither Prefect nor each other.

Each has the signature ``stage(record, context) -> record``; what it needs beside the record before it is in
the ``Context``. A stage may be called again at any time after a crash: what it leaves behind is
content-addressed, created once, or found by the attempt's id.
"""
