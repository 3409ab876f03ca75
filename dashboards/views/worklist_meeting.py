"""The team's meeting: one person at a time, one key a decision, all of it recorded."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from dashboards.actions import decisions
from dashboards.list_specs import ListSpec
from dashboards.selectors import reveals
from dashboards.selectors import worklist as selectors
from dashboards.selectors.worklist_room import MOST_SLOTS
from dashboards.views.worklist import listed, person_of, spec_of, version_seen
from governance import audit
from governance.access import page
from linkage.reveal import RevealRefusedError, VaultUnavailableError

# One key for each decision; N is the next person, without a decision.
ACCEPT_KEY = "a"
REASON_KEYS = "123456789"


@require_http_methods(["GET", "POST"])
@page("decide")
def meeting(request: HttpRequest, programme: str) -> HttpResponse:
    """Go through the agenda. It is drawn up once and stays, whatever is decided."""
    spec = spec_of(programme)
    viewer = request.viewer
    held = request.session.get("meetings", {}).get(programme)
    if request.method == "POST":
        return _record(request, programme, held)
    # Everybody on the agenda may have been decided on, and by colleagues others since.
    made = listed(request, programme, most_decided=2 * MOST_SLOTS)
    if made is None or held is None:
        return render(
            request,
            "lists/meeting_start.html",
            {"programme": programme, "spec": spec, "list": made},
        )
    agenda: list[str] = held["agenda"]
    cards = {c.reference: c for c in (*made.today, *made.decided)}
    # Somebody may have opted out or been decided on by others since it was drawn up.
    present = [cards[r] for r in agenda if r in cards]
    open_cards = [c for c in present if c.decision is None]
    passed = set(held.get("passed", []))
    coming = [c for c in open_cards if c.reference not in passed] or open_cards
    here = coming[0] if coming else None
    context: dict[str, Any] = {
        "programme": programme,
        "spec": spec,
        "card": here,
        "place": present.index(here) + 1 if here else 0,
        "agenda": present,
        "keys": keys_of(spec),
        "began": datetime.fromisoformat(held["began"]),
        "reasons": reveals.REASONS,
        "may_reveal": viewer.may_open("reveal"),
        "may_ask": viewer.may_open("special_access"),
        "revealed": None,
        "reveal_problem": "",
    }
    standing = reveals.standing(request.session, programme)
    shown = [c.person_no for c in ([here] if here else present)]
    if standing and shown and viewer.may_open("reveal"):
        try:
            context["revealed"] = reveals.names(
                viewer,
                programme=programme,
                reason=standing,
                person_nos=shown[: settings.REVEAL_MAX_PERSONS],
            )
        except (VaultUnavailableError, RevealRefusedError) as error:
            context["reveal_problem"] = str(error)
    return render(request, "lists/meeting.html", context)


def keys_of(spec: ListSpec) -> list[tuple[str, str, str, str]]:
    """Return each decision's key, value, title and reason, in the order shown."""
    first = next(iter(spec.choices.accept))
    found = [(ACCEPT_KEY, f"accept:{first}", "Accept", spec.choices.accept[first])]
    others = [
        (f"{choice}:{code}", selectors.OUTCOME_WORDS[choice], words)
        for choice in ("decline", "already_known", "later")
        for code, words in getattr(spec.choices, choice).items()
    ]
    found += [(key, *other) for key, other in zip(REASON_KEYS, others, strict=False)]
    return found


def _record(
    request: HttpRequest, programme: str, held: dict[str, Any] | None
) -> HttpResponse:
    viewer = request.viewer
    meetings = dict(request.session.get("meetings", {}))
    what = request.POST.get("do", "")
    if what == "start":
        made = listed(request, programme, audited=False)
        agenda = [c.reference for c in made.today] if made else []
        began = timezone.now().isoformat(timespec="seconds")
        audit.record("meeting_started", viewer, subject=programme, persons=len(agenda))
        meetings[programme] = {"began": began, "agenda": agenda}
    elif what == "end":
        audit.record("meeting_ended", viewer, subject=programme)
        meetings.pop(programme, None)
        request.session["meetings"] = meetings
        return HttpResponseRedirect(reverse("worklist", args=[programme]))
    elif held is not None and what == "pass":
        passed = [*held.get("passed", []), request.POST.get("reference", "")]
        meetings[programme] = held | {"passed": passed[-100:]}
    elif held is not None:
        _decide(request, programme, held)
    request.session["meetings"] = meetings
    return HttpResponseRedirect(reverse("list-meeting", args=[programme]))


def _decide(request: HttpRequest, programme: str, held: dict[str, Any]) -> None:
    choice, _, reason = request.POST.get("decision", "").partition(":")
    try:
        decisions.decide(
            programme=programme,
            person_no=person_of(request, request.POST.get("reference", "")),
            choice=choice,
            reason=reason,
            note=request.POST.get("note", ""),
            seen_version=version_seen(request),
            meeting=held["began"],
            by=request.viewer,
        )
        messages.success(request, f"{selectors.OUTCOME_WORDS[choice]}. Next person.")
    except decisions.RefusedDecisionError as error:
        messages.error(request, str(error))


@require_safe
@page("worklist")
def paper(request: HttpRequest, programme: str) -> HttpResponse:
    """Today's few on paper, without names: references, reasons, room to write."""
    spec = spec_of(programme)
    made = listed(request, programme)
    return render(
        request,
        "lists/print.html",
        {"programme": programme, "spec": spec, "list": made},
    )
