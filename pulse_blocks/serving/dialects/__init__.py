"""The protocols that clients speak, each a thin skin: a body to records, a finished job to a body.

A dialect knows nothing of queues, models' insides or the ledger; what lies behind knows nothing of dialects.
"""
