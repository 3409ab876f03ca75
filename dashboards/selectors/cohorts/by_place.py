"""A cohort's size for every place of a kind, as shares of the places' people."""

from pyroaring import BitMap

from dashboards.charts import ChartSpec, Dimension
from dashboards.selectors.asked import Asked
from dashboards.selectors.cohorts.asking import CohortAsked
from dashboards.selectors.cohorts.counts import problem_words
from dashboards.selectors.indicators import places_of
from dashboards.selectors.places import KIND_TITLES
from governance.disclosure import Cell, Measure
from segmentation.cohorts.selectors import who_of
from segmentation.cohorts.steps.lattice import MOST_DIMENSIONS
from segmentation.cohorts.steps.twins import fitting
from segmentation.models import CohortVersion

IN_IT = Measure("People in the cohort", per=100)


class RefusedFigureError(Exception):
    """No figure can be given; says why."""


def figure(asked: Asked, version: CohortVersion, kind: str) -> ChartSpec:
    """Return the cohort by place, in the viewer's class."""
    cohort = CohortAsked(asked, who_of(version), version.cohort.title)
    try:
        refusals = cohort.refusals
        people = cohort.people if not refusals else BitMap()
    except LookupError as error:
        raise RefusedFigureError(problem_words(error)) from error
    if refusals:
        raise RefusedFigureError("; ".join(refusals))
    if not cohort.may_cross(kind):
        raise RefusedFigureError(
            f"it asks {MOST_DIMENSIONS} different things of a person, and protected"
            " figures allow no place besides"
        )
    cohort.note("cohort_counted", version=version.number, by=kind)
    scope = cohort.population.people
    places = places_of(asked, kind)
    kind = places[0].kind if places else kind
    parts = cohort.parts([place.people & people for place in places])
    cells = [
        Cell({kind: place.code}, whole, fitting(having, whole))
        for place, having in zip(places, parts, strict=True)
        for whole in [place.people & scope]
    ]
    return ChartSpec(
        key=f"cohort-{version.cohort_id}-by-{kind}",
        kind="bars",
        title=f"{version.cohort.title} by {KIND_TITLES[kind].lower()}",
        published=cohort.publish(cells, IN_IT),
        category=Dimension(kind, KIND_TITLES[kind], {p.code: p.name for p in places}),
        period=asked.at_date,
        evidence=asked.evidence([]),
        definition="; ".join(cohort.words(step.rule) for step in cohort.steps),
    )
