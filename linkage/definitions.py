"""The definitions of linkage, each read once."""

from functools import cache
from pathlib import Path

import polars as pl

from governance.definitions import Folder, digest, load_file
from linkage.best_known_specs import BestKnownSpec
from linkage.series_specs import SeriesSpec
from linkage.specs import FeedSpec
from linkage.steps.prices import Prices, PricesSpec

HERE = Path(__file__).resolve().parent

INGEST_FILES = (
    "best_known.yaml",
    "prices.yaml",
    "unit_costs.csv",
    "restricted_codes.csv",
)

FEEDS: Folder[FeedSpec] = Folder(HERE / "feeds", FeedSpec)
SERIES: Folder[SeriesSpec] = Folder(HERE / "series", SeriesSpec)


def best_known() -> BestKnownSpec:
    """How one value is chosen where sources disagree."""
    return load_file(HERE / "best_known.yaml", BestKnownSpec)


@cache
def prices() -> Prices:
    """What activity costs, in pounds of one year."""
    listed = pl.read_csv(HERE / "unit_costs.csv").with_columns(
        pl.col("detail").fill_null("")
    )
    return Prices(load_file(HERE / "prices.yaml", PricesSpec), listed)


@cache
def restricted_codes() -> pl.DataFrame:
    """category, system, code, term, law of what the law keeps from being passed on."""
    return pl.read_csv(HERE / "restricted_codes.csv", infer_schema=False)


def ingest_hashes() -> dict[str, str]:
    """Hashes of what shapes ingest beside the feeds themselves, by file name."""
    return {name: digest(HERE / name) for name in INGEST_FILES}
