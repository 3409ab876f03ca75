"""The addresses of pages, downloads and the API."""

from django.urls import include, path

from dashboards.views import board, home, indicator, overview, purpose, sign_in

urlpatterns = [
    path("", home.home, name="home"),
    path("sign-in/", sign_in.sign_in, name="sign-in"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("role/", purpose.choose_role, name="choose-role"),
    path("overview/", overview.overview, name="overview"),
    path("overview/map/", overview.overview_map, name="overview-map"),
    path("overview/figures/<slug:key>.csv", overview.overview_csv, name="overview-csv"),
    path("indicators/", indicator.indicator_list, name="indicators"),
    path("indicators/<slug:name>/", indicator.indicator, name="indicator"),
    path(
        "indicators/<slug:name>/figures/<slug:key>.csv",
        indicator.indicator_csv,
        name="indicator-csv",
    ),
    path("board/", board.board, name="board"),
    path("about/", home.about, name="about"),
    path("", include("dashboards.urls_governance")),
    path("", include("dashboards.urls_sign_in")),
    path("", include("dashboards.urls_lists")),
    path("", include("dashboards.urls_risk")),
    path("", include("dashboards.urls_cohorts")),
    path("", include("dashboards.urls_linkage")),
    path("", include("dashboards.urls_definitions")),
    path("", include("dashboards.urls_research")),
]
