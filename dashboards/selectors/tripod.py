"""The TRIPOD+AI checklist of a model, item by item, from its definition and its trial.

Items and numbers after Collins and others, TRIPOD+AI statement (BMJ 2024;385:e078378).
What only a deployment can answer (ethics, funding, involvement) says so.
"""

from dashboards import wording
from risk.selectors import ModelCard

DEPLOYMENT = "For each deployment to answer before live use."


def checklist(card: ModelCard) -> list[tuple[str, str]]:
    """Return every item as (number and name, what this model answers)."""
    spec, told = card.spec, card.performance
    training = spec.training
    people, outcomes = wording.count(card.people), wording.count(card.outcomes)
    tried = wording.count(told["people"])
    left_out = wording.count(told["treated_left_out"])
    horizon = f"{card.horizon_days} days"
    held_out = card.calibration.get("folds", training.folds)
    folds = (
        "one held-out part of very many rows"
        if held_out == 1
        else (f"{held_out} folds, each foretold by trees that never saw it,")
    )
    is_amount = spec.outcome.is_amount
    plain = "log-linear" if is_amount else "logistic"
    output = "An amount in pounds" if is_amount else "A chance"
    return [
        ("1 Title", spec.title),
        ("2 Abstract", "The first paragraph of this page, from the trial's figures."),
        ("3 Background, intended use", f"{spec.why} {spec.intended_use}"),
        ("3c Inequalities", "Level, ranking and lists by group: “For whom it fails”."),
        ("4 Objectives", f"To foretell: {spec.words}"),
        (
            "5 Data and dates",
            (
                f"The linked record of this system; learnt as at {card.index_on} and"
                f" earlier, tried on {told['tested_on']}."
            ),
        ),
        (
            "6 Participants",
            (
                f"{spec.ages.words} Whoever is under an intervention on the index date"
                f" is counted apart ({left_out} in the trial); of whoever is taken on"
                " later, what came of others like them counts."
            ),
        ),
        (
            "7 Preparation",
            "One definition for each input; the same step for all dates.",
        ),
        (
            "8 Outcome",
            f"{spec.words} Within {horizon}; from routine records, nobody assessed it.",
        ),
        (
            "9 Predictors",
            (
                f"{len(spec.inputs)} inputs with their look-back, by what was known on"
                " the day; ethnicity is none of them and is kept for the audit."
            ),
        ),
        ("10 Sample size", f"{people} people, {outcomes} with the outcome."),
        ("11 Missing data", "Not known is a value of its own; nothing is filled in."),
        (
            "12 Methods",
            (
                f"Boosted trees; {folds} set the number of trees and the level."
                f" Beside it: a {plain} regression; age, sex, deprivation."
            ),
        ),
        ("13 Class imbalance", "Nothing is weighed or resampled; the level is set."),
        ("14 Fairness", "No group is treated differently; each is measured."),
        ("15 Output", f"{output}, its band, and reasons that add up to it."),
        ("16 Training and trial", "Other dates: outcomes never overlap."),
        ("17 Ethics", DEPLOYMENT),
        ("18a, b Funding, interests", DEPLOYMENT),
        (
            "18c, d Protocol, registration",
            "The definition and the public record below.",
        ),
        (
            "18e, f Data and code",
            (
                f"Data stay inside; code and definitions are open; seed {card.seed},"
                " hashes and batches are kept: training again gives the same model."
            ),
        ),
        ("19 Involvement", DEPLOYMENT),
        (
            "20, 21 Numbers",
            f"Learnt from {people} people ({outcomes} outcomes); tried on {tried}.",
        ),
        ("22 Specification", f"Version {card.version}: {len(card.features)} inputs."),
        ("23 Performance", "The figures and tables above, with 95% intervals."),
        (
            "24 Updating",
            (
                f"Trained anew after {training.renew_after_days} days or when a"
                " definition changes; its level alone by a reviewed version."
            ),
        ),
        ("25 Interpretation", "“It supports a decision and makes none.”"),
        ("26 Limitations", f"Not for: {spec.not_for}"),
        ("27 Use", "Needs no input by hand; people decide about each person."),
    ]
