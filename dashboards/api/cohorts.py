"""Shared cohorts by machine: their definitions, and protected counts by place."""

from typing import Any

from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from dashboards.api import serializers as shapes
from dashboards.api.views import V1, asked_of, parameters, written_out
from dashboards.selectors.cohorts import by_place
from segmentation.cohorts import selectors as saved


class Cohorts(V1):
    scope = "cohorts:read"

    @extend_schema(responses=shapes.CohortSummary(many=True))
    def get(self, request: Request) -> Response:
        """List the cohorts that are shared with everyone who may read cohorts."""
        rows = [
            {
                "id": cohort.pk,
                "title": cohort.title,
                "why": cohort.why,
                "version": cohort.latest,
                "review_by": cohort.review_by,
                "href": reverse("api-cohort", args=[cohort.pk]),
            }
            for cohort in saved.cohorts(self.viewer)
        ]
        return Response(shapes.CohortSummary(rows, many=True).data)


class OneCohort(V1):
    scope = "cohorts:read"

    @extend_schema(parameters=[shapes.FigureQuery], responses=shapes.Figure)
    def get(self, request: Request, cohort_id: int) -> Response:
        """Count one cohort for every place of a kind inside the caller's own.

        403 where the cohort is not in the words of the lattice, in which protected
        figures are asked; the advice says what stands in the way.
        """
        query = parameters(shapes.FigureQuery, request)
        version = self._version(cohort_id)
        asked = asked_of(self.viewer, query["basis"])
        try:
            figure = by_place.figure(asked, version, query.get("by") or "pcn")
        except by_place.RefusedFigureError as error:
            raise PermissionDenied(str(error)) from error
        return Response(written_out(f"cohort {cohort_id}", figure, asked))

    def _version(self, cohort_id: int) -> Any:
        try:
            return saved.shown_version_of(self.viewer, cohort_id)
        except saved.UnknownCohortError as error:
            raise Http404 from error
