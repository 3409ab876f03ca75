"""Keys for tests of the vault that need no database."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh key file of one version; the pseudonym key lies beside it."""
    path = tmp_path / "vault.key"
    path.write_bytes(os.urandom(32))
    other = tmp_path / "pseudonym.key"
    other.write_bytes(os.urandom(32))
    monkeypatch.setenv("VAULT_DATA_KEY_FILE", str(path))
    monkeypatch.setenv("PSEUDONYM_KEY_FILE", str(other))
    return path
