"""The addresses of links between records, lists that people bring, special access."""

from django.urls import path

from dashboards.views import imported, linkage, special_access

urlpatterns = [
    path("linkage/", linkage.report, name="linkage"),
    path("linkage/figures/<slug:key>.csv", linkage.report_csv, name="linkage-csv"),
    path("linkage/review/", linkage.queue, name="linkage-queue"),
    path("linkage/review/<int:pair_id>/", linkage.pair, name="linkage-pair"),
    path("imported-lists/", imported.lists, name="imported-lists"),
    path("special-access/", special_access.own, name="special-access"),
    path(
        "special-access/waiting/",
        special_access.waiting,
        name="special-access-waiting",
    ),
    path(
        "special-access/<int:request_id>/",
        special_access.decide,
        name="special-access-decide",
    ),
    path(
        "people/<str:reference>/special-access/",
        special_access.ask,
        name="special-access-ask",
    ),
]
