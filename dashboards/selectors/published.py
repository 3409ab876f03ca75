"""Indicators that others publish: their control chart for the place in question.

A series is by integrated care board, trust, practice …: the place's own figure is that
of its parts, or else of the smallest organisation of the series that it belongs to.
"""

from dataclasses import replace

from dashboards.charts import ChartSpec
from dashboards.definitions import PUBLISHED
from dashboards.selectors import series_figures
from dashboards.selectors.asked import Asked
from dashboards.selectors.places import SHARED_SHARE
from dashboards.selectors.series import ENGLAND, Question, usual_breakdown
from dashboards.specs import PublishedIndicatorSpec
from dashboards.steps.series_points import unit_of
from dashboards.steps.spc_icons import Icons, spc_icons
from governance.disclosure import Measure
from governance.models import Org, OrgLink
from linkage.definitions import SERIES

# Of which attribute of a release each kind of area of a series is a value.
ATTRIBUTES = {
    "icb": "icb_code",
    "sub_icb": "sub_icb_code",
    "trust": "icb_code",  # the trusts whose home it is
    "practice": "practice_code",
    "council": "council_code",
}

# The keys of an indicator's figures, in its address.
PLACES, COUNTRY = "places", "england"


def question_of(asked: Asked, spec: PublishedIndicatorSpec) -> Question | None:
    """What to ask of the series for this place; None where it can have no figure.

    A cohort has none: who publishes knows nothing of it.
    """
    if asked.among:
        return None
    series = SERIES[spec.series]
    area = series.area
    breakdown = spec.breakdown
    if series.by and not breakdown:
        breakdown = usual_breakdown(spec.series)
    if area.kind == "country":
        return _question(asked, spec, breakdown, area.code, frozenset())
    attribute = ATTRIBUTES.get(area.kind, "")
    codes = _belongs_to(asked, attribute)
    if area.kind == "trust":
        codes = _trusts_of(codes)
    if not codes:
        return None
    one = codes[0] if len(codes) == 1 else asked.place.code
    return _question(asked, spec, breakdown, one, frozenset(codes) | _by_ons(codes))


def figures(asked: Asked, name: str) -> list[tuple[str, ChartSpec]]:
    """The place's chart, then England's, with their keys; empty where the series says
    nothing of the place."""
    question = question_of(asked, PUBLISHED[name])
    if question is None:
        return []
    wanted = {ENGLAND: COUNTRY, question.area: PLACES}
    found = [(key, _chart(asked, name, question, code)) for code, key in wanted.items()]
    return [(key, chart) for key, chart in reversed(found) if chart is not None]


def figure(asked: Asked, name: str) -> ChartSpec | None:
    """The place's own chart; None where the series says nothing of it."""
    question = question_of(asked, PUBLISHED[name])
    if question is None:
        return None
    return _chart(asked, name, question, question.area)


def measure_of(spec: PublishedIndicatorSpec) -> Measure:
    """What it measures, in the series' unit and under the indicator's own name."""
    shown = unit_of(SERIES[spec.series], spec.measure)
    return series_figures.measure_of(shown, spec.title)


def icons_of(chart: ChartSpec, spec: PublishedIndicatorSpec) -> Icons:
    """The icons beside a chart's sentence; none where it has too few points."""
    measure = chart.published.measure
    return spc_icons(
        chart.control,
        points=len(chart.published.cells),
        better=measure.better,
        target=spec.target,
        unit="%" if measure.unit == "%" else "",
    )


def _chart(asked: Asked, name: str, question: Question, code: str) -> ChartSpec | None:
    spec = PUBLISHED[name]
    chart = series_figures.over_time(question, asked.viewer, code, title=spec.title)
    if chart is None:
        return None
    evidence = replace(
        chart.evidence, uncertainty=f"{chart.evidence.uncertainty}. {spec.caveat}"
    )
    definition = (
        f"{unit_of(question.spec, spec.measure).title}, of the published series"
        f" “{question.spec.title}”. Version {spec.version}, owned by the"
        f" {spec.owner.lower()}, review due {spec.review_by:%B %Y}"
    )
    return replace(
        chart,
        key=f"{name}-{PLACES if code == question.area else COUNTRY}",
        evidence=evidence,
        definition=definition,
        target=spec.target,
    )


def _question(
    asked: Asked,
    spec: PublishedIndicatorSpec,
    breakdown: str,
    area: str,
    within: frozenset[str],
) -> Question:
    return Question(
        spec.series,
        spec.measure,
        breakdown,
        area,
        within=within,
        as_of=asked.release.as_of,
    )


def _belongs_to(asked: Asked, attribute: str) -> list[str]:
    """The values of an attribute that a tenth of the place's people have, or whose
    people are a tenth of the place's."""
    release = asked.release
    if attribute not in release.catalogue:
        return []
    people = asked.place.people
    found = []
    for code in release.values(attribute):
        having = release.bitmap(attribute, code)
        both = having.intersection_cardinality(people)
        if both and both >= SHARED_SHARE * min(len(having), len(people)):
            found.append(code)
    return found


def _trusts_of(boards: list[str]) -> list[str]:
    """The trusts whose home is an integrated care board, by the reference data."""
    links = OrgLink.objects.filter(
        parent__in=boards, kind=OrgLink.Kind.MEMBER, child__kind=Org.Kind.TRUST
    )
    return sorted(links.values_list("child_id", flat=True))


def _by_ons(codes: list[str]) -> frozenset[str]:
    known = Org.objects.filter(code__in=codes).exclude(ons_code="")
    return frozenset(known.values_list("ons_code", flat=True))
