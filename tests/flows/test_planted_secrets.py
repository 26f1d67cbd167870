"""A run in Prefect with secrets in its blocks: they are found in nothing that is written, Prefect's own included."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from uuid import uuid4

import pytest
from prefect_aws import AwsCredentials
from pydantic import SecretStr

from pulse_blocks import secret_urls, settings
from pulse_blocks.blocks import PulseSqlDatasource, PulseWorkspace
from pulse_blocks.blocks.delivery import flush
from pulse_blocks.stores import open_store, s3_calls
from tests.ceph_server import KEY, SECRET, S3Server
from tests.planted import copy_parcels, holding, searched
from tests.postgres_server import PostgresServer
from tests.prefect_server import Server

PLANTED = f"planted/Pa55@{uuid4().hex[:6]}"


def test_secrets_of_blocks_are_found_nowhere(
    api: Server,
    s3: S3Server,
    postgres_server: PostgresServer,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A database's password and the keys of S3, planted in blocks: not in the store, the ledger, MLflow, logs and
    artifacts, and in Prefect's database only encrypted. A run that fails says them no more than one that does not.
    """
    from flows.train import train

    monkeypatch.setattr(secret_urls, "_kept", {})
    monkeypatch.setattr(s3_calls, "_signed_in", {})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    database = postgres_server.new_database()
    copy_parcels(project / ".pulse" / "parcels.db", database)
    (project / ".pulse" / "parcels.db").unlink()
    (project / ".pulse" / settings.FILE).unlink()
    bucket = s3.bucket()
    save_blocks(database, s3.url, f"s3://{bucket}/x")
    try:
        with caplog.at_level(logging.INFO):
            good = train("tiny", return_state=True)
            workspace = PulseWorkspace.load("default").get_workspace()
            store = open_store(workspace.store)
            files = [(key, store.get(key)) for key in store.keys("")]
            PulseSqlDatasource(url=with_user(database, 9), password=SecretStr(PLANTED)).save(
                "parcels", overwrite=True
            )
            monkeypatch.setattr("flows.tasks.ingest.retry_delay_seconds", [0, 0, 0])
            bad = train("tiny", return_state=True)
            flush()
    finally:
        PulseSqlDatasource.delete("parcels")
        PulseWorkspace().save("default", overwrite=True)
    assert good.is_completed(), good.message
    assert bad.is_failed()
    out, err = capfd.readouterr()
    files += [("logged", caplog.text.encode()), ("out", out.encode()), ("err", err.encode())]
    files += [("state", f"{bad.message} {bad.result(raise_on_failure=False)!r}".encode())]
    files += searched(project) + searched(Path(api.env["PREFECT_HOME"])) + answers(api)
    assert len(files) > 30
    for secret in (PLANTED, "planted%2FPa55", SECRET):
        assert holding(secret, files) == []
    # The id of an access key is no secret to prefect-aws, whose block shows it; nothing of ours repeats it.
    shown = {Path(name).name for name in holding(KEY, files)}
    assert shown <= {"prefect.db", "prefect.db-wal", "block_documents"}
    # The search itself must be able to find something: what the server keeps is searched too.
    assert [name for name in holding("pulse-tiny-validate", files) if "prefect.db" in name]


def save_blocks(database: str, endpoint: str, store: str) -> None:
    """The workspace, its store's keys, and the datasource, as people enter them in the UI."""
    AwsCredentials(
        aws_access_key_id=KEY,
        aws_secret_access_key=SecretStr(SECRET),
        region_name="us-east-1",
        aws_client_parameters={"endpoint_url": endpoint},
    ).save("planted", overwrite=True)
    PulseWorkspace(store=store, aws_credentials="planted").save("default", overwrite=True)
    PulseSqlDatasource(url=with_user(database), password=SecretStr(PLANTED)).save("parcels", overwrite=True)


def with_user(url: str, port: int | None = None) -> str:
    """The URL of the test's server, which takes any password; at another port nobody listens."""
    assert "://pulse@" in url
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    return url if port is None else f"{scheme}://{host.rpartition(':')[0]}:{port}/{path}"


def answers(api: Server) -> list[tuple[str, bytes]]:
    """What the API tells anybody who asks: runs, logs, artifacts, events, and blocks without their secrets."""
    paths = ("flow_runs", "task_runs", "logs", "artifacts", "block_documents")
    found = [(path, json.dumps(api.post(f"/{path}/filter", {})).encode()) for path in paths]
    events = api.post("/events/filter", {"filter": {}, "limit": 50})
    return [*found, ("events", json.dumps(events).encode())]
