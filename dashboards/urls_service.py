"""The addresses of feeds and the API."""

from django.urls import include, path

from dashboards.views import api_guide, deliveries, feeds, quality, supplier_report

urlpatterns = [
    path("feeds/", feeds.feeds, name="feeds"),
    path("feeds.csv", feeds.feeds_csv, name="feeds-csv"),
    path("feeds/quality/", quality.quality, name="quality"),
    path("feeds/quality.csv", quality.quality_csv, name="quality-csv"),
    path(
        "feeds/providers/<str:name>/", quality.provider_quality, name="provider-quality"
    ),
    path("feeds/deliver/", deliveries.deliver, name="deliver"),
    path("feeds/deliver/begin/", deliveries.begin, name="deliver-begin"),
    path(
        "feeds/deliver/<int:delivery_id>/piece/",
        deliveries.piece,
        name="deliver-piece",
    ),
    path(
        "feeds/deliver/<int:delivery_id>/finish/",
        deliveries.finish,
        name="deliver-finish",
    ),
    path("feeds/runs/<int:run_id>/", deliveries.run, name="feed-run"),
    path("feeds/runs/<int:run_id>/decide/", deliveries.decide, name="feed-decide"),
    path("feeds/<slug:name>/", feeds.feed, name="feed"),
    path("feeds/<slug:name>/quality/", quality.feed_quality, name="feed-quality"),
    path("feeds/<slug:name>/report/", supplier_report.report, name="supplier-report"),
    path(
        "feeds/<slug:name>/report.csv",
        supplier_report.report_csv,
        name="supplier-report-csv",
    ),
    path("api-guide/", api_guide.api_guide, name="api-guide"),
    path("api/v1/", include("dashboards.api.urls")),
]
