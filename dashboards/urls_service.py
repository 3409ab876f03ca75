"""The addresses of feeds and the API."""

from django.urls import include, path

from dashboards.views import api_guide, feeds

urlpatterns = [
    path("feeds/", feeds.feeds, name="feeds"),
    path("feeds.csv", feeds.feeds_csv, name="feeds-csv"),
    path("feeds/<slug:name>/", feeds.feed, name="feed"),
    path("api-guide/", api_guide.api_guide, name="api-guide"),
    path("api/v1/", include("dashboards.api.urls")),
]
