"""Model cards: may a reader trust this score, and for what?

The figures of a card are of the people a model was tried on, a year and more ago, of
the whole system. Counts of them pass disclosure control like any other; ratios and
ranks of the model itself count nobody.
"""

from dataclasses import dataclass
from datetime import date

from dashboards import wording
from dashboards.charts import ChartSpec, Dimension, Evidence
from dashboards.selectors.model_tables import between, of_few
from governance.access import Viewer
from governance.disclosure import Measure, official
from risk import selectors as risk
from risk.definitions import MODELS
from risk.selectors import ModelCard
from risk.steps.reasons import title as title_of

TENTHS = (
    "Lowest", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "Highest",
)  # fmt: skip


@dataclass(frozen=True)
class Listed:
    """A model as the list of models shows it."""

    name: str
    title: str
    why: str
    version: str
    ranks: str
    level: str
    state: str


def listed() -> list[Listed]:
    """Return every defined model, trained or not."""
    found = []
    for name, spec in MODELS.items():
        card = risk.model_card(name)
        version, ranks, level = "not trained yet", "", ""
        if card is not None:
            version = f"version {card.version}"
            ranks, level = _in_short(card)
        state = "" if card is None else standing(card)
        found.append(Listed(name, spec.title, spec.why, version, ranks, level, state))
    return found


def _in_short(card: ModelCard) -> tuple[str, str]:
    told = card.performance
    main = told.get("models", {}).get(told.get("main"))
    ratio = (main or told)["observed_over_expected"]
    ranks = f"{main['auroc']:.3f}" if main else "an amount, not a chance"
    return ranks, f"{ratio:.2f}" if ratio is not None else "no telling"


def standing(card: ModelCard) -> str:
    """Return in words whether a model may feed lists."""
    why = risk.may_feed_lists(card.spec.attribute)
    return f"may not order lists: {why}" if why else "may order lists"


def level_words(card: ModelCard) -> str:
    """Say that a version's level was set anew, and on whom; else nothing."""
    told = card.calibration
    if "level_of" not in told:
        return ""
    day = wording.day(date.fromisoformat(told["recalibrated_on"]))
    return (
        f"Its level was set anew by what came of people as at {day}; all else is that"
        f" of version {told['level_of']}."
    )


def answer(card: ModelCard) -> str:
    """Return the page's answer in one paragraph."""
    told = card.performance
    main = told["models"][told["main"]]
    reference = told["models"]["reference"]
    holds = "holds" if told["level_holds"] else "does not hold"
    return (
        f"Tried on {wording.count(told['people'])} people as at"
        f" {told['tested_on']}, it put {main['auroc']:.0%} of pairs of people in the"
        f" right order ({reference['auroc']:.0%} by age, sex and deprivation alone;"
        f" {told['within_age']:.0%} among people of one age). Its level {holds}:"
        f" {main['observed_over_expected']:.2f} happened for each that was expected."
    )


def evidence(card: ModelCard) -> Evidence:
    """Return what a reader needs before trusting the figures of a card."""
    told = card.performance
    return Evidence(
        freshness=f"Trained on people as at {card.index_on} and earlier, tried on"
        f" {told['tested_on']}",
        coverage=f"{wording.count(told['people'])} people of the whole system;"
        f" {wording.count(told['treated_left_out'])} under an intervention left out",
        completeness="Whoever moved away counts as without the outcome",
        uncertainty="95% intervals",
        source=f"risk/predictions/{card.name}.yaml, version {card.spec.version}",
    )


def calibration(card: ModelCard, viewer: Viewer) -> ChartSpec:
    """Return what was foretold and what happened, in tenths of people by risk.

    What 1 to 7 people make up is no point of it, as it is hidden in the table.
    """
    curve = card.performance["calibration_curve"]
    labels = {str(i): f"{tenth_name(i)} tenth of people" for i in range(len(curve))}
    shown = [
        (series, i, part)
        for series in ("observed", "foretold")
        for i, part in enumerate(curve)
        if series == "foretold" or not of_few(part)
    ]
    rows = [
        ({"tenth": str(i), "series": series}, 100 * part[series])
        for series, i, part in shown
    ]
    main = card.performance["models"][card.performance["main"]]
    slope = f"slope {main['calibration_slope']:.2f}" + _interval(
        main["slope_interval"], "{:.2f}"
    )
    intercept = f"intercept {main['calibration_intercept']:+.2f}" + _interval(
        main.get("intercept_interval"), "{:+.2f}"
    )
    return ChartSpec(
        key="calibration",
        kind="bars",
        title=f"What was foretold and what happened: {slope}, {intercept}",
        published=official(
            rows,
            measure=Measure("Had the outcome", unit="% of people"),
            viewer=viewer,
            intervals=[
                bounds(part["interval"], 100) if series == "observed" else None
                for series, _, part in shown
            ],
        ),
        category=Dimension("tenth", "By risk", labels),
        series=Dimension(
            "series", "What", {"observed": "Happened", "foretold": "Foretold"}
        ),
        period=f"within {card.horizon_days} days of {card.performance['tested_on']}",
        evidence=evidence(card),
        value="count",
        definition="Level: slope 1 and intercept 0; bars and diamonds then meet.",
    )


def bounds(interval: list[float] | None, scale: float) -> tuple[float, float] | None:
    """Return an interval in the units that a figure draws; None where there is none."""
    return (scale * interval[0], scale * interval[1]) if interval else None


def _interval(found: list[float] | None, form: str) -> str:
    """Return an interval as words in brackets; nothing of trials that kept none."""
    words = between(found, form.format)
    return f" (95% interval {words})" if words else ""


def tenth_name(place: int) -> str:
    """Return what a tenth of people by risk is called, the lowest being 0."""
    return TENTHS[min(place, len(TENTHS) - 1)]


def decision_curve(card: ModelCard, viewer: Viewer) -> ChartSpec:
    """Return the net benefit of acting above each threshold, beside acting on all."""
    curve = card.performance["decision_curve"]
    labels = {str(part["threshold"]): f"{part['threshold']:.1%}" for part in curve}
    shown = [
        (series, key, part)
        for series, key in (("model", "net_benefit"), ("all", "act_on_all"))
        for part in curve
    ]
    rows = [
        ({"at": str(part["threshold"]), "series": series}, 1000 * part[key])
        for series, key, part in shown
    ]
    return ChartSpec(
        key="decision-curve",
        kind="bars",
        title="What acting on the model is worth, threshold by threshold",
        published=official(
            rows,
            measure=Measure(
                "Net benefit", unit="true positives per 1,000 people", better="higher"
            ),
            viewer=viewer,
            intervals=[
                bounds(part.get(f"{key}_interval"), 1000) for _, key, part in shown
            ],
        ),
        category=Dimension("at", "Act above a chance of", labels),
        series=Dimension(
            "series",
            "Who is acted on",
            {"model": "Those above the threshold", "all": "Everybody"},
        ),
        period=f"within {card.horizon_days} days of {card.performance['tested_on']}",
        evidence=evidence(card),
        value="count",
        definition="True positives less false ones, weighed by the odds of the"
        " threshold (Vickers and Elkin 2006). Acting on nobody is worth 0.",
    )


def competing(card: ModelCard) -> str:
    """Return in words what death does to the chance."""
    found = card.performance["competing"]
    return (
        f"{found['aalen_johansen']:.1%} had the outcome as it happens, with death"
        f" competing (Aalen-Johansen); leaving the dead out would say"
        f" {found['naive']:.1%}. {found['died_first']:.1%} died first."
    )


def weightiest(card: ModelCard, most: int = 10) -> list[str]:
    """Return what moves the model as a whole most, in words."""
    words = {entry.feature: title_of(entry) for entry in card.spec.inputs}
    told = card.performance.get("importance", {})
    return [f"{words.get(name, name)}: {share:.0%}" for name, share in told.items()][
        :most
    ]
