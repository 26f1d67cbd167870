"""A new champion on probation: watched for its guard's window, beside the champion before it.

Nothing here is on the way of a reply: what was asked is read from the ledger, and both models answer it again on
copies of their own, on a thread of their own.
"""
