"""How well a model foretold a later period: level, ranking, and for whom."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from governance.disclosure import wilson
from risk.steps.intervals import (
    auprc_interval,
    benefit,
    intercept_interval,
    of_mean,
    poisson,
    rounded,
    share_interval,
)
from risk.steps.matrix import Flags, Floats, log_odds, probability

TOP_SHARES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
PER_PCN = (10, 25, 50, 100)
THRESHOLDS = (0.02, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
# Below this many outcomes a group's ranking is mostly chance.
LEAST_TO_RANK = 20
# Groups are compared at one cut for all: a list of the twentieth of people at the top.
TOP_SHARE = 0.05
# Fewer right, wrong or missed people than this would be told by their shares.
LEAST_TO_SHARE = 8
# People in a part of the curve's top: what came of fewer says little of the next.
LEAST_IN_PART = 100
# Of fewer people than this, the level of an ethnicity and deprivation cell is chance.
LEAST_IN_CELL = 2_000
Figures = dict[str, Any]


def evaluate(
    outcome: Flags,
    risks: Mapping[str, Floats],
    groups: pl.DataFrame,
    *,
    main: str,
) -> Figures:
    """Return the figures of a model card, as JSON.

    `risks` holds each model's probabilities, `main` naming the one in use; the
    others stand beside it as comparisons. `groups` has one row per person and one
    column per way of dividing people, null where not known.
    """
    chosen = risks[main]
    cut = float(np.quantile(chosen, 1 - TOP_SHARE))
    return {
        "people": len(outcome),
        "outcomes": int(outcome.sum()),
        "models": {name: summary(outcome, found) for name, found in risks.items()},
        "calibration_curve": curve(outcome, chosen),
        "calibration_top": top_of_curve(outcome, chosen),
        "at_list_size": list_sizes(outcome, chosen),
        "at_list_size_per_pcn": per_pcn(outcome, chosen, groups["pcn_code"]),
        "decision_curve": decision_curve(outcome, chosen),
        "within_age": within(outcome, chosen, groups["age_band"]),
        "by_age": by_group(outcome, chosen, groups["age_band"], cut),
        "cut": rounded(cut),
        "worst_cell": worst_cell(outcome, chosen, groups),
        "groups": {
            name: by_group(outcome, chosen, groups[name], cut)
            for name in groups.columns
        },
    }


def summary(outcome: Flags, risk: Floats) -> Figures:
    """Return discrimination, accuracy and level of one model."""
    slope, intercept, error = line(outcome, risk)
    auprc = float(average_precision_score(outcome, risk))
    missed = (risk - outcome) ** 2
    return {
        **ranking(outcome, risk),
        "auprc": rounded(auprc),
        "auprc_interval": auprc_interval(auprc, int(outcome.sum())),
        "brier": rounded(missed.mean()),
        "brier_interval": of_mean(missed),
        "calibration_slope": rounded(slope),
        "slope_interval": [rounded(slope - error), rounded(slope + error)]
        if error is not None
        else None,
        "calibration_intercept": rounded(intercept),
        "intercept_interval": intercept_interval(
            intercept, probability(log_odds(risk) + intercept)
        ),
        **level(outcome, risk),
    }


def level(outcome: Flags, risk: Floats) -> Figures:
    """Return observed over expected with its exact Poisson 95% interval."""
    observed, expected = int(outcome.sum()), float(risk.sum())
    return {
        "people": len(outcome),
        "observed": observed,
        "expected": round(expected, 2),
        "observed_over_expected": rounded(observed / expected) if expected else None,
        "interval": poisson(observed, expected) if expected else None,
    }


def line(outcome: Flags, risk: Floats) -> tuple[float, float, float | None]:
    """Return the calibration slope, the intercept at slope 1 (0 is level), and half
    the slope's 95% interval, None where there is no telling.

    The intercept is calibration in the large: the shift of the log-odds that would
    make expected equal observed, found by Newton's method.
    """
    odds = log_odds(risk)
    fitted = LogisticRegression(C=np.inf).fit(odds[:, None], outcome)
    told = probability(fitted.intercept_[0] + fitted.coef_[0, 0] * odds)
    weight = told * (1 - told)
    centred = odds - (weight * odds).sum() / weight.sum()
    known = float((weight * centred**2).sum())
    # The same chance for everybody says nothing of a slope.
    error = 1.96 / np.sqrt(known) if known > 1e-9 else None
    shift = 0.0
    for _ in range(50):
        shifted = probability(odds + shift)
        step = (outcome.sum() - shifted.sum()) / (shifted * (1 - shifted)).sum()
        shift += float(step)
        if abs(step) < 1e-10:
            break
    return float(fitted.coef_[0, 0]), shift, error


def auroc(outcome: Flags, risk: Floats) -> float:
    """Return the share of pairs with and without the outcome that are ranked rightly.

    Ties count half (Mann and Whitney 1947). A card asks it of every practice, and
    scikit-learn's checks of its arguments took longer than the ranking.
    """
    yes = int(outcome.sum())
    above = rankdata(risk)[outcome].sum() - yes * (yes + 1) / 2
    return float(above / (yes * (len(outcome) - yes)))


def ranking(outcome: Flags, risk: Floats) -> Figures:
    """Return the AUROC with its 95% interval (Hanley and McNeil 1982)."""
    area = auroc(outcome, risk)
    yes, no = int(outcome.sum()), int((~outcome).sum())
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (
        area * (1 - area) + (yes - 1) * (q1 - area**2) + (no - 1) * (q2 - area**2)
    ) / (yes * no)
    reach = 1.96 * np.sqrt(variance)
    interval = [rounded(max(area - reach, 0)), rounded(min(area + reach, 1))]
    return {"auroc": rounded(area), "auroc_interval": interval}


def curve(outcome: Flags, risk: Floats, parts: int = 10) -> list[Figures]:
    """Return foretold and observed shares in tenths of people by risk, the observed
    with Wilson's 95% interval."""
    order = np.argsort(risk, kind="stable")
    found = []
    for chosen in np.array_split(order, parts):
        if len(chosen):
            low, high = wilson(int(outcome[chosen].sum()), len(chosen))
            found.append(
                {
                    "people": len(chosen),
                    "from": rounded(risk[chosen].min()),
                    "foretold": rounded(risk[chosen].mean()),
                    "observed": rounded(outcome[chosen].mean()),
                    "interval": [rounded(low), rounded(high)],
                }
            )
    return found


def top_of_curve(outcome: Flags, risk: Floats) -> list[Figures]:
    """Return the top tenth in finer parts, of `LEAST_IN_PART` people at least.

    Nearly all whose figure is explained stand there, from one in ten to nearly all:
    what came of the tenth as a whole is true of few of them.
    """
    top = np.array_split(np.argsort(risk, kind="stable"), 10)[-1]
    parts = min(10, len(top) // LEAST_IN_PART)
    return curve(outcome[top], risk[top], parts) if parts > 1 else []


def per_pcn(
    outcome: Flags, risk: Floats, pcn: pl.Series, sizes: Sequence[int] = PER_PCN
) -> list[Figures]:
    """Return how right lists of so many people would be, if every PCN made one.

    `ppv_lowest` and `ppv_highest` are those of the PCNs between which four fifths of
    them lie. Shares are None where fewer than `LEAST_TO_SHARE` are right, wrong or
    missed (size and all outcomes are known, so that one share tells the other), and
    those of one PCN where they would tell of some, but fewer, right or wrong there.
    """
    ranked = (
        pl.DataFrame({"pcn": pcn, "risk": risk, "happened": outcome})
        .drop_nulls("pcn")
        .with_columns(place=pl.col("risk").rank("ordinal", descending=True).over("pcn"))
    )
    found = []
    for size in sizes:
        listed = ranked.filter(pl.col("place") <= size)
        each = listed.group_by("pcn").agg(
            right=pl.col("happened").sum(), wrong=(~pl.col("happened")).sum()
        )
        outcomes, hits = int(outcome.sum()), int(listed["happened"].sum())
        least = min(hits, listed.height - hits, outcomes - hits)
        told = least >= LEAST_TO_SHARE
        found.append(
            {
                "per_pcn": size,
                "pcns": each.height,
                "people": listed.height,
                "hits": hits,
                "ppv": rounded(hits / listed.height) if told else None,
                "ppv_interval": share_interval(hits, listed.height) if told else None,
                "ppv_lowest": _share_at(each, 0.1),
                "ppv_highest": _share_at(each, 0.9),
                "sensitivity": rounded(hits / outcomes) if told else None,
                "sensitivity_interval": share_interval(hits, outcomes)
                if told
                else None,
            }
        )
    return found


def _share_at(each: pl.DataFrame, part: float) -> float | None:
    """Return the share that is right in the list nearest this part of the way up.

    each: right, wrong, one row per list. None where it would tell of a few people.
    """
    if not each.height:
        return None
    share = pl.col("right") / (pl.col("right") + pl.col("wrong"))
    ranked = each.sort(share, "right")
    right, wrong = ranked.row(round(part * (each.height - 1)))[-2:]
    if 0 < right < LEAST_TO_SHARE or 0 < wrong < LEAST_TO_SHARE:
        return None
    return rounded(right / (right + wrong))


def decision_curve(
    outcome: Flags, risk: Floats, thresholds: Sequence[float] = THRESHOLDS
) -> list[Figures]:
    """Return the net benefit of acting above each threshold (Vickers and Elkin 2006).

    True positives less false ones weighed by the odds of the threshold, as a share
    of people; beside it that of acting on everybody (on nobody it is 0).
    """
    found = []
    for threshold in thresholds:
        acted = risk >= threshold
        odds = threshold / (1 - threshold)
        each = benefit(outcome, acted, odds)
        everybody = benefit(outcome, np.ones_like(acted), odds)
        found.append(
            {
                "threshold": threshold,
                "acted_on": int(acted.sum()),
                "net_benefit": rounded(each.mean()),
                "net_benefit_interval": of_mean(each),
                "act_on_all": rounded(everybody.mean()),
                "act_on_all_interval": of_mean(everybody),
            }
        )
    return found


def worst_cell(
    outcome: Flags, risk: Floats, groups: pl.DataFrame, least: int = LEAST_IN_CELL
) -> Figures | None:
    """Return the ethnicity and deprivation cell whose level is furthest from 1.

    Of cells with at least `least` people, where both are known; with its exact 95%
    interval, since the worst of many cells is partly chance.
    """
    cells = (
        groups.select("ethnicity_group", "imd_fifth")
        .with_columns(happened=pl.Series(outcome), risk=pl.Series(risk))
        .drop_nulls()
        .group_by("ethnicity_group", "imd_fifth")
        .agg(
            people=pl.len(),
            observed=pl.col("happened").sum(),
            expected=pl.col("risk").sum(),
        )
        .filter(pl.col("people") >= least)
        .with_columns(ratio=pl.col("observed") / pl.col("expected"))
        .sort((pl.col("ratio") - 1).abs(), "ethnicity_group", "imd_fifth")
    )
    if not cells.height:
        return None
    worst = cells.row(-1, named=True)
    interval = poisson(worst["observed"], worst["expected"])
    return worst | {"cells": cells.height, "interval": interval, "least": least}


def list_sizes(
    outcome: Flags, risk: Floats, shares: Sequence[float] = TOP_SHARES
) -> list[Figures]:
    """Return, for a list of the people at the top, how many of them it is right for.

    `ppv` is the share of the list that had the outcome, `sensitivity` the share of
    all outcomes that the list holds, `lift` the ppv over the average.
    """
    order = np.argsort(-risk, kind="stable")
    average = outcome.mean()
    found = []
    for share in shares:
        size = max(round(share * len(risk)), 1)
        hits = int(outcome[order[:size]].sum())
        found.append(
            {
                "top_share": share,
                "people": size,
                "from_risk": rounded(risk[order[size - 1]]),
                "ppv": rounded(hits / size),
                "sensitivity": rounded(hits / max(outcome.sum(), 1)),
                "lift": rounded(hits / size / average) if average else None,
            }
        )
    return found


def within(outcome: Flags, risk: Floats, group: pl.Series) -> float | None:
    """Return the AUROC among people of the same group.

    Of all pairs with and without the outcome that share a group, the share ranked
    rightly. Pooled AUROC is mostly age; this one is what a model adds to it.
    """
    right = pairs = 0.0
    for value in group.drop_nulls().unique():
        chosen = (group == value).fill_null(value=False).to_numpy()
        yes, no = int(outcome[chosen].sum()), int((~outcome[chosen]).sum())
        if yes and no:
            right += yes * no * auroc(outcome[chosen], risk[chosen])
            pairs += yes * no
    return rounded(right / pairs) if pairs else None


def by_group(
    outcome: Flags, risk: Floats, group: pl.Series, cut: float | None = None
) -> dict[str, Figures]:
    """Return level and ranking in each group of people; "Not known" is one.

    With a `cut`, also how right and how complete a list of everybody from that chance
    on would be in each group.
    """
    named = group.cast(pl.String).fill_null("Not known")
    found: dict[str, Figures] = {}
    for value in named.unique().sort():
        chosen = (named == value).to_numpy()
        yes, no = int(outcome[chosen].sum()), int((~outcome[chosen]).sum())
        found[value] = level(outcome[chosen], risk[chosen]) | (
            ranking(outcome[chosen], risk[chosen])
            if min(yes, no) >= LEAST_TO_RANK
            else {"auroc": None, "auroc_interval": None}
        )
        if cut is not None:
            found[value] |= at_cut(outcome[chosen], risk[chosen], cut)
    return found


def at_cut(outcome: Flags, risk: Floats, cut: float) -> Figures:
    """Return PPV and sensitivity of a list from a chance on, with Wilson's intervals.

    Each is None where so few are right, wrong or missed that it would tell of them.
    """
    listed = risk >= cut
    right, wrong = int(outcome[listed].sum()), int((~outcome[listed]).sum())
    missed = int(outcome.sum()) - right
    made: Figures = {}
    for name, rest in (("ppv", wrong), ("sensitivity", missed)):
        made[name] = made[f"{name}_interval"] = None
        if min(right, rest) >= LEAST_TO_SHARE:
            made[name] = rounded(right / (right + rest))
            made[f"{name}_interval"] = share_interval(right, right + rest)
    return made
