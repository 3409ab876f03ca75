"""The addresses of definitions: features, codelists and segment schemes."""

from django.urls import path

from dashboards.views import codelists, features, schemes, series

urlpatterns = [
    path("series/", series.series_list, name="series-list"),
    path("series/<slug:name>/", series.series, name="series"),
    path(
        "series/reconciled/<slug:name>/", series.reconciliation, name="reconciliation"
    ),
    path(
        "series/<slug:name>/figures/<slug:key>.csv",
        series.series_csv,
        name="series-csv",
    ),
    path("features/", features.feature_list, name="features"),
    path("features/<slug:name>/", features.feature, name="feature"),
    path(
        "features/<slug:name>/figures/<slug:key>.csv",
        features.feature_csv,
        name="feature-csv",
    ),
    path("codelists/", codelists.codelist_list, name="codelists"),
    path("codelists/propose/", codelists.propose_codelist, name="propose-codelist"),
    path("codelists/<slug:name>/", codelists.codelist, name="codelist"),
    path(
        "codelists/<slug:name>/versions/<int:version>/",
        codelists.codelist_version,
        name="codelist-version",
    ),
    path(
        "codelists/<slug:name>/versions/<int:version>/decision/",
        codelists.decide_codelist,
        name="decide-codelist",
    ),
    path("schemes/", schemes.scheme_list, name="schemes"),
    path("schemes/<slug:name>/", schemes.scheme, name="scheme"),
    path(
        "schemes/<slug:name>/figures/<slug:key>.csv",
        schemes.scheme_csv,
        name="scheme-csv",
    ),
]
