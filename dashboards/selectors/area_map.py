"""The map: where a place's people live and how often they are admitted unplanned."""

from dashboards.charts import ChartSpec, Dimension
from dashboards.charts.spec import Outline
from dashboards.selectors import indicators
from dashboards.selectors.asked import Asked
from dashboards.selectors.places import KIND_TITLES
from dashboards.steps.aggregate import aggregate, measure_of
from governance.models import Area

INDICATOR = "emergency_admissions"
# About 10 metres: finer detail is invisible at this size and doubles the page.
DECIMALS = 4


def people_map(asked: Asked) -> ChartSpec:
    """Return the areas where a place's people live, shaded by their admission rate."""
    spec = indicators.spec_of(INDICATOR)
    areas = asked.geography.of_kind("lsoa", asked.place.people)
    groups = [({"lsoa": area.code}, area.people & asked.place.people) for area in areas]
    published = asked.publish(aggregate(asked.release, spec, groups), measure_of(spec))
    shown = sum(cell.rate is not None for cell in published.cells)
    return ChartSpec(
        key="map",
        kind="map",
        title=(
            f"{spec.title} by where people live: {shown:,} of {len(areas):,} small"
            " areas have enough people to show"
        ),
        published=published,
        category=Dimension(
            "lsoa", KIND_TITLES["lsoa"], {area.code: area.name for area in areas}
        ),
        period=indicators.period_of(asked, spec),
        evidence=indicators.evidence_of(asked, spec),
        outlines=outlines_of([area.code for area in areas]),
        definition=indicators.definition_of(spec),
    )


def outlines_of(codes: list[str]) -> dict[str, Outline]:
    """Return the rings of areas, rounded; an area without an outline is left out."""
    rows = Area.objects.filter(code__in=codes, outline__isnull=False)
    return {
        code: [_rounded(ring) for ring in outline]
        for code, outline in rows.values_list("code", "outline")
    }


def _rounded(ring: list[list[float]]) -> list[list[float]]:
    return [[round(x, DECIMALS), round(y, DECIMALS)] for x, y in ring]
