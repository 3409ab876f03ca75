"""Published series in the store: loaded once, corrected by later files, replayed."""

from datetime import date
from pathlib import Path

import pytest

from linkage.definitions import SERIES
from linkage.models import RejectedRow, SeriesValue
from linkage.series_actions import load_series_file, read_series, replay_run
from linkage.steps.read import UnreadableFileError
from tests.integration.linkage.conftest import sums

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
HEADER = "icb22_code,date,do_not_meet_criteria_to_reside\n"
NAME = "no_criteria_to_reside"


def delivered(folder: Path, *rows: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def load(path: Path, on: date):
    return load_series_file(series=NAME, path=path, by="test", received_on=on)


def values() -> list[tuple]:
    rows = SeriesValue.objects.order_by("area_code", "start_on")
    return list(rows.values_list("area_code", "start_on", "value"))


def test_a_file_is_loaded_once_and_a_later_one_corrects_it(vault_zone, tmp_path):
    first = delivered(tmp_path, "E54000064,2025-01-01,12", "E54000064,2025-01-02,NA")
    run = load(first, date(2025, 2, 1))
    assert sums(run) == (2, 2, 0, 0, 0)
    assert load(first, date(2025, 3, 1)).pk == run.pk
    later = delivered(tmp_path, "E54000064,2025-01-02,15", name="b.csv")
    assert load(later, date(2025, 3, 1)).facts == 1
    expected = [
        ("E54000064", date(2025, 1, 1), 12.0),
        ("E54000064", date(2025, 1, 2), 15.0),
    ]
    assert values() == expected
    # An older file that comes late changes nothing.
    late = delivered(tmp_path, "E54000064,2025-01-02,99", name="c.csv")
    load(late, date(2025, 2, 15))
    assert values() == expected


def test_rows_that_cannot_be_used_are_kept_and_replayed(
    vault_zone, tmp_path, vaulted, monkeypatch
):
    path = delivered(tmp_path, "E54000064,2025-01-01,12", "E54000064,02/01/2025,13")
    run = load(path, date(2025, 2, 1))
    assert sums(run) == (2, 1, 1, 0, 0)
    assert RejectedRow.objects.get(run=run).rule == "not_a_date"
    assert vaulted(f"SELECT row_number FROM quarantine WHERE run_id = {run.pk}") == [
        (2,)
    ]
    spec = SERIES[NAME]
    period = spec.period.model_copy(update={"formats": ("%Y-%m-%d", "%d/%m/%Y")})
    mended = spec.model_copy(update={"period": period})
    monkeypatch.setitem(SERIES._read(), NAME, mended)
    again = replay_run(run_id=run.pk, by="test")
    assert again is not None
    assert sums(again)[:3] == (1, 1, 0)
    assert vaulted(f"SELECT count(*) FROM quarantine WHERE run_id = {run.pk}") == [(0,)]
    assert replay_run(run_id=run.pk, by="test") is None


def test_a_file_of_something_else_is_refused(vault_zone, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UnreadableFileError, match="do_not_meet"):
        load(path, date(2025, 2, 1))
    broken = tmp_path / "x.csv.gz"
    broken.write_bytes(b"\x1f\x8bnot gzip")
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        read_series(broken, SERIES[NAME])
