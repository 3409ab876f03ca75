"""Train a model with Splink: u from random pairs, m from pairs a number vouches for.

No expectation maximisation: it settles on households as readily as on people. NHS
numbers give labels for nothing; only pairs that pass the cross-check count, so that a
relative's number does not teach the model that people change their names.
"""

from pathlib import Path

import numpy as np
import polars as pl
import yaml

from linkage.steps.linking.cross_check import cross_check
from linkage.steps.linking.model import Comparison, LinkModel
from linkage.steps.linking.prepare import prepare
from linkage.steps.linking.splink_engine import linker, splink_rows
from linkage.steps.linking.weigh import shares

MOST_PAIRS = 2e7


def train(
    records: pl.DataFrame, model: LinkModel, seed: int, pairs: float = MOST_PAIRS
) -> LinkModel:
    """The model with m and u as these records show them, and nothing else changed.

    records: INPUT columns of `prepare`. model: its comparisons are kept; its weights
    only serve the cross-check that makes the labels. pairs: how many random pairs u
    is counted in.
    """
    prepared = prepare(records)
    unknown = pl.Series([None] * records.height, dtype=pl.Int64)
    checked = cross_check(prepared, unknown, unknown, 0, model, shares(prepared, model))
    rows = splink_rows(prepared, np.arange(records.height, dtype=np.uint32), model)
    labels = checked.rows.filter(~pl.col("disputed")).select("row", person="unit")
    rows = rows.join(labels, on="row", how="left")
    database, made, connection = linker(rows, model)
    made.training.estimate_u_using_random_sampling(
        max_pairs=pairs, seed=seed, min_count_per_level=None
    )
    made.training.estimate_m_from_label_column("person")
    learnt = made.misc.save_model_to_json(out_path=None)
    connection.close()
    by_field = {each["output_column_name"]: each for each in learnt["comparisons"]}
    return model.model_copy(
        update={
            "comparisons": tuple(
                _learnt(each, by_field[each.field]["comparison_levels"])
                for each in model.comparisons
            )
        }
    )


def _learnt(comparison: Comparison, levels: list[dict[str, float]]) -> Comparison:
    """The comparison with Splink's estimates; its first level is the missing one."""
    return comparison.model_copy(
        update={
            "levels": tuple(
                level.model_copy(
                    update={
                        "m": _share(seen.get("m_probability"), level.m),
                        "u": _share(seen.get("u_probability"), level.u),
                    }
                )
                if not level.fixed
                else level
                for level, seen in zip(comparison.levels, levels[1:], strict=True)
            )
        }
    )


def _share(value: object, before: float) -> float:
    """What was learnt, to four digits; what was never seen stays as it was."""
    known = isinstance(value, float) and value > 0
    return float(f"{value:.4g}") if known else before


def write_model(model: LinkModel, path: Path) -> None:
    """Write a model as the YAML that `load_model` reads."""
    text = yaml.safe_dump(
        model.model_dump(mode="json"), sort_keys=False, allow_unicode=True
    )
    path.write_text(text, encoding="utf-8")
