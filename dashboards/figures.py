"""A ChartSpec made ready for a page, or for download: the same figure both ways."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from dashboards.charts import (
    ChartSpec,
    Evidence,
    Table,
    as_csv,
    as_table,
    describe,
    draw,
)
from dashboards.steps.fitness import Fitness


@dataclass(frozen=True)
class PresentedFigure:
    """What the figure macro shows; `drawing` is Plotly's JSON."""

    key: str
    title: str
    reading: str
    summary: str
    drawing: Mapping[str, Any]
    table: Table
    evidence: Evidence
    fitness: Fitness
    definition: str
    csv_href: str
    challenge_href: str
    more_href: str = ""
    more_title: str = ""


def presented(
    spec: ChartSpec, *, csv_href: str, more_href: str = "", more_title: str = ""
) -> PresentedFigure:
    """Make a figure ready for its macro, with its download and the way on."""
    challenge = reverse("about", query={"figure": spec.title}, fragment="challenge")
    return PresentedFigure(
        key=spec.key,
        title=spec.title,
        reading=spec.reading,
        summary=describe(spec),
        drawing=draw(spec),
        table=as_table(spec),
        evidence=spec.evidence,
        fitness=spec.fitness,
        definition=spec.definition,
        csv_href=csv_href,
        challenge_href=challenge,
        more_href=more_href,
        more_title=more_title,
    )


def csv_response(spec: ChartSpec) -> HttpResponse:
    """Return a figure as a CSV download, in UTF-8 that spreadsheets recognise."""
    response = HttpResponse(
        "\ufeff" + as_csv(spec), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{spec.key}.csv"'
    return response
