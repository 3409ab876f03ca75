"""The card of a model that foretells pounds: its answer, its figure, its tables.

Pounds of a group are means per person; those of groups with few costs, or in which
one person has most of them, are not made (`risk.steps.amounts`).
"""

from collections.abc import Mapping

from dashboards import wording
from dashboards.charts import ChartSpec, Dimension
from dashboards.charts.table import Table
from dashboards.selectors.model_tables import (
    GROUP_TITLES,
    MODEL_TITLES,
    between,
    group_label,
    pounds,
    protected,
    table_of,
)
from dashboards.selectors.models import bounds, evidence, tenth_name
from governance.access import Viewer
from governance.disclosure import HIDE_UP_TO, Measure, official
from governance.models import Org
from risk.selectors import ModelCard


def answer(card: ModelCard) -> str:
    """Return the page's answer in one paragraph."""
    told = card.performance
    said = (
        f"Tried on {wording.count(told['people'])} people as at {told['tested_on']}:"
        f" services then cost {told['observed_over_expected']:.2f} pounds for each"
        f" pound expected{_interval(told.get('interval'))}, and"
        f" {told['variance_explained']:.0%} of the differences between people were"
        " foretold"
    )
    plain = told.get("beside", {}).get("reference")
    if plain is not None:
        said += f" ({plain['variance_explained']:.0%} by age, sex and deprivation)"
    return (
        f"{said}. The twentieth of people with the highest figures had"
        f" {told['top_20th_of_cost']:.0%} of all cost."
    )


def _interval(found: list[float] | None) -> str:
    words = between(found, lambda x: f"{x:.2f}")
    return f" (95% interval {words})" if words else ""


def calibration(card: ModelCard, viewer: Viewer) -> ChartSpec:
    """Return pounds foretold and pounds spent, in tenths of people by what is foretold.

    Of a tenth in which 1 to 7 people cost anything, what they cost is no point of it.
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
        ({"tenth": str(i), "series": series}, round(part[series]))
        for series, i, part in shown
    ]
    slope = card.performance.get("calibration_slope")
    title = "Pounds foretold and pounds spent"
    if slope is not None:
        interval = between(card.performance["slope_interval"], lambda x: f"{x:.2f}")
        title += f": slope {slope:.2f} (95% interval {interval})"
    return ChartSpec(
        key="calibration",
        kind="bars",
        title=title,
        published=official(
            rows,
            measure=Measure("Cost per person", unit="£ per person"),
            viewer=viewer,
            intervals=[
                bounds(part.get("interval"), 1) if series == "observed" else None
                for series, _, part in shown
            ],
        ),
        category=Dimension("tenth", "By what is foretold", labels),
        series=Dimension(
            "series", "What", {"observed": "Spent", "foretold": "Foretold"}
        ),
        period=f"within {card.horizon_days} days of {card.performance['tested_on']}",
        evidence=evidence(card),
        value="count",
        definition="Level: slope 1; bars and diamonds then meet.",
    )


def of_few(part: Mapping[str, float]) -> bool:
    """Whether 1 to 7 people of a tenth cost anything: then their mean is hidden."""
    return 1 <= part.get("having", 0) <= HIDE_UP_TO


def tenths(card: ModelCard) -> Table:
    """Return pounds foretold and spent per person in each tenth, the lowest first."""
    rows = []
    for place, part in enumerate(card.performance["calibration_curve"], 1):
        spent = (f"fewer than {HIDE_UP_TO + 1} people", "")
        if not of_few(part):
            spent = pounds(part["observed"]), between(part.get("interval"), pounds)
        rows.append((str(place), pounds(part["foretold"]), *spent))
    heads = ("Foretold", "Spent", "95% interval")
    columns = [("Tenth of people", False), *((head, True) for head in heads)]
    return table_of("Pounds per person, by tenths of what was foretold", columns, rows)


def comparison(card: ModelCard) -> Table:
    """Return the model beside the two plainer ones, in pounds."""
    heads = (
        "Spent / expected",
        "95% interval",
        "Slope",
        "95% interval of the slope",
        "Mean error per person",
        "Differences foretold",
        "Of all cost in the top twentieth",
    )
    told = card.performance.get("beside", {})
    rows = []
    for name in [n for n in MODEL_TITLES if n in told]:
        found = told[name]
        slope = found["calibration_slope"]
        rows.append(
            (
                MODEL_TITLES[name],
                f"{found['observed_over_expected']:.3f}",
                between(found["interval"], lambda x: f"{x:.3f}"),
                "" if slope is None else f"{slope:.2f}",
                between(found["slope_interval"], lambda x: f"{x:.2f}"),
                pounds(found["mean_absolute_error_gbp"]),
                f"{found['variance_explained']:.1%}",
                f"{found['top_20th_of_cost']:.0%}",
            )
        )
    columns = [("Model", False), *((head, True) for head in heads)]
    return table_of("The model beside two plainer ones", columns, rows)


def by_group(card: ModelCard, viewer: Viewer) -> list[Table]:
    """Return pounds foretold and spent in each group of people, a table a division."""
    heads = (
        "People",
        "Who cost anything",
        "Foretold per person",
        "Spent per person",
        "95% interval",
        "Spent / expected",
        "95% interval of that",
        "Mean error per person",
    )
    names: Mapping[str, str] = dict(Org.objects.values_list("code", "name"))
    made = []
    for division, title in GROUP_TITLES.items():
        rows = []
        for value, found in (
            card.performance.get("groups", {}).get(division, {}).items()
        ):
            label = group_label(division, value, names)
            if found.get("too_few"):
                rows.append((label, "too few costs to judge", *[""] * (len(heads) - 1)))
                continue
            rows.append(
                (
                    label,
                    *protected(found["people"], found["having"], viewer),
                    pounds(found["foretold"]),
                    pounds(found["observed"]),
                    between(found["interval_gbp"], pounds),
                    f"{found['observed_over_expected']:.2f}",
                    between(found["interval"], lambda x: f"{x:.2f}"),
                    pounds(found["mean_absolute_error_gbp"]),
                )
            )
        if rows:
            columns = [(title, False), *((head, True) for head in heads)]
            made.append(table_of(f"By {title.lower()}", columns, rows))
    return made
