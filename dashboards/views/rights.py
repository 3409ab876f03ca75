"""Requests about records: reviewed at the practice, released by governance."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    QueryDict,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboards import tasks
from dashboards.actions import erasure, objections
from dashboards.actions import rights as actions
from dashboards.selectors import rights as selectors
from dashboards.selectors.worklist import person_behind
from dashboards.subject_pdf import as_pdf
from governance import pseudonym
from governance.access import Viewer, page


def _propose(pk: int, told: QueryDict, by: Viewer) -> None:
    erasure.propose(
        request_id=pk,
        ground=told.get("ground", ""),
        feeds=None if told.get("all") else told.getlist("feeds"),
        exemption=told.get("exemption", ""),
        why=_note(told),
        by=by,
    )


def _agree(pk: int, told: QueryDict, by: Viewer) -> None:
    erasure.decide(request_id=pk, agree=True, by=by)
    tasks.erase.delay_on_commit(pk)


def _note(told: QueryDict) -> str:
    return str(told.get("note", "")).replace("\0", "")


CHANGES = {
    "release": lambda pk, told, by: actions.release_record(request_id=pk, by=by),
    "route": lambda pk, told, by: actions.route(request_id=pk, by=by),
    "clock": lambda pk, told, by: actions.stop_clock(
        request_id=pk, today=timezone.localdate(), by=by
    ),
    "close": lambda pk, told, by: actions.close(
        request_id=pk, granted=True, note=_note(told), by=by
    ),
    "refuse": lambda pk, told, by: actions.close(
        request_id=pk, granted=False, note=_note(told), by=by
    ),
    "propose_erasure": _propose,
    "agree_erasure": _agree,
    "decline_erasure": lambda pk, told, by: erasure.decide(
        request_id=pk, agree=False, by=by
    ),
}


@require_safe
@page("rights")
def governed(request: HttpRequest) -> HttpResponse:
    """Every request, by when it is due, without saying whose it is."""
    return _list(request, "rights-request", "governance/rights.html")


@require_safe
@page("rights_review")
def own(request: HttpRequest) -> HttpResponse:
    """The requests of the viewer's own practices."""
    return _list(request, "rights-own-request", "governance/rights.html")


def _list(request: HttpRequest, address: str, template: str) -> HttpResponse:
    found = selectors.requests(request.viewer, timezone.localdate())
    waiting = sum(each.is_open for each in found)
    context = {
        "title": f"{waiting} {'request is' if waiting == 1 else 'requests are'} open",
        "found": found,
        "address": address,
    }
    return render(request, template, context)


@require_safe
@page("rights")
def one_governed(request: HttpRequest, request_id: int) -> HttpResponse:
    """One request's course, and what information governance may do about it."""
    found = _found(request.viewer, request_id)
    context = {"title": found.kind_words, "found": found}
    if found.kind == "erase" and found.is_open:
        context["choice"] = selectors.erasure_choice()
        context["proposed_by"] = selectors.proposed_by(request.viewer, request_id)
    return render(request, "governance/rights_request.html", context)


@require_POST
@page("rights")
def change(request: HttpRequest, request_id: int) -> HttpResponse:
    """Release, send to the source, stop the clock, erase by two, close or refuse."""
    _found(request.viewer, request_id)
    wanted = CHANGES.get(request.POST.get("do", ""))
    try:
        if wanted is None:
            raise actions.RefusedStepError("Choose what to do.")
        wanted(request_id, request.POST, request.viewer)
    except actions.RefusedStepError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("rights-request", args=[request_id]))


@require_safe
@page("rights_review")
def one_own(request: HttpRequest, request_id: int) -> HttpResponse:
    """A compiled record, for the reviews that come before its release."""
    found = _found(request.viewer, request_id)
    record = None
    if found.state in {"compiled", "reviewed"}:
        record = selectors.record_to_review(request.viewer, request_id)
    context = {"title": found.kind_words, "found": found, "record": record}
    return render(request, "governance/rights_review.html", context)


@require_POST
@page("rights_review")
def review(request: HttpRequest, request_id: int) -> HttpResponse:
    """Keep one review: which entries are withheld, and why."""
    _found(request.viewer, request_id)
    try:
        actions.review(
            request_id=request_id,
            of=request.POST.get("of", ""),
            withheld=request.POST.getlist("withheld"),
            note=request.POST.get("note", "").replace("\0", ""),
            by=request.viewer,
        )
    except actions.RefusedStepError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("rights-own-request", args=[request_id]))


@require_safe
@page("rights_review")
def record_json(request: HttpRequest, request_id: int) -> HttpResponse:
    """The released record as JSON."""
    record = _released(request.viewer, request_id, "json")
    response = JsonResponse({"request": request_id, "record": record})
    response["Content-Disposition"] = f'attachment; filename="record-{request_id}.json"'
    return response


@require_safe
@page("rights_review")
def record_pdf(request: HttpRequest, request_id: int) -> HttpResponse:
    """The released record as a PDF to print or send."""
    record = _released(request.viewer, request_id, "pdf")
    made = as_pdf(record, request_id, timezone.localdate())
    response = HttpResponse(made, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="record-{request_id}.pdf"'
    return response


@require_POST
@page("rights_review")
def open_request(request: HttpRequest, reference: str) -> HttpResponse:
    """Open a request for one of the viewer's own people."""
    person_no, practice = _own_person(request.viewer, reference)
    source = request.POST.get("source", "")
    try:
        made = actions.open_request(
            kind=request.POST.get("kind", ""),
            person_no=person_no,
            practice_code=practice,
            source=source if source in dict(selectors.sources(request.viewer)) else "",
            today=timezone.localdate(),
            by=request.viewer,
        )
    except actions.RefusedStepError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("person", args=[reference]))
    tasks.compile_record.delay_on_commit(made.pk)
    return HttpResponseRedirect(reverse("rights-own-request", args=[made.pk]))


@require_POST
@page("objection")
def objection(request: HttpRequest, reference: str) -> HttpResponse:
    """Record or take back an objection to being picked out by risk."""
    person_no, practice = _own_person(request.viewer, reference)
    if request.POST.get("do") == "withdraw":
        objections.withdraw_objection(person_no=person_no, by=request.viewer)
        messages.success(request, "The objection is withdrawn.")
    else:
        objections.object_to_risk(
            person_no=person_no,
            practice_code=practice,
            said_on=timezone.localdate(),
            by=request.viewer,
        )
        messages.success(request, "Recorded. Lists leave this person out from now on.")
    return HttpResponseRedirect(reverse("worklists"))


def _found(viewer: Viewer, request_id: int) -> selectors.Request:
    found = selectors.request(viewer, request_id, timezone.localdate())
    if found is None:
        raise Http404("There is no such request.")
    return found


def _released(viewer: Viewer, request_id: int, form: str) -> dict[str, Any]:
    _found(viewer, request_id)
    record = selectors.record_to_hand_over(viewer, request_id)
    if record is None:
        raise PermissionDenied("The record has not been released.")
    actions.hand_over(request_id=request_id, form=form, by=viewer)
    return dict(record)


def _own_person(viewer: Viewer, reference: str) -> tuple[int, str]:
    try:
        person_no = person_behind(viewer, reference)
    except pseudonym.UnknownReferenceError as error:
        raise PermissionDenied("No such person among your own.") from error
    practice = selectors.practice_of(viewer, person_no)
    if practice is None:
        raise PermissionDenied("No such person among your own.")
    return person_no, practice
