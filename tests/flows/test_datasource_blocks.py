"""Datasources as blocks on a real Prefect server: found by name, used in flows, copied for use outside."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from prefect_aws import AwsCredentials
from pydantic import SecretStr

from pulse_blocks import secret_urls, settings
from pulse_blocks.blocks import PulseFilesDatasource, PulseSqlDatasource, PulseWorkspace
from pulse_blocks.blocks.datasources import with_datasource
from pulse_blocks.blocks.loading import load_block
from pulse_blocks.cli import main
from pulse_blocks.errors import PulseError
from pulse_blocks.settings import Datasource, Workspace
from pulse_blocks.sources import open_source
from pulse_blocks.stores import s3_calls
from tests.ceph_server import KEY, SECRET, S3Server
from tests.prefect_server import Server
from tests.source_writers import s3_parquet
from tests.tiny_project import write_parcels

PLANTED = "planted/Pa55@word"


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test hands over in memory ends with it."""
    monkeypatch.setattr(secret_urls, "_kept", {})
    monkeypatch.setattr(s3_calls, "_signed_in", {})


@pytest.fixture
def cli(api: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Commands find the server as they do in a shell."""
    monkeypatch.setenv("PREFECT_API_URL", api.api)
    return api


def fresh(what: str) -> str:
    """A name that no other test of the same server has."""
    return f"{what}-{uuid4().hex[:8]}"


def test_a_datasource_is_a_block_of_its_name_where_the_workspace_has_none(
    api: Server, workspace: Workspace, project: Path
) -> None:
    """The password is in memory alone; an entry of the workspace goes first, whatever blocks there are."""
    name = fresh("facts")
    PulseSqlDatasource(url="postgresql://pulse@db:5432/facts", password=SecretStr(PLANTED)).save(name)
    found = with_datasource(workspace, name).datasources[name]
    variable = f"{name.upper().replace('-', '_')}_PASSWORD"
    assert found.url == f"postgresql://pulse:${{{variable}}}@db:5432/facts"
    assert (
        secret_urls.resolve_references(found.url, {})
        == "postgresql://pulse:planted%2FPa55%40word@db:5432/facts"
    )
    assert with_datasource(workspace, fresh("nobody")) == workspace
    own = msgspec.structs.replace(workspace, datasources={name: Datasource("sqlite:///own.db")})
    assert with_datasource(own, name) is own


def test_paths_of_a_block_are_below_the_project(api: Server, workspace: Workspace, project: Path) -> None:
    """The same block serves every machine that has the project."""
    sql, files = fresh("sql"), fresh("files")
    PulseSqlDatasource(url="sqlite:///.pulse/parcels.db").save(sql)
    PulseFilesDatasource(path="data/*.csv").save(files)
    assert with_datasource(workspace, sql).datasources[sql].url == f"sqlite:///{project}/.pulse/parcels.db"
    assert with_datasource(workspace, files).datasources[files].url == f"{project}/data/*.csv"
    assert "parcels" in PulseSqlDatasource.load(sql).get_source().test()


def test_a_block_that_is_missing_or_holds_a_secret_in_the_clear(
    api: Server, workspace: Workspace, project: Path
) -> None:
    """One sentence each, and the secret is not repeated; such a workspace block is not passed over in silence."""
    gone = msgspec.structs.replace(
        workspace, datasources={"x": Datasource("prefect://pulse-sql-datasource/nowhere")}
    )
    with pytest.raises(PulseError, match="pulse-sql-datasource/nowhere") as caught:
        with_datasource(gone, "x")
    assert caught.value.code == "block.missing"
    name = fresh("clear")
    for kind, fields in (
        (PulseSqlDatasource, {"url": f"postgresql://u:{PLANTED}@h/d"}),
        (PulseWorkspace, {"ledger": f"postgresql://u:{PLANTED}@h/d"}),
    ):
        kind.model_construct(**fields).save(name)  # as people do in the UI, which checks types alone
        with pytest.raises(PulseError, match="cannot be used") as caught:
            load_block(kind, name)
        assert caught.value.code == "block.invalid"
        assert PLANTED not in str(caught.value)


def test_keys_for_a_bucket_from_a_prefect_aws_block(
    api: Server, s3: S3Server, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys of an AWS Credentials block open the files; nothing in the environment does."""
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(variable)
    credentials, name = fresh("minio"), fresh("lake")
    save_credentials(credentials, s3.url)
    path = s3_parquet(s3.url, s3.bucket())([{"id": 1}, {"id": 2}]).url.partition("?")[0]
    PulseFilesDatasource(path=path, aws_credentials=credentials).save(name)
    found = with_datasource(workspace, name).datasources[name]
    assert "id" in open_source(found).test()
    assert SECRET not in found.url
    PulseFilesDatasource(path=path, aws_credentials="nowhere").save(name, overwrite=True)
    with pytest.raises(PulseError, match="no AWS Credentials block nowhere"):
        with_datasource(workspace, name)


def save_credentials(name: str, endpoint: str) -> None:
    """The keys of the test's S3 server as a block of prefect-aws."""
    AwsCredentials(
        aws_access_key_id=KEY,
        aws_secret_access_key=SecretStr(SECRET),
        region_name="us-east-1",
        aws_client_parameters={"endpoint_url": endpoint},
    ).save(name)


def test_a_password_goes_into_a_block_and_into_no_file(
    cli: Server, workspace: Workspace, project: Path, postgres_ledger: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """``pulse datasource add`` with a password: entered as a block, tested through it, never shown."""
    name = fresh("facts")
    url = postgres_ledger.replace("://pulse@", f"://pulse:{PLANTED}@")
    assert main.run(["datasource", "add", name, url]) == 0
    assert main.run(["datasource", "list"]) == 0
    assert main.run(["datasource", "test", name]) == 0
    told = "".join(capsys.readouterr())
    assert f"prefect://pulse-sql-datasource/{name}" in told
    assert "can be read as pulse" in told
    assert PLANTED not in told + (project / ".pulse" / settings.FILE).read_text()
    assert PulseSqlDatasource.load(name).password.get_secret_value() == PLANTED  # type: ignore[union-attr]
    assert main.run(["datasource", "add", name, url]) == 1
    assert PLANTED not in "".join(capsys.readouterr())


def test_a_workspace_block_is_copied_for_use_outside_prefect(
    cli: Server, s3: S3Server, workspace: Workspace, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys, and the datasource of each protocol, with references to the environment in place of secrets."""
    credentials, name = fresh("minio"), fresh("team")
    save_credentials(credentials, s3.url)
    PulseWorkspace(
        store="s3://bucket/pulse", durability="process", ledger="postgresql://pulse:${LEDGER_PASSWORD}@db/pulse",
        aws_credentials=credentials, datasources={"clicks": "clicks.parquet"},
    ).save(name)  # fmt: skip
    PulseSqlDatasource(url="postgresql://pulse@db/shop", password=SecretStr(PLANTED)).save(
        "parcels", overwrite=True
    )
    file = project / ".pulse" / settings.FILE
    file.write_text('# ours\n[datasources.more]\nurl = "more.csv"\n')
    assert main.run(["workspace", "use", f"pulse-workspace/{name}", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    PulseSqlDatasource.delete("parcels")
    assert told["variables"] == [
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "LEDGER_PASSWORD", "PARCELS_PASSWORD",
    ]  # fmt: skip
    text = file.read_text()
    assert text.startswith("# ours\n")
    for secret in (PLANTED, SECRET, KEY):
        assert secret not in text + json.dumps(told)
    after = settings.load(project, environ={})
    assert after.store == f"s3://bucket/pulse?endpoint={s3.url}&region=us-east-1"
    assert after.durability == "process"
    assert after.datasources["parcels"].url == "postgresql://pulse:${PARCELS_PASSWORD}@db/shop"
    assert after.datasources["clicks"].url == f"{project}/clicks.parquet"
    assert after.datasources["more"].url == f"{project}/more.csv"
    assert main.run(["workspace", "use", "nowhere"]) == 1
    assert "pulse-workspace/nowhere" in capsys.readouterr().err


def test_a_run_reads_from_a_block(api: Server, workspace: Workspace, project: Path) -> None:
    """The protocol names ``parcels``; the workspace has no such entry, the server a block."""
    from flows.train import train

    (project / ".pulse" / settings.FILE).unlink()
    write_parcels(project / "shop.db")
    PulseSqlDatasource(url="sqlite:///shop.db").save("parcels", overwrite=True)
    try:
        state = train("tiny", return_state=True)
    finally:
        PulseSqlDatasource.delete("parcels")
    assert state.is_completed(), state.message
