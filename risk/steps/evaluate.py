"""How well a model foretold a later period: level, ranking, and for whom."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import chi2
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

from risk.steps.matrix import Flags, Floats, log_odds

TOP_SHARES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
# Below this many outcomes a group's ranking is mostly chance.
LEAST_TO_RANK = 20
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
    return {
        "people": len(outcome),
        "outcomes": int(outcome.sum()),
        "models": {name: summary(outcome, found) for name, found in risks.items()},
        "calibration_curve": curve(outcome, chosen),
        "at_list_size": list_sizes(outcome, chosen),
        "within_age": within(outcome, chosen, groups["age_band"]),
        "groups": {
            name: by_group(outcome, chosen, groups[name]) for name in groups.columns
        },
    }


def summary(outcome: Flags, risk: Floats) -> Figures:
    """Return discrimination, accuracy and level of one model."""
    slope, intercept = line(outcome, risk)
    return {
        "auroc": _rounded(roc_auc_score(outcome, risk)),
        "auroc_interval": auroc_interval(outcome, risk),
        "auprc": _rounded(average_precision_score(outcome, risk)),
        "brier": _rounded(float(np.mean((risk - outcome) ** 2))),
        "calibration_slope": _rounded(slope),
        "calibration_intercept": _rounded(intercept),
        **level(outcome, risk),
    }


def level(outcome: Flags, risk: Floats) -> Figures:
    """Return observed over expected with its exact Poisson 95% interval."""
    observed, expected = int(outcome.sum()), float(risk.sum())
    low = chi2.ppf(0.025, 2 * observed) / 2 if observed else 0.0
    high = chi2.ppf(0.975, 2 * observed + 2) / 2
    return {
        "people": len(outcome),
        "observed": observed,
        "expected": round(expected, 2),
        "observed_over_expected": _rounded(observed / expected) if expected else None,
        "interval": [_rounded(low / expected), _rounded(high / expected)]
        if expected
        else None,
    }


def line(outcome: Flags, risk: Floats) -> tuple[float, float]:
    """Return the calibration slope, and the intercept at slope 1 (0 is level).

    The intercept is calibration in the large: the shift of the log-odds that would
    make expected equal observed, found by Newton's method.
    """
    odds = log_odds(risk)
    fitted = LogisticRegression(C=np.inf).fit(odds[:, None], outcome)
    shift = 0.0
    for _ in range(50):
        shifted = 1 / (1 + np.exp(-(odds + shift)))
        step = (outcome.sum() - shifted.sum()) / (shifted * (1 - shifted)).sum()
        shift += float(step)
        if abs(step) < 1e-10:
            break
    return float(fitted.coef_[0, 0]), shift


def auroc_interval(outcome: Flags, risk: Floats) -> list[float]:
    """Return the 95% interval of the AUROC (Hanley and McNeil 1982)."""
    area = float(roc_auc_score(outcome, risk))
    yes, no = int(outcome.sum()), int((~outcome).sum())
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (
        area * (1 - area) + (yes - 1) * (q1 - area**2) + (no - 1) * (q2 - area**2)
    ) / (yes * no)
    reach = 1.96 * np.sqrt(variance)
    return [_rounded(max(area - reach, 0)), _rounded(min(area + reach, 1))]


def curve(outcome: Flags, risk: Floats, parts: int = 10) -> list[Figures]:
    """Return foretold and observed shares in tenths of people by risk."""
    order = np.argsort(risk, kind="stable")
    return [
        {
            "people": len(chosen),
            "foretold": _rounded(risk[chosen].mean()),
            "observed": _rounded(outcome[chosen].mean()),
        }
        for chosen in np.array_split(order, parts)
        if len(chosen)
    ]


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
                "from_risk": _rounded(risk[order[size - 1]]),
                "ppv": _rounded(hits / size),
                "sensitivity": _rounded(hits / max(outcome.sum(), 1)),
                "lift": _rounded(hits / size / average) if average else None,
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
            right += yes * no * float(roc_auc_score(outcome[chosen], risk[chosen]))
            pairs += yes * no
    return _rounded(right / pairs) if pairs else None


def by_group(outcome: Flags, risk: Floats, group: pl.Series) -> dict[str, Figures]:
    """Return level and ranking in each group of people; "Not known" is one."""
    named = group.cast(pl.String).fill_null("Not known")
    found: dict[str, Figures] = {}
    for value in named.unique().sort():
        chosen = (named == value).to_numpy()
        yes, no = int(outcome[chosen].sum()), int((~outcome[chosen]).sum())
        ranks = min(yes, no) >= LEAST_TO_RANK
        area = roc_auc_score(outcome[chosen], risk[chosen]) if ranks else None
        found[value] = level(outcome[chosen], risk[chosen]) | {
            "auroc": _rounded(area) if area is not None else None
        }
    return found


def _rounded(value: float) -> float:
    """Six decimals: more would only make two runs look different."""
    return round(float(value), 6)
