"""The tables of a model card: beside plainer models, list by list, group by group.

Counts of people pass disclosure control like any other; shares that would tell of
fewer than eight are not made (`risk.steps.evaluate`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyroaring import BitMap

from dashboards import wording
from dashboards.charts.table import Column, Table
from dashboards.selectors.lenses import FIFTHS, SEXES, worded
from governance.access import Viewer
from governance.disclosure import HIDE_UP_TO, Cell, Measure, protect
from governance.models import Org
from risk import selectors as risk
from risk.selectors import ModelCard
from risk.steps.evaluate import LEAST_IN_CELL

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
    "log-linear": "Log-linear regression, same inputs",
    "reference": "Age, sex and deprivation only",
}


def comparison(card: ModelCard) -> Table:
    """Return the model beside the two plainer ones."""
    columns = [("Model", False)] + [
        (title, True)
        for title in (
            "AUROC",
            "95% interval",
            "AUPRC",
            "95% interval of the AUPRC",
            "Brier",
            "95% interval of the Brier score",
            "Slope",
            "95% interval of the slope",
            "Intercept",
            "95% interval of the intercept",
            "Observed / expected",
            "95% interval of that",
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
                    between(found.get("auprc_interval"), lambda x: f"{x:.3f}"),
                    f"{found['brier']:.4f}",
                    between(found.get("brier_interval"), lambda x: f"{x:.4f}"),
                    f"{found['calibration_slope']:.2f}",
                    between(found["slope_interval"], lambda x: f"{x:.2f}"),
                    f"{found['calibration_intercept']:+.3f}",
                    between(found.get("intercept_interval"), lambda x: f"{x:+.3f}"),
                    f"{found['observed_over_expected']:.3f}",
                    between(found["interval"], lambda x: f"{x:.3f}"),
                )
            )
    return table_of("The model beside two plainer ones", columns, rows)


def tenths(card: ModelCard) -> Table:
    """Return what was foretold and what happened in each tenth of people, the lowest
    first: shares with Wilson's interval.

    A share that 1 to 7 people make up is hidden, as their count would be.
    """
    rows = [
        (str(place), exact_percent(part["foretold"]), *_happened(part))
        for place, part in enumerate(card.performance["calibration_curve"], 1)
    ]
    heads = ("Foretold", "Happened", "95% interval")
    columns = [("Tenth of people", False), *((head, True) for head in heads)]
    return table_of("Tenths of people by what was foretold of them", columns, rows)


def of_few(part: Mapping[str, Any]) -> bool:
    """Whether 1 to 7 people make up what happened in a tenth: then it is hidden."""
    return 1 <= round(part["observed"] * part["people"]) <= HIDE_UP_TO


def _happened(part: Mapping[str, Any]) -> tuple[str, str]:
    if of_few(part):
        return f"fewer than {HIDE_UP_TO + 1} people", ""
    return exact_percent(part["observed"]), between(part["interval"], exact_percent)


def list_sizes(card: ModelCard, viewer: Viewer) -> Table:
    """Return how right a list of so many people per PCN would have been."""
    columns = [("People listed per PCN", False)] + [
        (title, True)
        for title in (
            "People listed",
            "Of whom had the outcome",
            "Right (PPV)",
            "95% interval",
            "Most PCNs between",
            "Of all outcomes found",
            "95% interval of that",
        )
    ]
    rows = []
    for part in card.performance["at_list_size_per_pcn"]:
        if "hits" not in part:  # an older trial, of which shares tell of few people
            continue
        shown = protected(part["people"], part["hits"], viewer)
        rows.append(
            (
                str(part["per_pcn"]),
                *shown,
                _share(part["ppv"]),
                between(part.get("ppv_interval"), percent),
                " and ".join(
                    _share(part[name]) for name in ("ppv_lowest", "ppv_highest")
                ),
                _share(part["sensitivity"]),
                between(part.get("sensitivity_interval"), percent),
            )
        )
    return table_of("Lists of one size in every PCN", columns, rows)


def by_group(card: ModelCard, viewer: Viewer) -> list[Table]:
    """Return level and ranking in each group of people, one table per division."""
    names: Mapping[str, str] = dict(Org.objects.values_list("code", "name"))
    tables = []
    for division, title in GROUP_TITLES.items():
        groups = card.performance["groups"].get(division, {})
        rows = []
        for value, found in groups.items():
            label = group_label(division, value, names)
            if found.get("too_few"):
                rows.append((label, "too few outcomes to judge", *[""] * 9))
                continue
            people, observed = protected(found["people"], found["observed"], viewer)
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
                    between(found.get("auroc_interval"), lambda x: f"{x:.3f}"),
                    *_at_cut(found, "ppv"),
                    *_at_cut(found, "sensitivity"),
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
                    "95% interval of the AUROC",
                    "Right at one cut (PPV)",
                    "95% interval of the PPV",
                    "Of all outcomes found at it",
                    "95% interval of that",
                )
            ]
            tables.append(table_of(f"By {title.lower()}", columns, rows))
    return tables


def group_label(division: str, value: str, names: Mapping[str, str]) -> str:
    """Return what a group is called; `names` are those of organisations by code."""
    named = names.get(value, value) if division in PLACES else worded(value)
    return LABELS.get(division, {}).get(value) or named


def worst_cell(card: ModelCard, viewer: Viewer) -> str:
    """Say for which cell of ethnicity and deprivation the level is furthest off.

    Nothing of trials that did not look.
    """
    if "worst_cell" not in card.performance:
        return ""
    found = card.performance["worst_cell"]
    if found is None:
        return (
            f"No ethnic group in one deprivation fifth has {LEAST_IN_CELL:,} people who"
            " were tried: no cell of both is judged."
        )
    at = (
        f"{group_label('ethnicity_group', found['ethnicity_group'], {})}, deprivation"
        f" fifth {group_label('imd_fifth', found['imd_fifth'], {})}"
    )
    ratio = found.get("ratio", found.get("observed_over_expected"))
    had = found.get("observed", found.get("having"))
    people, having = protected(found["people"], had, viewer)
    level = (
        "hidden, being of few people"
        if having == "hidden"
        else f"{ratio:.2f} observed / expected"
        f" (95% interval {between(found['interval'], lambda x: f'{x:.2f}')})"
    )
    return (
        f"Of the {found['cells']} cells of ethnic group and deprivation fifth with"
        f" {found.get('least', LEAST_IN_CELL):,} people or more, the level is furthest"
        f" from 1 in: {at}. It is {level}, among {people} people, of whom {having}"
        f" {'cost anything' if card.spec.outcome.is_amount else 'had the outcome'}."
        " The worst of many cells is partly chance."
    )


def cut_words(card: ModelCard) -> str:
    """Say at which chance the groups are compared; nothing of older trials."""
    cut = card.performance.get("cut")
    if cut is None:
        return ""
    return (
        "The cut is the same for every group: a chance of"
        f" {cut:.1%}, from which on stands the twentieth of people with the highest"
        " figures. Where fewer than eight people would be told of, no share is given."
    )


def _at_cut(found: Mapping[str, Any], name: str) -> tuple[str, str]:
    """Return a share at the cut with its interval; empty where few would be told."""
    share = found.get(name)
    if share is None:
        return "", ""
    return percent(share), between(found[f"{name}_interval"], percent)


def _share(share: float | None) -> str:
    """Return a share in words; "hidden" where it would have told of few people."""
    return "hidden" if share is None else percent(share)


def percent(share: float) -> str:
    return f"{share:.0%}"


def exact_percent(share: float) -> str:
    return f"{share:.1%}"


def pounds(amount: float) -> str:
    return f"£{amount:,.0f}"


def between(interval: Sequence[float] | None, words: Callable[[float], str]) -> str:
    """Return an interval in words; nothing where there is none."""
    return " to ".join(words(bound) for bound in interval) if interval else ""


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
        ratio = drift["level"]["observed_over_expected"] if drift else None
        rows.append(
            (
                f"Release {watch.release_id}, version {watch.model_version}",
                f"{watch.figures['stability']:.3f}",
                "no horizon has ended yet" if ratio is None else f"{ratio:.2f}",
                " ".join(alert["words"] for alert in watch.alerts) or "none",
            )
        )
    return table_of("Release by release", columns, rows)


def protected(people: int, having: int, viewer: Viewer) -> tuple[str, str]:
    """Return two counts of the trial after disclosure control, as words.

    The trial's persons are no longer known here: sets of the same size stand for them.
    """
    cell = Cell({}, BitMap(range(people)), BitMap(range(having)))
    (made,) = protect([cell], measure=Measure("People", per=100), viewer=viewer).cells
    of = "hidden" if made.denominator is None else wording.count(made.denominator)
    return of, "hidden" if made.count is None else wording.count(made.count)


def table_of(
    caption: str, columns: list[tuple[str, bool]], rows: list[tuple[str, ...]]
) -> Table:
    return Table(
        caption,
        tuple(Column(title, number) for title, number in columns),
        tuple(rows),
        (),
    )
