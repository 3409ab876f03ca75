"""Every published series' definition, met by a few invented rows in its own layout."""

from pathlib import Path

import pytest

from linkage.definitions import SERIES
from linkage.series_actions import read_series, series_of
from linkage.series_docs import series_page
from linkage.steps.tidy_series import tidy_series
from tests.conftest import ROOT

SAMPLES = ROOT / "tests" / "data" / "series"


@pytest.mark.parametrize("series", SERIES)
def test_a_sample_in_the_layout_is_accepted_whole(series: str) -> None:
    spec = SERIES[series]
    frame = read_series(SAMPLES / f"{series}.csv", spec)
    found = tidy_series(frame, spec)
    assert frame.height == 3
    assert found.rejected.is_empty()
    assert found.duplicate == 0
    values = found.values
    assert values["row_number"].n_unique() == 3
    assert values["start_on"].null_count() == values["value"].null_count() == 0
    named = set(spec.measures)
    assert (
        set(values["measure"]) == named
        if spec.long is None
        else named >= set(values["measure"])
    )


@pytest.mark.parametrize("series", SERIES)
def test_a_file_is_of_one_series_only(series: str) -> None:
    for pattern in SERIES[series].files:
        path = Path(pattern.replace("*", ".csv"))
        assert series_of(path) == series


def test_the_page_of_series_is_fresh() -> None:
    written = (ROOT / "docs" / "series.md").read_text(encoding="utf-8")
    assert written == series_page(SERIES), "run ./run docs"


def test_real_files_load_whole(sample_data: Path) -> None:
    """Every published file is of a known series, and every row of it is loaded."""
    files = sorted((sample_data / "series").iterdir())
    assert files
    for path in files:
        series = series_of(path)
        assert series is not None, path.name
        spec = SERIES[series]
        frame = read_series(path, spec)
        found = tidy_series(frame, spec)
        left = found.rejected["row_number"].n_unique()
        assert left == 0, path.name
        rows = found.values["row_number"].n_unique()
        assert rows + found.duplicate == frame.height, path.name
