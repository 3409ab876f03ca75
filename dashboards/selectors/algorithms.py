"""The public register of algorithms: what each model is, is for, and is not for.

After the Algorithmic Transparency Recording Standard (ATRS), tiers 1 and 2.
"""

from typing import Any

from dashboards.selectors.models import standing
from risk import selectors as risk
from risk.definitions import MODELS
from risk.selectors import ModelCard

# Ratios and ranks; counts of people stay inside.
PUBLIC_FIGURES = (
    "auroc",
    "auroc_interval",
    "auprc",
    "brier",
    "calibration_slope",
    "calibration_intercept",
    "observed_over_expected",
    "variance_explained",
    "top_20th_of_cost",
)


def register() -> list[dict[str, Any]]:
    """Return the public record of every model in use."""
    cards = (risk.model_card(name) for name in MODELS)
    return [record(card) for card in cards if card is not None]


def record(card: ModelCard) -> dict[str, Any]:
    """Return the public record of the algorithm (ATRS tier 1 and 2), as plain data."""
    spec, told = card.spec, card.performance
    figures = told.get("models") or told.get("beside") or {}
    return {
        "name": spec.title,
        "owner": spec.owner,
        "version": card.version,
        "what_it_does": spec.words,
        "why": spec.why,
        "intended_use": spec.intended_use,
        "not_for": spec.not_for,
        "human_in_the_loop": "People decide about each person; the model only orders.",
        "inputs": [entry.feature for entry in spec.inputs],
        "trained_on": card.index_on.isoformat(),
        "tried_on": told["tested_on"],
        "performance": {
            name: value
            for name, value in figures.get(told.get("main"), {}).items()
            if name in PUBLIC_FIGURES
        },
        "standing": standing(card),
        "source": spec.source,
        "review_by": spec.review_by.isoformat(),
    }
