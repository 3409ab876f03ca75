"""The team's worklist: see it, reveal it, decide, undo, take it to the GP system."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from dashboards.actions import decisions
from dashboards.definitions import FILES, LISTS
from dashboards.exports import export_list
from dashboards.fhir_list import fhir_list
from dashboards.selectors import reveals, worklist_missing, worklist_room
from dashboards.selectors import worklist as selectors
from dashboards.selectors import worklist_work as work
from dashboards.selectors.worklist_told import refuse_closed_now
from governance import audit, pseudonym
from governance.access import page
from governance.sign_in import confirmed
from linkage.reveal import RevealRefusedError, VaultUnavailableError


@require_safe
@page("worklist")
def worklists(request: HttpRequest) -> HttpResponse:
    """Every programme's list with what is new and what is to be decided."""
    audit.record("own_lists_counted", request.viewer, subject="lists")
    return render(
        request,
        "lists/worklists.html",
        {
            "programmes": selectors.programmes(request.viewer),
            "may_decide": request.viewer.may_open("decide"),
        },
    )


@require_safe
@page("worklist")
def worklist(request: HttpRequest, programme: str) -> HttpResponse:
    """Today's few of one programme, as cards."""
    spec = spec_of(programme)
    viewer = request.viewer
    slots, _ = asked_room(request, programme)
    everyone = request.GET.get("decided") == "all"
    made = listed(
        request, programme, most_decided=None if everyone else selectors.DECIDED_SHOWN
    )
    context: dict[str, Any] = {
        "programme": programme,
        "spec": spec,
        "list": made,
        "reasons": reveals.REASONS,
        "revealed": None,
        "reveal_problem": "",
        "may_reveal": viewer.may_open("reveal"),
        "may_export": viewer.may_open("export_list"),
        "may_decide": viewer.may_open("decide"),
        "may_open": viewer.may_open("person"),
        "may_ask": viewer.may_open("special_access"),
        "slots": slots,
        "colleagues": work.colleagues(viewer) if viewer.may_open("decide") else [],
    }
    if made is not None:
        shown = [c.person_no for c in (*made.today, *made.decided)]
        # The vault names no more at a time; who was decided on longest ago waits.
        shown = shown[: settings.REVEAL_MAX_PERSONS]
        standing = reveals.standing(request.session, programme)
        if standing and shown:
            try:
                context["revealed"] = reveals.names(
                    viewer, programme=programme, reason=standing, person_nos=shown
                )
            except (VaultUnavailableError, RevealRefusedError) as error:
                context["reveal_problem"] = str(error)
        selectors.note_visit(viewer, made)
        context["tally"] = made.decided_in_all
    return render(request, "lists/worklist.html", context)


@require_POST
@page("reveal")
@confirmed
def reveal(request: HttpRequest, programme: str) -> HttpResponse:
    """Open (or close) names on this list for a quarter of an hour, for a reason."""
    spec_of(programme)
    refuse_closed_now(request.viewer, programme)
    reason = request.POST.get("reason", "")
    if reason == "hide":
        reveals.close(request.session, programme)
    elif reason in reveals.REASONS:
        reveals.open_for(request.session, programme, reason)
    else:
        messages.error(request, "Choose a reason before showing names.")
    return back_to(request, programme)


@require_POST
@page("decide")
def decide(request: HttpRequest, programme: str, reference: str) -> HttpResponse:
    """Record one decision and return to the list."""
    spec_of(programme)
    try:
        # The button's value is "accept:suitable": one press, choice and reason.
        choice, _, reason = request.POST.get("decision", "").partition(":")
        decision = decisions.decide(
            programme=programme,
            person_no=person_of(request, reference),
            choice=choice,
            reason=reason or request.POST.get(f"reason-{choice}", ""),
            note=request.POST.get("note", ""),
            step=request.POST.get("step", ""),
            seen_version=version_seen(request),
            by=request.viewer,
        )
    except decisions.RefusedDecisionError as error:
        messages.error(request, str(error))
        return back_to(request, programme, anchor=f"p-{reference}")
    words = selectors.OUTCOME_WORDS[decision.choice]
    messages.success(
        request, f"{pseudonym.short(reference)}: {words}. You can undo it below."
    )
    return back_to(request, programme)


@require_POST
@page("decide")
def undo(request: HttpRequest, programme: str, decision_id: int) -> HttpResponse:
    """Take a decision back."""
    spec_of(programme)
    try:
        decisions.undo(decision_id=decision_id, by=request.viewer)
        messages.success(request, "The decision was undone.")
    except decisions.RefusedDecisionError as error:
        messages.error(request, str(error))
    return back_to(request, programme)


@require_safe
@page("worklist")
def missing(request: HttpRequest, programme: str) -> HttpResponse:
    """Who could be on the list and is not, and where the record is too thin to say."""
    return render(
        request,
        "lists/missing.html",
        {
            "programme": programme,
            "spec": spec_of(programme),
            "missing": worklist_missing.who_is_missing(request.viewer, programme),
            "may_decide": request.viewer.may_open("decide"),
        },
    )


@require_http_methods(["GET", "POST"])
@page("export_list")
@confirmed
def export(request: HttpRequest, programme: str) -> HttpResponse:
    """One CSV per practice, with NHS numbers when a reason is given."""
    spec = spec_of(programme)
    viewer = request.viewer
    made = listed(request, programme, audited=False, most_decided=None)
    cards = [*made.today, *made.decided] if made else []
    practices = sorted({(c.practice_code, c.practice_name) for c in cards})
    problem = ""
    if request.method == "POST":
        practice = request.POST.get("practice", "")
        reason = request.POST.get("reason", "")
        if practice not in {code for code, _ in practices}:
            problem = "Choose one of your practices."
        elif request.POST.get("form", "full") not in FILES:
            problem = "Choose one of the forms of file."
        elif reason and reason not in reveals.REASONS:
            problem = "Choose a reason for taking NHS numbers out."
        else:
            try:
                return export_list(
                    viewer, made, practice, reason, request.POST.get("form", "full")
                )
            except (VaultUnavailableError, RevealRefusedError) as error:
                problem = str(error)
    return render(
        request,
        "lists/export.html",
        {
            "programme": programme,
            "spec": spec,
            "practices": practices,
            "files": FILES,
            "reasons": reveals.REASONS,
            "problem": problem,
        },
        status=400 if problem else 200,
    )


@require_safe
@page("export_list")
def fhir(request: HttpRequest, programme: str) -> HttpResponse:
    """The same list as a FHIR R4 Group and List, by sealed reference only."""
    spec_of(programme)
    made = listed(request, programme, audited=False, most_decided=None)
    if made is None:
        raise Http404("There is no list before the first release.")
    return fhir_list(request.viewer, made)


def asked_room(request: HttpRequest, programme: str) -> tuple[int, str]:
    """Return this team's places a week and the name of the order that it chose.

    As last said on the page of places, by this viewer, in this session.
    """
    said = request.session.get("room", {}).get(programme, {})
    usual = spec_of(programme).capacity_per_week
    return int(said.get("slots", usual)), str(said.get("order", "own"))


def listed(
    request: HttpRequest,
    programme: str,
    *,
    audited: bool = True,
    most_decided: int | None = selectors.DECIDED_SHOWN,
) -> selectors.Worklist | None:
    """Return the list as this viewer sizes and orders it."""
    slots, chosen = asked_room(request, programme)
    order = worklist_room.chosen_order(request.viewer, programme, slots, chosen)
    return selectors.worklist(
        request.viewer,
        programme,
        slots=slots,
        order=order,
        audited=audited,
        most_decided=most_decided,
    )


def version_seen(request: HttpRequest) -> int | None:
    """Return the version of the card that the form was made from, if it says so."""
    given = request.POST.get("version", "")
    return int(given) if given.isdecimal() and len(given) < 9 else None


def spec_of(programme: str) -> Any:
    if programme not in LISTS:
        raise Http404("There is no such list.")
    return LISTS[programme]


def person_of(request: HttpRequest, reference: str) -> int:
    try:
        return selectors.person_behind(request.viewer, reference)
    except pseudonym.UnknownReferenceError as error:
        # 403, not 404: a reference made for another team must not be told apart
        # from one that was never made.
        raise PermissionDenied("No such person on your lists.") from error


def back_to(
    request: HttpRequest, programme: str, anchor: str = ""
) -> HttpResponseRedirect:
    address = reverse("worklist", args=[programme])
    query = {"at": timezone.now().strftime("%H%M%S")} if anchor else {}
    words = f"?{urlencode(query)}" if query else ""
    return HttpResponseRedirect(f"{address}{words}{'#' + anchor if anchor else ''}")
