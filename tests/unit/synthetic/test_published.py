"""What would be published of the demo ICS: read by the product's own definitions."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from dashboards.steps.xmr import xmr
from linkage.definitions import SERIES
from linkage.series_actions import series_of
from linkage.steps.tidy_series import tidy_series
from synthetic.fictional_practices import ICB
from synthetic.published import MONTHS, write
from tests.unit.synthetic.conftest import AS_OF, SEED

PEOPLE = 20_000


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("published")
    (out / "landing").mkdir()
    written = write(world, PEOPLE, SEED, AS_OF, out)
    files = {file.path.name for file in written}
    assert files == {path.name for path in (out / "landing").iterdir()}
    return out / "landing"


def values(folder: Path, series: str) -> pl.DataFrame:
    """measure, area_code, breakdown, start_on, value: as the store would have them."""
    (path,) = [p for p in folder.iterdir() if series_of(p) == series]
    read = pl.read_csv(path, infer_schema=False)
    read = read.with_columns(row_number=pl.int_range(1, pl.len() + 1))
    tidied = tidy_series(read, SERIES[series])
    assert tidied.rejected.is_empty()
    return tidied.values


@pytest.mark.parametrize(
    ("series", "areas"),
    [
        ("ae_by_icb", {ICB[1]}),
        ("critical_general_acute_beds", {"RZ1", "RZ2"}),
        ("no_criteria_to_reside", {ICB[1]}),
        ("rtt_by_icb", {ICB[0]}),
    ],
)
def test_each_file_is_of_its_series_and_of_this_system(folder, series, areas) -> None:
    found = values(folder, series)
    assert set(found["area_code"]) == areas
    assert found["value"].null_count() == 0
    months = found["start_on"].dt.truncate("1mo")
    assert months.n_unique() == MONTHS
    # Nothing is published of the month that has not ended.
    assert months.max() == date(2026, 8, 1)


def test_waits_got_longer_and_beds_stayed_as_they_were(folder) -> None:
    ae = values(folder, "ae_by_icb").pivot("measure", index="start_on", values="value")
    late = ae["over_4_hours"] / ae["attendances"] * 100
    assert xmr(late.to_list()).latest("lower") == "concern"
    beds = values(folder, "critical_general_acute_beds")
    summed = beds.group_by("start_on", "measure").agg(pl.col("value").sum())
    wide = summed.pivot("measure", index="start_on", values="value").sort("start_on")
    share = (wide["beds_occupied"] / wide["beds_available"]).to_list()
    assert 0.9 < sum(share) / MONTHS < 0.95
