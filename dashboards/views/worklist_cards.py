"""The work on a card, and one decision for several people."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from dashboards.actions import cards, decisions
from dashboards.selectors import worklist as selectors
from dashboards.selectors import worklist_work as work
from dashboards.selectors.worklist_told import refuse_closed_now
from dashboards.views.worklist import person_of, spec_of, version_seen
from governance import audit, pseudonym
from governance.access import page

HOW = {
    "phone": "Telephone",
    "letter": "Letter",
    "text": "Text message",
    "visit": "Visit",
    "video": "Video",
}


@require_http_methods(["GET", "POST"])
@page("decide")
def card(request: HttpRequest, programme: str, reference: str) -> HttpResponse:
    """Everything done to one card, and what can be done next.

    Where a colleague was faster the page comes back with what they did, and with
    what was typed still in its fields.
    """
    spec = spec_of(programme)
    viewer = request.viewer
    refuse_closed_now(viewer, programme)
    person_no = person_of(request, reference)
    typed: dict[str, Any] = {}
    problem = ""
    if request.method == "POST":
        kind = request.POST.get("kind", "")
        detail = {
            name: request.POST[name]
            for name in ("role", "on", "how", "preference", "measure", "value")
            if request.POST.get(name)
        }
        user = request.POST.get("user", "")
        if user.isdecimal():
            detail["user"] = int(user)
        try:
            cards.change(
                programme=programme,
                person_no=person_no,
                kind=kind,
                detail=detail,
                seen_version=version_seen(request) or 0,
                note=request.POST.get("note", ""),
                by=viewer,
            )
            messages.success(request, "Kept.")
            return HttpResponseRedirect(
                reverse("list-card", args=[programme, reference])
            )
        except cards.RefusedDecisionError as error:
            problem = str(error)
            typed = detail | {"note": request.POST.get("note", ""), "kind": kind}
    audit.record("card_viewed", viewer, subject=programme, persons=1, seen=[person_no])
    known = work.of_people(viewer, programme, [person_no])
    if person_no not in known and not selectors.is_listed(viewer, programme, person_no):
        raise PermissionDenied("No such person on your lists.")
    context = {
        "programme": programme,
        "reference": reference,
        "short": pseudonym.short(reference),
        "spec": spec,
        "work": known.get(person_no, work.Work()),
        "history": work.history(viewer, programme, person_no),
        "colleagues": work.colleagues(viewer),
        "preferences": work.PREFERENCES,
        "how": HOW,
        "today": timezone.localdate().isoformat(),
        "typed": typed,
        "problem": problem,
    }
    return render(request, "lists/card.html", context, status=409 if problem else 200)


@require_POST
@page("decide")
def bulk(request: HttpRequest, programme: str) -> HttpResponse:
    """Decide on several people at once, or give their cards to somebody.

    Says of whom it was not done, and why: one refusal stops none of the others.
    """
    spec_of(programme)
    seen, named = {}, {}
    for given in request.POST.getlist("person")[:100]:
        reference, _, version = given.rpartition(":")
        person_no = person_of(request, reference)
        seen[person_no] = int(version) if version.isdecimal() else 0
        named[person_no] = pseudonym.short(reference)
    if request.POST.get("do") == "give":
        kind, _, holder = request.POST.get("holder", "").partition(":")
        is_user = kind == "user" and holder.isdecimal() and len(holder) < 10
        done, refused = cards.give_many(
            programme=programme,
            seen=seen,
            role=holder if kind == "role" else "",
            user=int(holder) if is_user else None,
            by=request.viewer,
        )
        words = "Given"
    else:
        choice, _, reason = request.POST.get("decision", "").partition(":")
        done, refused = decisions.decide_many(
            programme=programme,
            seen=seen,
            choice=choice,
            reason=reason,
            by=request.viewer,
        )
        words = selectors.OUTCOME_WORDS.get(choice, "") + " (each can be undone)"
    if not seen:
        messages.error(request, "Tick the people whom it is about.")
    if done:
        people = ", ".join(named[n] for n in done)
        messages.success(request, f"{words}: {people}.")
    for person_no, why in refused.items():
        messages.error(request, f"{named[person_no]}: {why}")
    return HttpResponseRedirect(reverse("worklist", args=[programme]))
