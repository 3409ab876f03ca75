"""How well a model of an amount foretold a later period, in pounds, and for whom."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from risk.steps.evaluate import LEAST_IN_CELL, LEAST_TO_RANK, Figures
from risk.steps.matrix import Floats

# Of a group in which one person has so much of the cost, pounds would tell of them.
DOMINANT = 0.5


def amounts(
    spent: Floats, foretold: Mapping[str, Floats], groups: pl.DataFrame, *, main: str
) -> Figures:
    """Return the figures of a card of pounds, as JSON.

    `spent` is what each person cost, `foretold` what each model said, `main` naming
    the one in use. `groups` has one row per person and one column per way of dividing
    people, null where not known. Pounds are means per person.
    """
    chosen = foretold[main]
    order = np.argsort(chosen, kind="stable")
    return {
        "people": len(spent),
        "outcomes": int((spent > 0).sum()),
        **summary(spent, chosen),
        "beside": {name: summary(spent, told) for name, told in foretold.items()},
        "calibration_curve": [
            tenth(spent[part], chosen[part])
            for part in np.array_split(order, 10)
            if len(part)
        ],
        "worst_cell": worst_cell(spent, chosen, groups),
        "groups": {
            name: by_group(spent, chosen, groups[name]) for name in groups.columns
        },
    }


def worst_cell(
    spent: Floats, foretold: Floats, groups: pl.DataFrame, least: int = LEAST_IN_CELL
) -> Figures | None:
    """Return the ethnicity and deprivation cell whose level is furthest from 1.

    Of cells with at least `least` people, where both are known and no one person has
    most of the cost. None where there is no such cell, or people are not told apart so.
    """
    if not {"ethnicity_group", "imd_fifth"} <= set(groups.columns):
        return None
    named = groups.select("ethnicity_group", "imd_fifth").with_row_index("place")
    found: list[Figures] = []
    for (group, fifth), rows in named.drop_nulls().group_by(
        "ethnicity_group", "imd_fifth"
    ):
        chosen = rows["place"].to_numpy()
        had, told = spent[chosen], foretold[chosen]
        if len(chosen) < least or had.max() > DOMINANT * had.sum():
            continue
        at = {"ethnicity_group": group, "imd_fifth": fifth, "people": len(chosen)}
        found.append(at | {"having": int((had > 0).sum())} | ratio(had, told))
    if not found:
        return None
    worst = max(
        found,
        key=lambda cell: (
            abs(cell["observed_over_expected"] - 1),
            cell["ethnicity_group"],
            cell["imd_fifth"],
        ),
    )
    return worst | {"cells": len(found), "least": least}


def summary(spent: Floats, foretold: Floats) -> Figures:
    """Return level, slope, error and share explained of one model's pounds."""
    top = np.argsort(foretold, kind="stable")[-max(len(spent) // 20, 1) :]
    apart = max(float(((spent - spent.mean()) ** 2).sum()), 1e-9)
    return {
        **ratio(spent, foretold),
        **slope(spent, foretold),
        "mean_absolute_error_gbp": float(np.abs(spent - foretold).mean()),
        "variance_explained": float(1 - ((spent - foretold) ** 2).sum() / apart),
        "top_20th_of_cost": float(spent[top].sum() / max(spent.sum(), 1e-9)),
    }


def ratio(spent: Floats, foretold: Floats) -> Figures:
    """Return observed over expected pounds with its 95% interval.

    Of a ratio of two sums over the same people, linearised (Cochran, Sampling
    Techniques, 1977, 6.4): costs are too skewed for a law of counts.
    """
    expected = max(float(foretold.sum()), 1e-9)
    found = float(spent.sum()) / expected
    reach = 1.96 * float(np.sqrt(((spent - found * foretold) ** 2).sum())) / expected
    return {
        "observed_over_expected": round(found, 6),
        "interval": [round(max(found - reach, 0.0), 6), round(found + reach, 6)],
    }


def slope(spent: Floats, foretold: Floats) -> Figures:
    """Return the slope of observed on foretold pounds, 1 where they spread alike.

    Its 95% interval holds where large costs scatter more (White 1980). Null where
    everybody is foretold the same.
    """
    centred = foretold - foretold.mean()
    known = float((centred**2).sum())
    if known < 1e-9:
        return {"calibration_slope": None, "slope_interval": None}
    found = float((centred * spent).sum()) / known
    left = spent - spent.mean() - found * centred
    reach = 1.96 * float(np.sqrt((centred**2 * left**2).sum())) / known
    return {
        "calibration_slope": round(found, 6),
        "slope_interval": [round(found - reach, 6), round(found + reach, 6)],
    }


def tenth(spent: Floats, foretold: Floats) -> Figures:
    """Return mean pounds of some people: foretold, and observed with its interval."""
    mean = float(spent.mean())
    reach = 1.96 * float(spent.std()) / np.sqrt(len(spent))
    return {
        "people": len(spent),
        "having": int((spent > 0).sum()),
        "foretold": float(foretold.mean()),
        "observed": mean,
        "interval": [max(mean - reach, 0.0), mean + reach],
    }


def by_group(spent: Floats, foretold: Floats, group: pl.Series) -> dict[str, Any]:
    """Return level and error in each group of people; "Not known" is one.

    Of groups with too few costs, or in which one person has most of them, only that
    they exist is told.
    """
    named = group.cast(pl.String).fill_null("Not known")
    found: dict[str, Any] = {}
    for value in named.unique().sort():
        chosen = (named == value).to_numpy()
        had, told = spent[chosen], foretold[chosen]
        having, total = int((had > 0).sum()), float(had.sum())
        if having < LEAST_TO_RANK or had.max() > DOMINANT * total:
            found[value] = {"too_few": True}
            continue
        mean = tenth(had, told)
        found[value] = {
            **mean,
            "interval_gbp": mean["interval"],
            **ratio(had, told),
            "mean_absolute_error_gbp": float(np.abs(had - told).mean()),
        }
    return found
