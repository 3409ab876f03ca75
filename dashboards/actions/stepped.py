"""What the practices' starting one after another shows: balance, then the effect."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from django.utils import timezone
from pyroaring import BitMap

from dashboards import store
from dashboards.list_specs import BALANCE, Comparison, ListSpec
from dashboards.models import ProgrammeTally
from dashboards.opt_outs import honoured_by
from dashboards.steps.stepped import by_steps
from linkage.feature_definitions import FEATURES
from linkage.feature_specs import CountActivity, Use

# A step of fewer people says nothing, and may say who somebody is.
FEWEST_IN_A_STEP = 20
# Fewer practices have too few orders for a lot to tell anything.
FEWEST_PRACTICES = 8


def compared_by_step(
    programme: str, spec: ListSpec, as_of: date
) -> list[ProgrammeTally]:
    """Return the comparison's rows: one of the whole, and one of each step's people."""
    comparison = spec.comparison
    assert comparison is not None
    cohort = store.cohort_of(programme)
    month = as_of.replace(day=1)
    on = timezone.localdate()
    absent = store.opted_out(cohort["person_no"].to_list(), honoured_by(spec, on), on)
    cohort = cohort.filter(~pl.col("person_no").is_in(sorted(absent)))
    steps = cohort.partition_by("step", as_dict=True, maintain_order=True)
    rows = [
        ProgrammeTally(
            programme=programme,
            month=month,
            measure=f"step:{step}",
            persons=BitMap(people["person_no"].to_list()).serialize(),
            detail={
                "starts_on": people["starts_on"][0].isoformat(),
                "practices": people["practice_code"].n_unique(),
                "means": {name: people[name].mean() for name in BALANCE},
            },
        )
        for (step,), people in sorted(steps.items())
    ]
    smallest = min((people.height for people in steps.values()), default=0)
    enough = len(steps) == comparison.steps and smallest >= FEWEST_IN_A_STEP
    enough = enough and cohort["practice_code"].n_unique() >= FEWEST_PRACTICES
    ends = _begins(comparison, comparison.steps)
    detail: dict[str, Any] = {
        "effects": [],
        "is_enough": enough,
        "is_whole": enough and as_of >= ends,
    }
    if detail["is_whole"]:
        detail["effects"] = _effects(cohort, spec, comparison)
    rows.append(
        ProgrammeTally(
            programme=programme,
            month=month,
            measure="comparison",
            persons=BitMap(cohort["person_no"].to_list()).serialize(),
            detail=detail,
        )
    )
    return rows


def dated(measure: str) -> Use | None:
    """Return what use an outcome counts, where each use has a day of its own."""
    spec = FEATURES.get(measure)
    rule = spec.rule if spec else None
    if not isinstance(rule, CountActivity) or rule.take != "count":
        return None
    # A use told apart by more than these cannot be counted again here.
    told = rule.use.model_dump(exclude_defaults=True)
    return rule.use if set(told) <= {"settings", "kinds", "urgencies"} else None


def _begins(comparison: Comparison, period: int) -> date:
    """The first day of a period; period 0 lies before any start, 1 is the first."""
    days = (period - 1) * comparison.days_a_step
    return comparison.start_on + timedelta(days=days)


def _effects(
    cohort: pl.DataFrame, spec: ListSpec, comparison: Comparison
) -> list[dict[str, Any]]:
    """The effect on each outcome that can be counted by its day, per 100 and year.

    From the period before the first start to the last in which some practices wait.
    """
    practices = (
        cohort.group_by("practice_code")
        .agg(pl.len().alias("people"), pl.col("step").first())
        .sort("practice_code")
    )
    since, until = _begins(comparison, 0), _begins(comparison, comparison.steps)
    a_year = 100 * 365.25 / comparison.days_a_step
    found = []
    for measure in spec.outcomes:
        use = dated(measure)
        if use is None:
            continue
        people = cohort["person_no"].to_list()
        uses = store.activity_dates(people, use, since, until)
        effect = by_steps(
            _means(uses, cohort, practices, comparison),
            practices["people"].cast(pl.Float64).to_numpy(),
            practices["step"].cast(pl.Int64).to_numpy(),
            comparison.seed,
        )
        found.append(
            {
                "measure": measure,
                "difference": effect.difference * a_year,
                "lower": effect.lower * a_year,
                "upper": effect.upper * a_year,
                "practices": effect.practices,
            }
        )
    return found


def _means(
    uses: pl.DataFrame,
    cohort: pl.DataFrame,
    practices: pl.DataFrame,
    comparison: Comparison,
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Uses per person of the cohort, practices × periods.

    Everybody counts where they were when the order was drawn, also who has moved or
    died since: to leave them out would undo the lot.
    """
    first = _begins(comparison, 0)
    period = (pl.col("start_on") - pl.lit(first)).dt.total_days()
    counted = (
        uses.join(cohort.select("person_no", "practice_code"), on="person_no")
        .group_by("practice_code", period=period // comparison.days_a_step)
        .len()
    )
    made = np.zeros((practices.height, comparison.steps))
    place = {code: n for n, code in enumerate(practices["practice_code"])}
    for code, at, many in counted.iter_rows():
        made[place[code], at] = many
    return made / practices["people"].to_numpy()[:, None]
