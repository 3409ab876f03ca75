"""Model cards: may a reader trust this score, and for what?

The figures of a card are of the people a model was tried on, a year and more ago, of
the whole system. Counts of them pass disclosure control like any other; ratios and
ranks of the model itself count nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pyroaring import BitMap

from dashboards import wording
from dashboards.charts import ChartSpec, Dimension, Evidence
from dashboards.charts.table import Column, Table
from dashboards.selectors.lenses import FIFTHS, SEXES, worded
from governance.access import Viewer
from governance.disclosure import Cell, Measure, official, protect
from governance.models import Org
from risk import selectors as risk
from risk.definitions import MODELS
from risk.selectors import ModelCard
from risk.steps.reasons import title as title_of

GROUP_TITLES = {
    "sex": "Sex",
    "age_band": "Age",
    "ethnicity_group": "Ethnic group",
    "imd_fifth": "Deprivation fifth",
    "pcn_code": "Primary care network",
    "practice_code": "Practice",
}
LABELS = {"sex": SEXES | {"U": "Not known"}, "imd_fifth": FIFTHS}
PLACES = ("pcn_code", "practice_code")
MODEL_TITLES = {
    "boosted trees": "This model (boosted trees)",
    "logistic": "Logistic regression, same inputs",
    "reference": "Age, sex and deprivation only",
}
TENTHS = (
    "Lowest", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "Highest",
)  # fmt: skip
TRIPOD = (
    ("Title and purpose", "title, why, intended_use, not_for of the definition"),
    ("Source of data, participants", "population, ages, training dates, people"),
    ("Outcome", "outcome, horizon; death competes and is counted"),
    ("Predictors", "inputs with their look-back; ethnicity only for the audit"),
    ("Sample size, missing data", "people and outcomes; not known is an input's value"),
    ("Analysis", "boosted trees, level set on people the trees never saw"),
    ("Fairness", "level by sex, age, ethnic group, deprivation and practice"),
    ("Performance", "discrimination, calibration and benefit on a later date"),
    ("Reproducibility", "seed, definitions' hashes, batches and code version kept"),
    ("Patient and public involvement", "to be arranged by each deployment"),
)


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
    """Return what was foretold and what happened, in tenths of people by risk."""
    curve = card.performance["calibration_curve"]
    labels = {str(i): f"{_tenth(i)} tenth of people" for i in range(len(curve))}
    rows = [
        ({"tenth": str(i), "series": series}, 100 * part[series])
        for series in ("observed", "foretold")
        for i, part in enumerate(curve)
    ]
    main = card.performance["models"][card.performance["main"]]
    low, high = main["slope_interval"] or (None, None)
    slope = f"slope {main['calibration_slope']:.2f}"
    if low is not None:
        slope += f" (95% interval {low:.2f} to {high:.2f})"
    return ChartSpec(
        key="calibration",
        kind="bars",
        title=f"What was foretold and what happened: {slope}, intercept"
        f" {main['calibration_intercept']:+.2f}",
        published=official(
            rows, measure=Measure("Had the outcome", unit="% of people"), viewer=viewer
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


def _tenth(place: int) -> str:
    return TENTHS[min(place, len(TENTHS) - 1)]


def decision_curve(card: ModelCard, viewer: Viewer) -> ChartSpec:
    """Return the net benefit of acting above each threshold, beside acting on all."""
    curve = card.performance["decision_curve"]
    labels = {str(part["threshold"]): f"{part['threshold']:.1%}" for part in curve}
    rows = [
        ({"at": str(part["threshold"]), "series": series}, 1000 * part[key])
        for series, key in (("model", "net_benefit"), ("all", "act_on_all"))
        for part in curve
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


def comparison(card: ModelCard) -> Table:
    """Return the model beside the two plainer ones."""
    columns = [("Model", False)] + [
        (title, True)
        for title in (
            "AUROC",
            "95% interval",
            "AUPRC",
            "Brier",
            "Slope",
            "Intercept",
            "Observed / expected",
        )
    ]
    rows = []
    told = card.performance["models"]
    for name in dict.fromkeys([card.performance["main"], *MODEL_TITLES, *told]):
        if name in told:
            found = told[name]
            low, high = found["auroc_interval"]
            rows.append(
                (
                    MODEL_TITLES.get(name, name),
                    f"{found['auroc']:.3f}",
                    f"{low:.3f} to {high:.3f}",
                    f"{found['auprc']:.3f}",
                    f"{found['brier']:.4f}",
                    f"{found['calibration_slope']:.2f}",
                    f"{found['calibration_intercept']:+.3f}",
                    f"{found['observed_over_expected']:.3f}",
                )
            )
    return _table("The model beside two plainer ones", columns, rows)


def list_sizes(card: ModelCard, viewer: Viewer) -> Table:
    """Return how right a list of so many people per PCN would have been."""
    columns = [("People listed per PCN", False)] + [
        (title, True)
        for title in (
            "People listed",
            "Of whom had the outcome",
            "Right (PPV)",
            "Most PCNs between",
            "Of all outcomes found",
        )
    ]
    rows = []
    for part in card.performance["at_list_size_per_pcn"]:
        hits = round(part["ppv"] * part["people"])
        shown = _protected(part["people"], hits, viewer)
        rows.append(
            (
                str(part["per_pcn"]),
                *shown,
                f"{part['ppv']:.0%}",
                f"{part['ppv_lowest']:.0%} and {part['ppv_highest']:.0%}",
                f"{part['sensitivity']:.0%}",
            )
        )
    return _table("Lists of one size in every PCN", columns, rows)


def by_group(card: ModelCard, viewer: Viewer) -> list[Table]:
    """Return level and ranking in each group of people, one table per division."""
    names: Mapping[str, str] = dict(Org.objects.values_list("code", "name"))
    tables = []
    for division, title in GROUP_TITLES.items():
        groups = card.performance["groups"].get(division, {})
        labels = LABELS.get(division, {})
        rows = []
        for value, found in groups.items():
            label = labels.get(value) or (
                names.get(value, value) if division in PLACES else worded(value)
            )
            if found.get("too_few"):
                rows.append((label, "too few outcomes to judge", "", "", "", ""))
                continue
            people, observed = _protected(found["people"], found["observed"], viewer)
            low, high = found["interval"]
            auroc = found["auroc"]
            rows.append(
                (
                    label,
                    people,
                    observed,
                    f"{found['observed_over_expected']:.2f}",
                    f"{low:.2f} to {high:.2f}",
                    f"{auroc:.3f}" if auroc is not None else "",
                )
            )
        if rows:
            columns = [(title, False)] + [
                (head, True)
                for head in (
                    "People",
                    "Had the outcome",
                    "Observed / expected",
                    "95% interval",
                    "AUROC",
                )
            ]
            tables.append(_table(f"By {title.lower()}", columns, rows))
    return tables


def watching(name: str) -> Table:
    """Return what the last releases showed of a model, the newest first."""
    columns = [
        ("Release", False),
        ("Shift of what is foretold (PSI)", True),
        ("Observed / expected since", True),
        ("Alerts", False),
    ]
    rows = []
    for watch in risk.watches(name):
        drift = watch.figures.get("drift")
        rows.append(
            (
                f"Release {watch.release_id}, version {watch.model_version}",
                f"{watch.figures['stability']:.3f}",
                f"{drift['level']['observed_over_expected']:.2f}"
                if drift
                else "no horizon has ended yet",
                " ".join(alert["words"] for alert in watch.alerts) or "none",
            )
        )
    return _table("Release by release", columns, rows)


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


def _protected(people: int, having: int, viewer: Viewer) -> tuple[str, str]:
    """Return two counts of the trial after disclosure control, as words.

    The trial's persons are no longer known here: sets of the same size stand for them.
    """
    cell = Cell({}, BitMap(range(people)), BitMap(range(having)))
    (made,) = protect([cell], measure=Measure("People", per=100), viewer=viewer).cells
    of = "hidden" if made.denominator is None else wording.count(made.denominator)
    return of, "hidden" if made.count is None else wording.count(made.count)


def _table(
    caption: str, columns: list[tuple[str, bool]], rows: list[tuple[str, ...]]
) -> Table:
    return Table(
        caption,
        tuple(Column(title, number) for title, number in columns),
        tuple(rows),
        (),
    )
