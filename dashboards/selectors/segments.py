"""The segments of every place of a kind: the same figure as the overview's bar."""

from dashboards.charts import ChartSpec, Dimension
from dashboards.selectors.asked import Asked
from dashboards.selectors.indicators import divided, places_of
from dashboards.selectors.places import KIND_TITLES
from governance.disclosure import Cell, Measure

SHARE = Measure("People in the segment", per=100)


def by_place(asked: Asked, kind: str) -> ChartSpec:
    """Return each place's people by segment, as counts and shares of the place."""
    places = places_of(asked, kind)
    kind = places[0].kind if places else kind
    category, sets = divided(asked, "segment")
    cells = [
        Cell({kind: place.code, "segment": segment}, place.people, place.people & who)
        for place in places
        for segment, who in sets.items()
    ]
    return ChartSpec(
        key=f"segments-by-{kind}",
        kind="bars",
        title=f"People by segment and {KIND_TITLES[kind].lower()}",
        published=asked.publish(cells, SHARE),
        category=category,
        series=Dimension(kind, KIND_TITLES[kind], {p.code: p.name for p in places}),
        period=asked.at_date,
        evidence=asked.evidence(
            ["segment"],
            source="Segmentation scheme, see its definition",
            completeness="Everyone in the release is in exactly one segment",
        ),
    )
