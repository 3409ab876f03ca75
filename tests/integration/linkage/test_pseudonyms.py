"""Files that leave: other names for every recipient, bridged by the vault alone."""

from pathlib import Path

import polars as pl
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from linkage.vault import index, pseudonyms
from tests.integration.linkage.conftest import ADA, EVE, LISTED

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)


@pytest.fixture
def extract(deliver, postcodes, tmp_path: Path) -> Path:
    deliver("registered_list", LISTED, {}, {"NHS Number": EVE, "Given Name": "Eve"})
    path = tmp_path / "rows.csv"
    pl.DataFrame({"person_no": [1, 2, 1], "cost": [5, 6, 7]}).write_csv(path)
    return path


def sent(extract: Path, recipient: str, *more: str) -> pl.DataFrame:
    out = extract.with_name(f"{recipient}.csv")
    call_command("pseudonyms", recipient, "research", str(extract), str(out), *more)
    return pl.read_csv(out)


def test_two_recipients_files_do_not_join(extract) -> None:
    one, other = sent(extract, "trust_a"), sent(extract, "trust_b")
    assert one["cost"].to_list() == [5, 6, 7]
    assert "person_no" not in one.columns
    assert one["pseudonym"][0] == one["pseudonym"][2] != one["pseudonym"][1]
    assert one.join(other, on="pseudonym").is_empty()
    assert sent(extract, "trust_a").equals(one)


def test_a_new_epoch_breaks_the_thread_and_the_vault_can_mend_it(extract) -> None:
    before = sent(extract, "trust_a")
    after = sent(extract, "trust_a", "--new-epoch")
    assert before.join(after, on="pseudonym").is_empty()
    assert {p[:3] for p in after["pseudonym"]} == {"e2-"}
    people = pl.Series("person_no", [1, 2], dtype=pl.Int32)
    with index.reading() as connection:
        bridge = pseudonyms.bridge(
            connection, people, recipient="trust_a", purpose="research", older=1
        )
    assert dict(bridge.iter_rows()) == dict(
        zip(before["pseudonym"], after["pseudonym"], strict=True)
    )
    told = "".join((*before["pseudonym"], *after["pseudonym"]))
    assert ADA not in told


def test_rows_of_nobody_are_not_passed_on(extract) -> None:
    pl.DataFrame({"person_no": [1, 99]}).write_csv(extract)
    with pytest.raises(CommandError, match="1 rows speak of nobody"):
        sent(extract, "trust_a")
    assert not extract.with_name("trust_a.csv").exists()


def test_what_is_no_extract_is_refused_in_words(extract) -> None:
    pl.DataFrame({"other": [1]}).write_csv(extract)
    with pytest.raises(CommandError, match="no column person_no"):
        sent(extract, "trust_a")
    with pytest.raises(CommandError, match="cannot be read"):
        sent(extract.with_name("absent.csv"), "trust_a")
