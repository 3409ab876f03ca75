"""The second engine: Splink 5 on in-process DuckDB, from the same frozen model.

Candidate pairs are registered with Splink, which scores exactly those; no table
outlives the call. The settings are also what Splink is trained with (`train.py`).
Splink's Postgres backend is not used: it lacks Jaro-Winkler and asks the network for
an extension.
"""

import logging
from typing import Any

import duckdb
import numpy as np
import polars as pl
from splink import DuckDBAPI, Linker

from linkage.steps.linking.compare import (
    CLOSE,
    DISTANT,
    MISSING,
    SHORT,
    SIMILAR,
    Codes,
    Levels,
    name_forms,
)
from linkage.steps.linking.model import Comparison, Level, LinkModel
from linkage.steps.linking.prepare import Prepared
from linkage.steps.linking.weigh import DAYS, Bits, Shares, Weighed

NAMED = ("forename", "surname")
YEAR = "year(born_l) = year(born_r)"
MONTH = "month(born_l) = month(born_r)"
DAY = "day(born_l) = day(born_r)"
# As `compare.YEAR_SLIPS` and its exchanged digits.
SLIP = (
    "(abs(year(born_l) - year(born_r)) IN (1, 10, 100)"
    " OR (year(born_l) // 100 = year(born_r) // 100"
    " AND year(born_l) % 10 = year(born_r) // 10 % 10"
    " AND year(born_l) // 10 % 10 = year(born_r) % 10))"
)
FIRST = "(month({0}) = 1 AND day({0}) = 1)"


def condition(field: str, kind: str) -> str:
    """The SQL of a level, as `compare.py` says it in NumPy."""
    one, other = f"{field}_l", f"{field}_r"
    if kind == "same":
        return f"{one} = {other}"
    if field == "born":
        return {
            "swapped": f"{YEAR} AND month(born_l) = day(born_r)"
            " AND day(born_l) = month(born_r)",
            "day_or_month_differs": f"{YEAR} AND ({MONTH} OR {DAY})",
            "year_slip": f"{MONTH} AND {DAY} AND {SLIP}",
            "year_differs": f"{MONTH} AND {DAY}",
            "same_first_of_january": f"born_l = born_r AND {FIRST.format('born_l')}",
            "same_year": YEAR,
            "first_of_january": f"{YEAR} AND ({FIRST.format('born_l')}"
            f" OR {FIRST.format('born_r')})",
        }[kind]
    shorter = f"least(length({one}), length({other}))"
    winkler = f"jaro_winkler_similarity({one}, {other})"
    return {
        "same_district": "district_l = district_r",
        "same_area": "area_l = area_r",
        "swapped": "forename_l = surname_r AND surname_l = forename_r",
        "half_swapped": "forename_l = surname_r OR surname_l = forename_r",
        "another_form": f"list_has_any({field}_forms_l, {field}_forms_r)",
        "shared_part": f"list_has_any({field}_parts_l, {field}_parts_r)",
        "close_spelling": f"{winkler} >= {CLOSE} OR (damerau_levenshtein({one},"
        f" {other}) <= 1 AND {shorter} >= {SHORT})",
        "similar_spelling": f"{winkler} >= {SIMILAR}",
        "short_slip": f"damerau_levenshtein({one}, {other}) <= 1 AND {shorter} >= 2",
        "womans_other_name": "sex_l = 2 AND sex_r = 2",
        "distant_spelling": f"{winkler} >= {DISTANT}",
        "initial": f"{shorter} = 1 AND left({one}, 1) = left({other}, 1)",
        "second_name": f"{one} = second_r OR second_l = {other}",
    }[kind]


def settings(model: LinkModel) -> dict[str, Any]:
    """The model as Splink's settings."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "row",
        "probability_two_random_records_match": 1e-5,
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": True,
        "blocking_rules_to_generate_predictions": [],
        "comparisons": [_comparison(each) for each in model.comparisons],
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    field = comparison.field
    nothing = {
        "sql_condition": f"{field}_l IS NULL OR {field}_r IS NULL",
        "is_null_level": True,
        "label_for_charts": "missing",
    }
    return {
        "output_column_name": field,
        "comparison_levels": [
            nothing,
            *(_level(field, level) for level in comparison.levels),
        ],
    }


def _level(field: str, level: Level) -> dict[str, Any]:
    different = level.kind == "different"
    found = {
        "sql_condition": "ELSE" if different else condition(field, level.kind),
        "label_for_charts": level.words,
        "m_probability": level.m,
        "u_probability": level.u,
    }
    if level.frequent:
        found |= {
            "tf_adjustment_column": level.counted(field),
            "disable_tf_exact_match_detection": level.kind != "same",
            "tf_adjustment_weight": 1.0,
            "tf_minimum_u_value": level.least_share,
        }
    return found


def splink_rows(prepared: Prepared, rows: Codes, model: LinkModel) -> pl.DataFrame:
    """What Splink compares of these rows: texts, dates and lists in place of codes."""
    chosen = prepared.rows.filter(pl.col("row").is_in(pl.Series(rows).implode()))
    if not model.has("forename"):
        return chosen.drop("nhs", "forename", "second", "surname")
    codes = pl.concat([chosen["forename"], chosen["surname"]]).unique().drop_nulls()
    pairs = pl.DataFrame({"a": codes, "b": codes})
    marks = name_forms(prepared, pairs).group_by("code").agg("mark")
    texts = prepared.texts
    parts = (
        prepared.parts.with_columns(part=texts.gather(prepared.parts["part"]))
        .group_by("code")
        .agg("part")
    )
    named = chosen.select(pl.exclude("nhs"))
    for field in NAMED:
        named = named.join(
            marks.rename({"code": field, "mark": f"{field}_forms"}),
            on=field,
            how="left",
        )
    named = named.join(
        parts.rename({"code": "surname", "part": "surname_parts"}),
        on="surname",
        how="left",
    )
    lookup = pl.DataFrame({"text": texts}).with_row_index("code")
    for field in (*NAMED, "second"):
        named = named.join(
            lookup.rename({"code": field, "text": f"{field} text"}),
            on=field,
            how="left",
        )
    return named.drop(*NAMED, "second").rename(
        {f"{field} text": field for field in (*NAMED, "second")}
    )


def linker(
    rows: pl.DataFrame, model: LinkModel
) -> tuple[DuckDBAPI, Linker, duckdb.DuckDBPyConnection]:
    """A Splink linker over these rows, on a database of its own in memory."""
    logging.getLogger("splink").setLevel(logging.WARNING)
    connection = duckdb.connect(":memory:")
    database = DuckDBAPI(connection)
    table = database.register(rows.to_arrow(compat_level=pl.CompatLevel.oldest()))
    made = Linker(table, settings(model), log_level=None, validate_settings=False)
    return database, made, connection


def weigh_with_splink(
    prepared: Prepared,
    left: Codes,
    right: Codes,
    model: LinkModel,
    common: Shares | None,
) -> Weighed:
    """`weigh`, by Splink: the pairs are registered as blocked and scored."""
    rows = splink_rows(prepared, np.unique(np.concatenate([left, right])), model)
    if common is None:
        model = _without_shares(model)
    database, made, connection = linker(rows, model)
    if common is not None:
        for field, share in common.items():
            frequent = _share_table(rows, prepared, field, share)
            made.table_management.register_term_frequency_lookup(
                database.register(frequent.to_arrow()), field
            )
    blocked = pl.DataFrame({"join_key_l": left, "join_key_r": right}).with_row_index(
        "match_key"
    )
    made.table_management.register_blocked_pairs_for_predict(
        database.register(blocked.to_arrow())
    )
    scored = made.inference.predict(warning_mode="never")
    relation = connection.sql(
        f"SELECT * FROM {scored.physical_name} ORDER BY match_key"
    )
    found = pl.from_arrow(relation.to_arrow_table())
    assert isinstance(found, pl.DataFrame)
    connection.close()
    levels: dict[str, Levels] = {}
    bits: dict[str, Bits] = {}
    for comparison in model.comparisons:
        field = comparison.field
        levels[field] = _level_of(found[f"mw_{field}"], comparison)
        weight = pl.col(f"mw_{field}")
        if f"mw_tf_adj_{field}" in found.columns:
            weight = weight + pl.col(f"mw_tf_adj_{field}")
        bits[field] = found.select(weight.cast(pl.Float32)).to_series().to_numpy()
    return Weighed(left, right, levels, bits)


def _level_of(weights: pl.Series, comparison: Comparison) -> Levels:
    """The level that weighs this much; nothing weighs nothing.

    Splink returns its own numbering only together with every compared column, which
    costs more than the scoring.
    """
    bits = np.array([level.bits for level in comparison.levels])
    found = weights.to_numpy()
    nearest = np.abs(found[:, None] - bits[None, :]).argmin(axis=1)
    return np.where(found == 0.0, MISSING, nearest).astype(np.int8)


def _without_shares(model: LinkModel) -> LinkModel:
    return model.model_copy(
        update={
            "comparisons": tuple(
                each.model_copy(
                    update={
                        "levels": tuple(
                            level.model_copy(update={"frequent": False})
                            for level in each.levels
                        )
                    }
                )
                for each in model.comparisons
            )
        }
    )


def _share_table(
    rows: pl.DataFrame, prepared: Prepared, field: str, share: Any
) -> pl.DataFrame:
    """field, tf_field: the share of each value among all rows."""
    values = prepared.rows.filter(
        pl.col("row").is_in(rows["row"].implode()) & pl.col(field).is_not_null()
    )[field].unique()
    codes = values.cast(pl.Int64) + (DAYS if field == "born" else 0)
    shown = prepared.texts.gather(values) if field in NAMED else values
    return pl.DataFrame({field: shown, f"tf_{field}": share[codes.to_numpy()]})
