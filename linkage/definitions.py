"""The definitions of linkage, each read once."""

from functools import cache
from pathlib import Path

import polars as pl

from governance.definitions import Folder, digest, load_file
from linkage.series_specs import SeriesSpec
from linkage.specs import BestKnownSpec, FeedSpec

HERE = Path(__file__).resolve().parent

INGEST_FILES = ("best_known.yaml", "unit_costs.csv", "restricted_codes.csv")

FEEDS: Folder[FeedSpec] = Folder(HERE / "feeds", FeedSpec)
SERIES: Folder[SeriesSpec] = Folder(HERE / "series", SeriesSpec)


def best_known() -> BestKnownSpec:
    """How one value is chosen where sources disagree."""
    return load_file(HERE / "best_known.yaml", BestKnownSpec)


def unit_costs() -> pl.DataFrame:
    """setting, kind, detail ("" = any), gbp (pounds), per ("activity" or "day")."""
    return pl.read_csv(HERE / "unit_costs.csv").with_columns(
        pl.col("detail").fill_null("")
    )


@cache
def restricted_codes() -> pl.DataFrame:
    """category, system, code, term, law of what the law keeps from being passed on."""
    return pl.read_csv(HERE / "restricted_codes.csv", infer_schema=False)


def ingest_hashes() -> dict[str, str]:
    """Hashes of what shapes ingest beside the feeds themselves, by file name."""
    return {name: digest(HERE / name) for name in INGEST_FILES}
