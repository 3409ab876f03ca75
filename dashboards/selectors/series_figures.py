"""A published series' figures: a control chart, or bars where it has one period."""

from collections.abc import Iterable
from datetime import date, timedelta

import polars as pl
from django.utils.text import slugify

from dashboards import sentences, wording
from dashboards.charts import ChartSpec, Dimension, Evidence
from dashboards.selectors.series import ENGLAND, Question, names_of
from dashboards.steps.fitness import Check, Fitness, age, submitting
from dashboards.steps.series_points import series_points, unit_of
from dashboards.steps.xmr import Control, xmr
from governance.access import Viewer
from governance.disclosure import Measure, official
from linkage.models import FeedRun
from linkage.series_specs import MeasureSpec, RateSpec

MOST_BARS = 40
MOST_POINTS = 60  # of a chart: five years of months, so that its past is its own
YEAR = 366
LENGTH_DAYS = {"day": 1, "week": 7, "month": 31, "year": 366}
# How long after a period's end the next figure is there: its cadence, and the time
# that a publisher takes to publish.
PUBLISHED_DAYS = {"daily": 31, "weekly": 31, "monthly": 75, "quarterly": 180}
PUBLISHED_DAYS |= {"yearly": 540}
PERIODS = {"day": "%-d %b %Y", "week": "%-d %b %Y", "month": "%b %Y", "year": "%Y"}


def figures(question: Question, viewer: Viewer) -> list[ChartSpec]:
    """The place's figure, then England's or what England comes to beside it."""
    name = names_of([question.area])[question.area]
    codes = question.codes()
    points = _over_time(question, question.values(codes))
    if points.height > 1:
        found = [control_chart(question, viewer, points, question.area, name)]
        england = _over_time(question, question.of_england())
        if england.height > 1 and ENGLAND not in codes:
            found.append(control_chart(question, viewer, england, ENGLAND, "England"))
        return found
    return bars(question, viewer, name)


def over_time(
    question: Question, viewer: Viewer, code: str, *, title: str = ""
) -> ChartSpec | None:
    """The chart of the question's place, or of England; None without a figure.

    One point alone has no limits: it stands as a bar. title: what the measure is
    called, where that is not the publisher's own word.
    """
    if code == ENGLAND and ENGLAND not in question.codes():
        values = question.of_england()
    elif code == question.area:
        values = question.values(question.codes())
    else:
        return None
    points = _over_time(question, values)
    if points.is_empty():
        return None
    name = names_of([code])[code]
    if points.height > 1:
        return control_chart(question, viewer, points, code, name, title=title)
    measure = measure_of(unit_of(question.spec, question.measure), title)
    ((day, value),) = points.select("start_on", "value").rows()
    when = _period(question, day)
    return ChartSpec(
        key=slugify(f"{question.name}-{code}"),
        kind="bars",
        title=sentences.as_published(name, value, measure, when),
        published=official(
            [({"place": code, "period": day.isoformat()}, value)],
            measure=measure,
            viewer=viewer,
        ),
        category=Dimension("period", "Period", {day.isoformat(): when}),
        series=Dimension("place", "Place", {code: name}),
        value="count",
        period=when,
        evidence=_evidence(question, points, None),
        definition=_definition(question),
    )


def control_chart(
    question: Question,
    viewer: Viewer,
    points: pl.DataFrame,
    code: str,
    name: str,
    *,
    title: str = "",
) -> ChartSpec:
    """An XmR chart of the newest periods of one place."""
    points = points.tail(MOST_POINTS)
    shown = unit_of(question.spec, question.measure)
    control = xmr(points["value"].to_list())
    days = points["start_on"].to_list()
    labels = {day.isoformat(): _period(question, day) for day in days}
    at = zip(points["start_on"], points["value"], strict=True)
    rows = [({"place": code, "period": day.isoformat()}, value) for day, value in at]
    measure = measure_of(shown, title)
    return ChartSpec(
        key=slugify(f"{question.name}-{code}"),
        kind="xmr",
        title=sentences.against_its_past(
            name, points["value"][-1], measure, labels[days[-1].isoformat()], control
        ),
        published=official(rows, measure=measure, viewer=viewer),
        category=Dimension("period", "Period", labels),
        series=Dimension("place", "Place", {code: name}),
        value="count",
        control=control,
        period=f"{_period(question, days[0])} to {_period(question, days[-1])}",
        evidence=_evidence(question, points, control, code),
        definition=_definition(question),
    )


def bars(question: Question, viewer: Viewer, name: str) -> list[ChartSpec]:
    """One period's figures by breakdown, the place's beside England's."""
    keys = ("start_on", "breakdown")
    mine = _points(question, question.values(question.codes(), every=True), keys)
    england = _points(question, question.of_england(every=True), keys)
    if mine.is_empty():
        return []
    newest = mine["start_on"].max()
    mine = mine.filter(pl.col("start_on") == newest)
    england = england.filter(pl.col("start_on") == newest)
    kept = mine.sort("value", descending=True).head(MOST_BARS)["breakdown"].to_list()
    shown = unit_of(question.spec, question.measure)
    # England's counts would dwarf one place's: only rates stand beside each other.
    compared = isinstance(shown, RateSpec) and not england.is_empty()
    places = {question.area: name} | ({ENGLAND: "England"} if compared else {})
    by_place = {question.area: mine} | ({ENGLAND: england} if compared else {})
    rows = [
        ({"place": code, "breakdown": breakdown}, value)
        for code, frame in by_place.items()
        for breakdown, value in frame.select("breakdown", "value").iter_rows()
        if breakdown in kept
    ]
    labels = {each: each or shown.title for each in kept}
    measure = measure_of(shown)
    assert isinstance(newest, date)
    return [
        ChartSpec(
            key=slugify(f"{question.name}-{question.area}"),
            kind="bars",
            title=f"{shown.title} in {name}, {_period(question, newest)}",
            published=official(rows, measure=measure, viewer=viewer),
            category=Dimension("breakdown", "Of", labels),
            series=Dimension("place", "Place", places),
            value="count",
            period=_period(question, newest),
            evidence=_evidence(question, mine, None),
            definition=_definition(question),
        )
    ]


def measure_of(shown: MeasureSpec | RateSpec, title: str = "") -> Measure:
    """The measure as figures name it; a rate's unit says what it is a share of."""
    better = None if shown.better == "neither" else shown.better
    if isinstance(shown, MeasureSpec):
        return Measure(title or shown.title, unit=shown.unit, better=better)
    unit = {100: "%", 1: "each"}.get(shown.per, f"per {shown.per:,}")
    return Measure(title or shown.title, unit=unit, better=better)


def _over_time(question: Question, values: pl.DataFrame) -> pl.DataFrame:
    return _points(question, values, ("start_on",))


def _points(
    question: Question, values: pl.DataFrame, keys: tuple[str, ...]
) -> pl.DataFrame:
    return series_points(values, question.spec, question.measure, keys)


def _period(question: Question, day: date) -> str:
    return f"{day:{PERIODS[question.spec.drawn_by]}}"


def _evidence(
    question: Question,
    points: pl.DataFrame,
    control: Control | None,
    code: str = "",
) -> Evidence:
    spec = question.spec
    run = FeedRun.objects.filter(
        feed=question.name, state=FeedRun.State.PUBLISHED
    ).latest("pk")
    newest = points["start_on"].max()
    assert isinstance(newest, date)
    withheld = sum(run.detail.get("blanked", {}).values())
    certain = "Published figures; no interval is given"
    if control:
        certain = "Limits hold 99 in 100 points of a series that does not change"
        if control.says_little:
            certain += "; with fewer than 12 points they say little"
    return Evidence(
        freshness=f"Data to {_period(question, newest)}, file of"
        f" {wording.moment(run.finished_at)}; comes {spec.cadence}",
        coverage=f"{wording.count(run.loaded)} rows loaded of"
        f" {wording.count(run.rows_in)} in the newest file",
        completeness=f"{wording.count(withheld)} figures of that file are withheld",
        uncertainty=certain,
        source=f"{spec.source} ({spec.licence})",
        fitness=Fitness((_age(question, newest), *_came(question, newest, code))),
    )


def _came(question: Question, newest: date, code: str) -> list[Check]:
    """Of the places that were published within a year, how many still are: a sum over
    fewer of them would look like a fall. Nothing is asked where code is ""."""
    if not code:
        return []
    mine = [] if code == ENGLAND != question.area else question.codes()
    last = question.last_published(mine, since=newest - timedelta(days=YEAR))
    there = sum(day >= newest for day in last.values())
    return [submitting(question.spec.title, there, len(last))]


def _age(question: Question, newest: date) -> Check:
    """How old the newest period is, from its last day, beside how often one comes."""
    spec = question.spec
    if question.as_of is None:
        return age(spec.title, None, None)
    ended = newest + timedelta(days=LENGTH_DAYS[spec.drawn_by])
    days = max(0, (question.as_of - ended).days)
    return age(spec.title, days, PUBLISHED_DAYS.get(spec.cadence))


def _definition(question: Question) -> str:
    spec = question.spec
    return (
        f"{spec.title}: {spec.layout}. Version {spec.version}, owned by the"
        f" {spec.owner.lower()}, review due {spec.review_by:%B %Y}"
    )


def followed(question: Question) -> Iterable[str]:
    """The older codes that a place's figures were published under."""
    return [code for code in question.codes() if question.became.get(code)]
