"""The weekly review: names shown that somebody should look at again."""

from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboards.actions import access_review as actions
from dashboards.selectors import access_review as selectors
from governance.access import page
from linkage.reveal import RevealRefusedError, VaultUnavailableError


@require_safe
@page("access_review")
def review(request: HttpRequest) -> HttpResponse:
    """One week of reveals, those that are remarkable first."""
    mondays = selectors.mondays(timezone.localdate())
    monday = _monday(request.GET.get("week", ""), mondays)
    week, owed, looks, problem = None, None, [], ""
    try:
        week = selectors.week_of(request.viewer, monday)
        owed = selectors.owed(request.viewer, timezone.now())
        looks = selectors.looks(timezone.now())
    except (VaultUnavailableError, RevealRefusedError) as error:
        problem = str(error)
    title = "The week cannot be reviewed just now"
    if week is not None:
        title = f"{len(week.flagged)} of {week.reveals} reveals to look at again"
    context = {
        "title": title,
        "week": week,
        "owed": owed,
        "looks": looks,
        "monday": monday,
        "mondays": mondays,
        "verdicts": selectors.VERDICTS,
        "problem": problem,
    }
    status = 503 if problem else 200
    return render(request, "governance/access_review.html", context, status=status)


@require_POST
@page("access_review")
def settle(request: HttpRequest, event_id: int) -> HttpResponse:
    """Say what was found of one reveal."""
    verdict, now = request.POST.get("verdict", ""), timezone.now()
    try:
        waiting = selectors.owed(request.viewer, now).reveals
        use = next((each for each in waiting if each.event == event_id), None)
        if use is None:
            actions.settle(event_id=event_id, verdict=verdict, by=request.viewer)
        else:
            note = request.POST.get("note", "")
            actions.look_at_special(
                use=use, verdict=verdict, note=note, now=now, by=request.viewer
            )
        messages.success(request, "Kept in the trail.")
    except (ValueError, VaultUnavailableError, RevealRefusedError) as error:
        messages.error(request, str(error))
    week = _monday(
        request.POST.get("week", ""), selectors.mondays(timezone.localdate())
    )
    return redirect(reverse("access-review", query={"week": week.isoformat()}))


def _monday(text: str, known: list[date]) -> date:
    return next((day for day in known if day.isoformat() == text), known[0])
