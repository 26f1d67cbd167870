"""The inference runtime: validated, batched, committed to the ledger, and only then answered.

Nothing here imports lightgbm, pandas, mlflow, prefect or SQLAlchemy: a process starts from the serving bundle
in a fraction of a second.
"""
