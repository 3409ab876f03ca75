"""Under which role and for which purpose somebody works: chosen as a session begins."""

from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from dashboards.selectors.purposes import choices
from governance import access, audit


def after_sign_in(request: HttpRequest, user: Any, going_to: str) -> HttpResponse:
    """Send somebody who has just signed in to choose their purpose, or straight on.

    Who has a single role and purpose has nothing to choose.
    """
    if len(choices(user)) > 1:
        return redirect(reverse("choose-role", query={"next": going_to}))
    return redirect(going_to)


@access.page("home")
@require_http_methods(["GET", "POST"])
def choose_role(request: HttpRequest) -> HttpResponse:
    """Choose one of one's grants and one of its role's purposes, for this session."""
    options = choices(request.user)
    going_to = request.POST.get("next") or request.GET.get("next") or "/"
    if not url_has_allowed_host_and_scheme(going_to, {request.get_host()}):
        going_to = "/"
    if request.method == "POST":
        asked = request.POST.get("as")
        chosen = next((each for each in options if each.value == asked), None)
        if chosen is None:
            raise SuspiciousOperation("not one of this account's roles")
        request.session["grant_id"] = chosen.grant.pk
        request.session["purpose"] = chosen.purpose
        viewer = access.viewer_for(
            request.user, grant_id=chosen.grant.pk, purpose=chosen.purpose
        )
        audit.record("role_chosen", viewer, subject="choose-role")
        return redirect(going_to)
    viewer = request.viewer
    items = [
        {
            "value": each.value,
            "text": each.words,
            "hint": {"text": each.hint},
            "checked": (each.grant.role, each.grant.org_id, each.purpose)
            == (viewer.role, viewer.org_code, viewer.purpose),
        }
        for each in options
    ]
    context = {"items": items, "next": going_to, "title": "Role and purpose"}
    return render(request, "dashboards/choose_role.html", context)
