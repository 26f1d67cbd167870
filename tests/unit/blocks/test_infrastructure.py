"""What `pulse infra check` says of credentials that cannot be found where they are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulse_blocks.blocks import infrastructure


def test_a_profile_that_does_not_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is named, and no error of the SDK gets through."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    found = infrastructure._credentials({})
    assert found.level == "broken"
    assert "nobody" in found.said


@pytest.mark.parametrize(("second", "level"), [("there", "ok"), ("missing", "broken")])
def test_several_files_of_kubernetes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, second: str, level: str
) -> None:
    """KUBECONFIG may name several, of which some need not be there."""
    (tmp_path / "there").write_text("{}")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'first'}:{tmp_path / second}")
    assert next(iter(infrastructure._kubernetes({}))).level == level
