"""Special access: ask to name somebody outside the usual relationship, and approve."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from dashboards.selectors import reveals
from dashboards.selectors import worklist as selectors
from governance import pseudonym
from governance.access import ACCESS, Viewer, page
from governance.sign_in import confirmed
from linkage.reveal import RevealRefusedError, VaultUnavailableError
from linkage.reveal import ask as ask_vault


@require_safe
@page("special_access")
@confirmed
def own(request: HttpRequest) -> HttpResponse:
    """The viewer's own requests of the last day; names where one is open."""
    viewer = request.viewer
    requests, problem = _requests(viewer, "access_own")
    opened = sorted({r["person_no"] for r in requests if r["state"] == "open"})
    named: dict[int, Any] = {}
    if opened:
        try:
            named = reveals.names(
                viewer,
                programme="special_access",
                reason="check_record",
                person_nos=opened,
            ).names
        except (VaultUnavailableError, RevealRefusedError) as error:
            problem = str(error)
    for each in requests:
        person_no = each.pop("person_no")
        is_open = each["state"] == "open"
        each["named"] = named.get(person_no) if is_open else None
        each["short"] = pseudonym.short(selectors.reference(viewer, person_no))
    return _page(request, "Your requests for special access", requests, problem)


@require_http_methods(["GET", "HEAD", "POST"])
@page("special_access")
def ask(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask for an hour's access to one person of the team's lists."""
    try:
        person_no = selectors.person_behind(request.viewer, reference)
    except pseudonym.UnknownReferenceError as error:
        raise PermissionDenied("No such person among your own.") from error
    problem = ""
    reason = request.POST.get("reason", "")
    if request.method == "POST":
        try:
            ask_vault(request.viewer, "access_ask", person_no=person_no, reason=reason)
            messages.success(request, "Asked. Somebody else must approve within a day.")
            return HttpResponseRedirect(reverse("special-access"))
        except (VaultUnavailableError, RevealRefusedError) as error:
            problem = str(error)
    short = pseudonym.short(reference)
    return render(
        request,
        "linkage/ask_access.html",
        {
            "title": f"Ask for special access to person {short}",
            "reference": reference,
            "reason": reason,
            "problem": problem,
        },
        status=400 if problem else 200,
    )


@require_safe
@page("approve_access")
def waiting(request: HttpRequest) -> HttpResponse:
    """Other people's requests that wait for an approval."""
    requests, problem = _requests(request.viewer, "access_waiting")
    title = f"{len(requests)} requests for special access wait"
    return _page(request, title, requests, problem, may_decide=True)


@require_POST
@page("approve_access")
@confirmed
def decide(request: HttpRequest, request_id: int) -> HttpResponse:
    """Approve or refuse one request."""
    approve = request.POST.get("answer") == "approve"
    try:
        ask_vault(request.viewer, "access_decide", id=request_id, approve=approve)
        words = "Approved for one hour from now." if approve else "Refused."
        messages.success(request, words)
    except (VaultUnavailableError, RevealRefusedError) as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("special-access-waiting"))


def _requests(viewer: Viewer, what: str) -> tuple[list[dict[str, Any]], str]:
    try:
        return ask_vault(viewer, what)["requests"], ""
    except (VaultUnavailableError, RevealRefusedError) as error:
        return [], str(error)


def _page(
    request: HttpRequest,
    title: str,
    requests: list[dict[str, Any]],
    problem: str,
    *,
    may_decide: bool = False,
) -> HttpResponse:
    for each in requests:
        role = ACCESS.roles.get(each["role"])
        each["role_title"] = role.title if role else each["role"]
    return render(
        request,
        "linkage/access.html",
        {
            "title": title,
            "requests": requests,
            "problem": problem,
            "may_decide": may_decide,
        },
        status=503 if problem else 200,
    )
