"""The audit trail: searched by governance, checked, and shown to each of themselves."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboards.selectors import audit as selectors
from governance import anchors, trail
from governance import audit as audit_trail
from governance.access import page

CHECKED_DAYS = 31


@require_safe
@page("audit")
def audit(request: HttpRequest) -> HttpResponse:
    """Search the trail, newest first."""
    wanted = selectors.Wanted.of(request.GET)
    context = {
        "title": "Who did what",
        "wanted": wanted.query(),
        "kinds": selectors.kinds(),
        "found": selectors.search(wanted),
        "checked_days": CHECKED_DAYS,
    }
    return render(request, "governance/audit.html", context)


@require_POST
@page("audit")
def verify(request: HttpRequest) -> HttpResponse:
    """Check the last month of the trail: is it as it was written?

    The whole of it is the command's work (`./run manage verify_audit`).
    """
    since = timezone.now() - timedelta(days=CHECKED_DAYS)
    problem = ""
    try:
        verdict = trail.verify(since)
    except anchors.AnchorError as error:
        problem = str(error)
        verdict = trail.verify(since, with_anchors=False)
    audit_trail.record(
        "trail_checked",
        request.viewer,
        subject="audit trail",
        rows=verdict.rows,
        faults=len(verdict.faults),
    )
    context = {
        "title": (
            f"{len(verdict.faults)} things in the trail are not as they were written"
            if verdict.faults
            else "The trail stands as it was written"
        ),
        "verdict": verdict,
        "problem": problem,
        "checked_days": CHECKED_DAYS,
    }
    return render(request, "governance/trail_checked.html", context)


@require_safe
@page("my_access")
def my_access(request: HttpRequest) -> HttpResponse:
    """What the viewer themselves did here, as the trail has it."""
    before = request.GET.get("before", "")
    before_id = int(before) if before.isdecimal() and len(before) < 19 else None
    context = {
        "title": "What you opened here",
        "found": selectors.own(request.viewer, timezone.now(), before_id),
        "days": selectors.OWN_DAYS,
    }
    return render(request, "governance/my_access.html", context)
