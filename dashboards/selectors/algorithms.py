"""The public register of algorithms: what each model is, is for, and is not for.

After the Algorithmic Transparency Recording Standard (ATRS), whose fields and words are
in dashboards/algorithms/record.yaml.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from dashboards import wording
from dashboards.definitions import LISTS, RECORD
from dashboards.selectors.model_tables import between
from dashboards.selectors.models import standing
from governance.models import Org
from risk import selectors as risk
from risk.definitions import MODELS
from risk.selectors import ModelCard
from risk.specs import ModelSpec
from risk.steps.reasons import title as title_of

# Ratios and ranks; counts of people stay inside.
PUBLIC_FIGURES = (
    "auroc",
    "auroc_interval",
    "auprc",
    "auprc_interval",
    "brier",
    "brier_interval",
    "calibration_slope",
    "slope_interval",
    "calibration_intercept",
    "intercept_interval",
    "observed_over_expected",
    "interval",
    "variance_explained",
    "top_20th_of_cost",
)
# Key, words, key of the interval, and how both are written.
IN_WORDS = (
    ("auroc", "Pairs put in the right order (AUROC)", "auroc_interval", "{:.3f}"),
    ("auprc", "AUPRC", "auprc_interval", "{:.3f}"),
    ("brier", "Brier score", "brier_interval", "{:.4f}"),
    ("calibration_slope", "Calibration slope", "slope_interval", "{:.2f}"),
    ("observed_over_expected", "Observed over expected", "interval", "{:.3f}"),
    ("variance_explained", "Differences foretold", "", "{:.1%}"),
)
SENSITIVE_INPUTS = ("age_years", "sex", "imd_decile", "ethnicity_group")


def register() -> list[dict[str, Any]]:
    """Return the public record of every model in use."""
    cards = (risk.model_card(name) for name in MODELS)
    return [record(card) for card in cards if card is not None]


def record(card: ModelCard) -> dict[str, Any]:
    """Return the public record of the algorithm (ATRS), as plain data.

    `sections` holds the standard's fields in their order: each `{number, name, words}`,
    and `deployment` where only the organisation that uses the platform can answer.
    """
    spec, told = card.spec, card.performance
    figures = told.get("models") or told.get("beside") or {}
    performance = {
        name: value
        for name, value in figures.get(told.get("main"), {}).items()
        if name in PUBLIC_FIGURES
    }
    named = _named(card, performance)
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
        "performance": performance,
        "standing": named["standing"],
        "source": spec.source,
        "review_by": spec.review_by.isoformat(),
        "standard": RECORD.standard,
        "sections": [
            {
                "tier": section.tier,
                "title": section.title,
                "fields": [
                    {
                        "number": each.number,
                        "name": each.name,
                        "words": each.words.format_map(named),
                        "deployment": each.deployment,
                    }
                    for each in section.fields
                ],
            }
            for section in RECORD.sections
        ],
    }


def _named(card: ModelCard, performance: Mapping[str, Any]) -> dict[str, str]:
    """Return what the record's words may name, of this model."""
    spec, told = card.spec, card.performance
    is_amount = spec.outcome.is_amount
    within = f"within {card.horizon_days} days"
    return {
        "ages": spec.ages.words,
        "inputs": "; ".join(title_of(entry) for entry in spec.inputs),
        "input_count": str(len(spec.inputs)),
        "intended_use": spec.intended_use,
        "lists": _lists(spec.attribute),
        "not_for": spec.not_for,
        "organisation": _organisation(),
        "output": (
            f"An amount in pounds {within}, and its band."
            if is_amount
            else f"A chance between 0 and 1 {within}, and its band."
        ),
        "owner": spec.owner,
        "performance": _performance(performance),
        "review_by": wording.day(spec.review_by),
        "sensitive": _sensitive(spec),
        "sizes": (
            f"About {_thousands(card.people)} people to train on, about"
            f" {_thousands(told['people'])} to try it on."
        ),
        "source": spec.source,
        "standing": standing(card),
        "task": "Regression of an amount" if is_amount else "Chance of one outcome",
        "tested_on": wording.day(date.fromisoformat(told["tested_on"])),
        "title": spec.title,
        "trained_on": wording.day(card.index_on),
        "version": str(card.version),
        "why": spec.why,
        "words": spec.words,
    }


def _lists(attribute: str) -> str:
    titles = [f"“{s.title}”" for s in LISTS.values() if s.order_by == attribute]
    if not titles:
        return "It orders no list of people today; it is shown as a figure."
    return f"It orders these lists: {', '.join(titles)}."


def _organisation() -> str:
    """Return the system that uses the platform, as the organisation tables name it."""
    found = Org.objects.filter(kind=Org.Kind.ICB).values_list("name", flat=True)
    return ", ".join(found) or "Not known: no organisations are loaded"


def _sensitive(spec: ModelSpec) -> str:
    read = [title_of(e) for e in spec.inputs if e.feature in SENSITIVE_INPUTS]
    return (
        f"All inputs are health data or say where and how somebody lives; read as such:"
        f" {', '.join(read).lower()}. Ethnic group is no input: it is kept to measure"
        " for whom the model fails."
    )


def _performance(found: Mapping[str, Any]) -> str:
    """Say the public figures in words, with their intervals where they are kept."""
    said = []
    for key, title, bounds, form in IN_WORDS:
        if found.get(key) is not None:
            interval = between(found.get(bounds), form.format)
            words = f"{title} {form.format(found[key])}"
            said.append(f"{words} (95% interval {interval})" if interval else words)
    return "; ".join(said) + "." if said else "No figures are kept."


def _thousands(people: int) -> str:
    """Write a number of people so that nobody is counted by it."""
    return f"{round(people, -3):,}" if people >= 1000 else "fewer than 1,000"
