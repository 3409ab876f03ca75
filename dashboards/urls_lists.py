"""The addresses of lists and people. A person is named by a sealed reference only."""

from django.urls import path

from dashboards.views import (
    person,
    programmes,
    worklist,
    worklist_cards,
    worklist_meeting,
    worklist_room,
    worklist_team,
)

urlpatterns = [
    path("programmes/", programmes.programme_list, name="programmes"),
    path("programmes/register/", programmes.register, name="programme-register"),
    path("programmes/<slug:programme>/", programmes.programme, name="programme"),
    path("lists/", worklist.worklists, name="worklists"),
    path("lists/team/", worklist_team.team, name="list-team"),
    path("lists/mine/", worklist_team.mine, name="list-mine"),
    path("lists/digest/", worklist_team.digest, name="list-digest"),
    path(
        "lists/digest/proof/<str:proof>/",
        worklist_team.digest_proof,
        name="digest-proof",
    ),
    path("lists/<slug:programme>/", worklist.worklist, name="worklist"),
    path("lists/<slug:programme>/names/", worklist.reveal, name="reveal"),
    path("lists/<slug:programme>/missing/", worklist.missing, name="list-missing"),
    path("lists/<slug:programme>/export/", worklist.export, name="list-export"),
    path("lists/<slug:programme>/room/", worklist_room.room, name="list-room"),
    path("lists/<slug:programme>/bulk/", worklist_cards.bulk, name="list-bulk"),
    path("lists/<slug:programme>/fhir/", worklist.fhir, name="list-fhir"),
    path(
        "lists/<slug:programme>/meeting/", worklist_meeting.meeting, name="list-meeting"
    ),
    path("lists/<slug:programme>/print/", worklist_meeting.paper, name="list-print"),
    path(
        "lists/<slug:programme>/<str:reference>/card/",
        worklist_cards.card,
        name="list-card",
    ),
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
    path("people/<str:reference>/why/", person.explain_person, name="explain-person"),
]
