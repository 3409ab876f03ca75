"""The addresses of API version 1. Additive only: what is here keeps its meaning."""

from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from dashboards.api import serializers as shapes
from dashboards.api.problems import NoReleaseYet
from dashboards.charts import ChartSpec
from dashboards.definitions import INDICATORS, PUBLISHED
from dashboards.selectors import indicators, published, segments
from dashboards.selectors import organisations as org_selectors
from dashboards.selectors.asked import Asked
from dashboards.selectors.feeds import feed_status
from dashboards.selectors.places import Geography, PlaceRefused
from governance.access import Viewer
from governance.disclosure import as_rows
from linkage.release import selectors as release

PAGE = 100


class V1(APIView):
    """What every address shares: a scope, and the viewer that the token gave."""

    scope: str | None = None
    # The guard that walks the addresses reads these two.
    authenticates_itself = True
    page_name = "api"

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        view = super().as_view(**initkwargs)
        view.authenticates_itself = True
        view.api_scope = cls.scope
        return view

    @property
    def viewer(self) -> Viewer:
        plain: HttpRequest = self.request._request
        return plain.viewer  # type: ignore[attr-defined,no-any-return]


def parameters(query: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """Check the query string; an unknown parameter is an error, not a silence."""
    unknown = set(request.query_params) - set(query().fields)
    if unknown:
        raise ValidationError(f"unknown parameter: {', '.join(sorted(unknown))}")
    checked = query(data=request.query_params)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


class Root(V1):
    scope = "organisations:read"

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        """Name the addresses of this version."""
        names = ("organisations", "indicators", "segments", "feeds", "cohorts")
        links = {name: reverse(f"api-{name}") for name in names}
        return Response({"version": 1, "links": links, "place": self.viewer.org_code})


class Organisations(V1):
    scope = "organisations:read"

    @extend_schema(
        parameters=[shapes.OrganisationQuery], responses=shapes.OrganisationPage
    )
    def get(self, request: Request) -> Response:
        """List organisations in order of their codes, a page at a time."""
        asked = parameters(shapes.OrganisationQuery, request)
        limit = asked.get("limit", PAGE)
        found = org_selectors.organisations(
            kind=asked.get("kind"), after=asked.get("cursor", ""), most=limit + 1
        )
        following = None
        if len(found) > limit:
            kept = {k: v for k, v in asked.items() if k != "cursor"}
            cursor = {"cursor": found[limit - 1]["code"]}
            following = reverse("api-organisations", query=kept | cursor)
        page = {"results": found[:limit], "next": following}
        return Response(shapes.OrganisationPage(page).data)


class Indicators(V1):
    scope = "indicators:read"

    @extend_schema(responses=shapes.IndicatorSummary(many=True))
    def get(self, request: Request) -> Response:
        """List the indicators that are defined."""
        rows = [
            {
                "name": name,
                "title": spec.title,
                "unit": spec.unit,
                "per": spec.per,
                "better": spec.better,
                "source": spec.source,
                "version": spec.version,
                "href": reverse("api-indicator", args=[name]),
            }
            for name, spec in INDICATORS.items()
        ]
        rows += [
            {
                "name": name,
                "title": spec.title,
                "unit": measure.unit,
                "per": None,
                "better": measure.better or "neither",
                "source": spec.source,
                "version": spec.version,
                "href": reverse("api-indicator", args=[name]),
            }
            for name, spec in PUBLISHED.items()
            for measure in [published.measure_of(spec)]
        ]
        return Response(shapes.IndicatorSummary(rows, many=True).data)


class Indicator(V1):
    scope = "indicators:read"

    @extend_schema(parameters=[shapes.FigureQuery], responses=shapes.Figure)
    def get(self, request: Request, name: str) -> Response:
        """Give one indicator for every place of a kind inside the caller's own.

        One that others publish is given over time, for the caller's place.
        """
        if name not in INDICATORS and name not in PUBLISHED:
            raise Http404
        query = parameters(shapes.FigureQuery, request)
        asked = asked_of(self.viewer, query["basis"])
        if name in PUBLISHED:
            chart = published.figure(asked, name)
            if chart is None:
                raise Http404
            return Response(written_out(name, chart, asked))
        if not indicators.is_available(asked, name):
            raise Http404
        spec = INDICATORS[name]
        figure = indicators.by_place(asked, name, query.get("by") or spec.by[0])
        return Response(written_out(name, figure, asked))


class Segments(V1):
    scope = "segments:read"

    @extend_schema(parameters=[shapes.FigureQuery], responses=shapes.Figure)
    def get(self, request: Request) -> Response:
        """Give the people of each segment for every place inside the caller's own."""
        query = parameters(shapes.FigureQuery, request)
        asked = asked_of(self.viewer, query["basis"])
        figure = segments.by_place(asked, query.get("by") or "pcn")
        return Response(written_out("segments", figure, asked))


class Feeds(V1):
    scope = "feeds:read"

    @extend_schema(responses=shapes.FeedStatus(many=True))
    def get(self, request: Request) -> Response:
        """Say of each feed what arrived and what became of it."""
        return Response(shapes.FeedStatus(feed_status(), many=True).data)


class Nowhere(V1):
    """Any other address: a problem like the others, and no page."""

    scope = "organisations:read"

    @extend_schema(exclude=True)
    def get(self, request: Request, name: str) -> Response:
        raise Http404


def asked_of(viewer: Viewer, basis: str) -> Asked:
    live = release.current()
    if live is None:
        raise NoReleaseYet
    geography = Geography(live, basis)  # type: ignore[arg-type]
    try:
        place, _ = geography.chosen(viewer, "")
    except PlaceRefused as refused:
        raise PermissionDenied("None of your places has people here.") from refused
    return Asked(viewer, live, geography, place, leaves=True)


def written_out(name: str, figure: ChartSpec, asked: Asked) -> dict[str, Any]:
    """Write a figure out: the same published cells that a page would draw."""
    published = figure.published
    rows = []
    for cell, row in zip(published.cells, as_rows(published), strict=True):
        values = {k: v for k, v in row.items() if k not in cell.at}
        labels = [dimension.of(cell) for dimension in figure.dimensions]
        rows.append({"at": dict(cell.at), "name": ", ".join(labels)} | values)
    evidence = figure.evidence
    body = {
        "name": name,
        "title": published.measure.title,
        "unit": published.measure.unit,
        "per": published.measure.per,
        "better": published.measure.better,
        "period": figure.period,
        "as_of": asked.release.as_of,
        "release": asked.release.id,
        "disclosure": published.kind.value,
        "notes": list(published.notes),
        "fitness": {
            "freshness": evidence.freshness,
            "coverage": evidence.coverage,
            "completeness": evidence.completeness,
            "uncertainty": evidence.uncertainty,
            "grade": figure.fitness.grade,
            "verdict": figure.fitness.verdict,
            "checks": [
                {"check": check.name, "grade": check.grade, "words": check.words}
                for check in figure.fitness.checks
            ],
        },
        "rows": rows,
    }
    return dict(shapes.Figure(body).data)
