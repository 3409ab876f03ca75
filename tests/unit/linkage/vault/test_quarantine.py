"""Rejected rows at rest: unreadable without the key, bound to their place."""

import os
from pathlib import Path

import polars as pl
import pytest
from cryptography.exceptions import InvalidTag

from linkage.vault import quarantine
from linkage.vault.keyring import FileKeyProvider, KeyMissingError

ROWS = pl.DataFrame(
    {"row_number": [3, 8], "name": ["Young", None], "born": ["1950-02-30", "x"]}
)


@pytest.fixture(autouse=True)
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "key"
    path.write_bytes(os.urandom(32))
    monkeypatch.setenv("VAULT_DATA_KEY_FILE", str(path))
    return path


def sealed(run_id: int = 5) -> pl.DataFrame:
    return ROWS.select("row_number").with_columns(quarantine.seal(ROWS, run_id))


def test_what_was_sealed_comes_back_as_delivered() -> None:
    columns = ["name", "born", "never_delivered"]
    assert quarantine.unseal(sealed(), 5, columns).to_dicts() == [
        {"name": "Young", "born": "1950-02-30", "never_delivered": None}
        | {"row_number": 3},
        {"name": None, "born": "x", "never_delivered": None} | {"row_number": 8},
    ]


def test_nothing_can_be_read_in_what_is_kept() -> None:
    kept = b"".join(sealed()["payload"])
    assert b"Young" not in kept
    assert b"1950" not in kept


def test_the_same_row_is_never_sealed_alike_twice() -> None:
    assert sealed()["payload"].to_list() != sealed()["payload"].to_list()


def test_a_payload_belongs_to_its_run_and_row() -> None:
    with pytest.raises(InvalidTag):
        quarantine.unseal(sealed(), 6, ["name"])
    swapped = sealed().with_columns(pl.col("row_number").reverse())
    with pytest.raises(InvalidTag):
        quarantine.unseal(swapped, 5, ["name"])


def test_another_key_opens_nothing(key: Path) -> None:
    kept = sealed()
    key.write_bytes(os.urandom(32))
    with pytest.raises(InvalidTag):
        quarantine.unseal(kept, 5, ["name"])


def test_after_a_rotation_it_opens_under_the_new_key_alone(key: Path) -> None:
    kept = sealed().with_columns(run_id=pl.lit(5))
    provider = FileKeyProvider(key)
    provider.add()
    again = kept.with_columns(quarantine.resealed(kept))
    provider.destroy(1)
    assert quarantine.unseal(again, 5, ["name"])["name"].to_list() == ["Young", None]
    with pytest.raises(KeyMissingError, match="version 1"):
        quarantine.unseal(kept, 5, ["name"])
