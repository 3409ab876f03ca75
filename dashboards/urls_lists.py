"""The addresses of lists and people. A person is named by a sealed reference only."""

from django.urls import path

from dashboards.views import person, worklist

urlpatterns = [
    path("lists/", worklist.worklists, name="worklists"),
    path("lists/<slug:programme>/", worklist.worklist, name="worklist"),
    path("lists/<slug:programme>/names/", worklist.reveal, name="reveal"),
    path("lists/<slug:programme>/missing/", worklist.missing, name="list-missing"),
    path("lists/<slug:programme>/export/", worklist.export, name="list-export"),
    path(
        "lists/<slug:programme>/undo/<int:decision_id>/",
        worklist.undo,
        name="undo-decision",
    ),
    path(
        "lists/<slug:programme>/<str:reference>/decide/",
        worklist.decide,
        name="decide",
    ),
    path("people/<str:reference>/", person.person, name="person"),
    path("people/<str:reference>/name/", person.reveal_person, name="reveal-person"),
]
