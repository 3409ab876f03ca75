"""Splink as its tutorial uses it, on all records, the NHS number among them.

Comparisons from its own library, parameters by expectation maximisation, connected
components of the pairs with a probability of .99 or more.
"""

import logging

import duckdb
import polars as pl
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from linkage.steps.linking.prepare import INPUT, prepare

THRESHOLD = 0.99
BLOCKS = (
    ("nhs",),
    ("born", "surname"),
    ("born", "forename"),
    ("born", "postcode"),
    ("postcode", "surname"),
    ("forename", "surname", "sex"),
)


def splink_on_all(records: pl.DataFrame) -> pl.DataFrame:
    """record_id, cluster_id of every record."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    prepared = prepare(records.select(INPUT))
    texts = prepared.texts
    rows = prepared.rows.select(
        "row",
        "nhs",
        "sex",
        "postcode",
        pl.col("born").cast(pl.String),
        forename=_text(prepared.rows["forename"], texts),
        surname=_text(prepared.rows["surname"], texts),
    )
    connection = duckdb.connect(":memory:")
    database = DuckDBAPI(connection)
    table = database.register(rows.to_arrow(compat_level=pl.CompatLevel.oldest()))
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="row",
        comparisons=[
            cl.ExactMatch("nhs"),
            cl.NameComparison("forename"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison("born", input_is_string=True),
            cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
            cl.ExactMatch("sex"),
        ],
        blocking_rules_to_generate_predictions=[block_on(*block) for block in BLOCKS],
    )
    linker = Linker(table, settings, log_level=None)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("nhs"), block_on("forename", "surname", "born")], recall=0.9
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    for block in (("born", "surname"), ("postcode", "forename")):
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(*block)
        )
    pairs = linker.inference.predict(
        threshold_match_probability=THRESHOLD, warning_mode="never"
    )
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
        pairs, threshold_match_probability=THRESHOLD
    )
    relation = connection.sql(
        f"SELECT row, cluster_id FROM {clusters.physical_name} ORDER BY row"
    )
    found = pl.from_arrow(relation.to_arrow_table())
    assert isinstance(found, pl.DataFrame)
    connection.close()
    return records.select("record_id").with_columns(found["cluster_id"])


def _text(codes: pl.Series, texts: pl.Series) -> pl.Series:
    return texts.gather(codes.fill_null(0)).set(codes.is_null(), None)
