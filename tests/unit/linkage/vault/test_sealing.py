"""Identifiers at rest: what comes back, what cannot be read, what cannot be moved."""

import hashlib
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkage.keys import row_keys
from linkage.vault import sealing
from linkage.vault.keyring import FileKeyProvider, KeyMissingError, keyring

pytestmark = pytest.mark.usefixtures("keys")
COLUMNS = {"surname": pl.String, "born_on": pl.Date}
ROWS = pl.DataFrame(
    {
        "row": [1, 2, 3],
        "surname": ["O'Brien", None, ""],
        "born_on": [date(1950, 3, 7), date(2024, 2, 29), None],
    }
)
WHERE = {"table": "source_record", "row": "row"}


def sealed(rows: pl.DataFrame = ROWS) -> pl.DataFrame:
    return rows.select("row", sealing.seal(rows, list(COLUMNS), **WHERE))


def test_what_was_sealed_comes_back() -> None:
    assert sealing.unseal(sealed(), COLUMNS, **WHERE).equals(ROWS)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.none() | st.text(alphabet=st.characters(codec="utf-8"))))
def test_any_text_comes_back_but_for_the_two_separators(names) -> None:
    rows = pl.DataFrame(
        {"row": range(len(names)), "surname": names, "born_on": [None] * len(names)},
        schema={"row": pl.Int64, "surname": pl.String, "born_on": pl.Date},
    )
    back = sealing.unseal(sealed(rows), COLUMNS, **WHERE)["surname"].to_list()
    plain = [n and n.replace("\x1f", " ").replace("\x1e", " ") for n in names]
    assert back == plain


def test_a_column_added_later_is_null_in_what_was_sealed_before() -> None:
    back = sealing.unseal(sealed(), COLUMNS | {"line1": pl.String}, **WHERE)
    assert back["line1"].to_list() == [None] * 3
    assert back["surname"].to_list() == ROWS["surname"].to_list()


def test_nothing_can_be_read_and_nothing_repeats() -> None:
    kept = sealed()["sealed"].to_list()
    assert b"Brien" not in b"".join(kept)
    assert kept != sealed()["sealed"].to_list()


def test_a_payload_opens_in_its_own_row_and_table_alone() -> None:
    moved = sealed().with_columns(pl.col("row").reverse())
    with pytest.raises(sealing.SealError):
        sealing.unseal(moved, COLUMNS, **WHERE)
    with pytest.raises(sealing.SealError):
        sealing.unseal(sealed(), COLUMNS, table="person_identity", row="row")


def test_numbers_stay_equal_where_they_are_equal_and_say_nothing_else() -> None:
    numbers = pl.Series("n", ["9990000018", None, "9990000026", "9990000018"])
    kept = sealing.seal_numbers(numbers, 1)
    assert kept[0] == kept[3] != kept[2]
    assert kept[1] is None
    assert b"999" not in b"".join(kept.drop_nulls().to_list())
    assert sealing.unseal_numbers(kept, 1).to_list() == numbers.to_list()
    damaged = pl.Series([kept[0][:-1] + b"x"])
    with pytest.raises(sealing.SealError):
        sealing.unseal_numbers(damaged, 1)


def test_the_key_of_a_record_is_no_hash_that_anyone_can_make() -> None:
    number = "9990000018"
    key = sealing.number_keys(pl.Series([number, None]), "nhs number").to_list()
    assert key[1] is None
    frame = pl.DataFrame({"n": [number]})
    unkeyed = {row_keys(frame, ["n"], "nhs number")[0], row_keys(frame, ["n"], "")[0]}
    for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        digest = hashlib.new(name, number.encode()).digest()
        unkeyed.add(int.from_bytes(digest[:8], "little", signed=True))
        unkeyed.add(int.from_bytes(digest[:8], "big", signed=True))
    assert key[0] not in unkeyed


def test_blind_keys_are_stable_distinct_and_differ_by_key(keys: Path) -> None:
    plain = pl.Series("block", range(-500, 500), dtype=pl.Int64)
    blind = sealing.blind_blocks(plain, 1)
    assert blind.equals(sealing.blind_blocks(plain, 1))
    assert blind.n_unique() == plain.len()
    FileKeyProvider(keys).add()
    assert set(sealing.blind_blocks(plain, 2)).isdisjoint(blind)
    assert set(sealing.blind_records(plain)).isdisjoint(blind)
    assert sealing.blind_records(pl.Series("k", [1, None])).is_null().to_list() == [
        False,
        True,
    ]


def test_older_payloads_open_until_their_key_is_destroyed(keys: Path) -> None:
    before = sealed()
    provider = FileKeyProvider(keys)
    assert provider.add() == 2
    after = sealed()
    versions = after.select(sealing.version_of(pl.col("sealed")))["sealed"]
    assert versions.to_list() == [2, 2, 2]
    assert sealing.unseal(before, COLUMNS, **WHERE).equals(ROWS)
    provider.destroy(1)
    assert sealing.unseal(after, COLUMNS, **WHERE).equals(ROWS)
    with pytest.raises(KeyMissingError, match="version 1"):
        sealing.unseal(before, COLUMNS, **WHERE)


def test_the_key_file_is_closed_and_its_versions_keep_their_numbers(
    keys: Path,
) -> None:
    provider = FileKeyProvider(keys)
    assert (provider.add(), provider.add()) == (2, 3)
    provider.destroy(2)
    assert sorted(provider.versions()) == [1, 3]
    assert provider.add() == 4
    assert keys.stat().st_mode & 0o777 == 0o600
    assert (keyring().oldest, keyring().newest) == (1, 4)


def test_the_last_key_is_not_destroyed(keys: Path) -> None:
    for version in (1, 9):
        with pytest.raises(KeyMissingError, match="cannot be destroyed"):
            FileKeyProvider(keys).destroy(version)


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_file_that_holds_no_keys_is_refused(keys: Path, content: bytes) -> None:
    keys.write_bytes(content)
    with pytest.raises(KeyMissingError, match="32 bytes"):
        keyring()


def test_without_a_key_file_nothing_is_sealed(monkeypatch) -> None:
    monkeypatch.delenv("VAULT_DATA_KEY_FILE")
    with pytest.raises(KeyMissingError, match="not set"):
        keyring()
    monkeypatch.setenv("VAULT_DATA_KEY_FILE", "/nonexistent/key")
    with pytest.raises(KeyMissingError, match="cannot be read"):
        keyring()
    monkeypatch.delenv("PSEUDONYM_KEY_FILE")
    with pytest.raises(KeyMissingError, match="not set"):
        sealing.blind_records(pl.Series("k", [1]))
