"""The addresses of the API. Every one needs a token with the scope its view names."""

from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView

from dashboards.api import batches, cohorts, token, views
from governance.access import public

urlpatterns = [
    path("", views.Root.as_view(), name="api-root"),
    path("organisations/", views.Organisations.as_view(), name="api-organisations"),
    path("indicators/", views.Indicators.as_view(), name="api-indicators"),
    path("indicators/<slug:name>/", views.Indicator.as_view(), name="api-indicator"),
    path("segments/", views.Segments.as_view(), name="api-segments"),
    path("cohorts/", cohorts.Cohorts.as_view(), name="api-cohorts"),
    path("cohorts/<int:cohort_id>/", cohorts.OneCohort.as_view(), name="api-cohort"),
    path("feeds/", views.Feeds.as_view(), name="api-feeds"),
    path("token/", token.token, name="oauth-token"),
    path(
        "feeds/<slug:name>/batches/",
        batches.Batches.as_view(),
        name="api-batches",
    ),
    path(
        "feeds/<slug:name>/batches/<int:run_id>/",
        batches.OneBatch.as_view(),
        name="api-batch",
    ),
    path(
        "openapi.json",
        public(
            SpectacularJSONAPIView.as_view(
                authentication_classes=[], permission_classes=[]
            )
        ),
        name="api-document",
    ),
    path("<path:name>", views.Nowhere.as_view(), name="api-nowhere"),
]
