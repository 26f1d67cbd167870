"""Where the pages of others are."""

from __future__ import annotations

import pytest

from pulse_blocks.ui.links import links


def test_addresses_come_from_the_environment_and_the_workspace() -> None:
    """Prefect's page is beside its API; MLflow's is its tracking server, or what was named."""
    found = links("http://mlflow:5000/", {"PREFECT_API_URL": "http://127.0.0.1:4200/api"})
    assert found.runs == "http://127.0.0.1:4200/v2/runs"
    assert found.model("tiny", "3") == "http://mlflow:5000/#/models/tiny/versions/3"
    assert (
        links("sqlite:///x.db", {"PULSE_MLFLOW_UI": "http://127.0.0.1:5001"}).mlflow
        == "http://127.0.0.1:5001"
    )


@pytest.mark.parametrize(
    "url", ["sqlite:///mlflow.db", "javascript:alert(1)", "https://me:secret@mlflow", ""]
)
def test_nobody_is_sent_to_what_is_no_page(url: str) -> None:
    """A database, a script or an address with a password in it never becomes a link."""
    assert links(url, {}).mlflow is None
