"""The addresses of feeds, governance and the API."""

from django.urls import include, path

from dashboards.views import feeds, oversight

urlpatterns = [
    path("feeds/", feeds.feeds, name="feeds"),
    path("feeds.csv", feeds.feeds_csv, name="feeds-csv"),
    path("feeds/<slug:name>/", feeds.feed, name="feed"),
    path("governance/", oversight.roles, name="access"),
    path("governance/audit/", oversight.audit_trail, name="audit"),
    path("about/", oversight.about, name="about"),
    path("api-guide/", oversight.api_guide, name="api-guide"),
    path("api/v1/", include("dashboards.api.urls")),
]
