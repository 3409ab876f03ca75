"""Signing in and out, and choosing under which role and for which purpose to work."""

from django import forms
from django.contrib.auth import login, logout
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from governance import access, audit


class SignInForm(AuthenticationForm):
    """User name and password, in plain words."""

    username = forms.CharField(label="User name", max_length=150)
    password = forms.CharField(label="Password", strip=False)
    error_messages = {
        "invalid_login": "The user name or password is not right. Check both.",
        "inactive": "This account is closed. Ask your data manager.",
    }


@access.public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in. Failed tries are audited without what was typed."""
    form = SignInForm(request, request.POST or None)
    going_to = request.POST.get("next") or request.GET.get("next") or "/"
    if not url_has_allowed_host_and_scheme(going_to, {request.get_host()}):
        going_to = "/"
    if request.method == "POST":
        if form.is_valid():
            user = form.get_user()
            viewer = access.viewer_for(user)
            audit.record("signed_in", viewer, subject="sign-in")
            login(request, user)
            return redirect(going_to)
        audit.record("sign_in_failed", None, subject="sign-in", outcome="refused")
    context = {"form": form, "next": going_to, "title": "Sign in"}
    return render(
        request, "dashboards/sign_in.html", context, status=422 if form.errors else 200
    )


@access.public
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out and go back to the sign-in page."""
    logout(request)
    return redirect("sign-in")


@access.page("home")
@require_http_methods(["GET", "POST"])
def choose_role(request: HttpRequest) -> HttpResponse:
    """Choose one of one's grants and one of its role's purposes, for this session."""
    grants = access.live_grants(request.user, timezone.localdate())
    options = [
        (f"{grant.pk}:{purpose}", grant, purpose)
        for grant in grants
        if grant.role in access.ACCESS.roles
        for purpose in access.ACCESS.roles[grant.role].purposes
    ]
    if request.method == "POST":
        chosen = next((o for o in options if o[0] == request.POST.get("as")), None)
        if chosen is None:
            raise SuspiciousOperation("not one of this account's roles")
        _, grant, purpose = chosen
        request.session["grant_id"] = grant.pk
        request.session["purpose"] = purpose
        viewer = access.viewer_for(request.user, grant_id=grant.pk, purpose=purpose)
        audit.record("role_chosen", viewer, subject="choose-role")
        return redirect("home")
    viewer = request.viewer
    items = [
        {
            "value": value,
            "text": (
                f"{access.ACCESS.roles[grant.role].title}, {grant.org.name}:"
                f" {access.ACCESS.purposes[purpose].title}"
            ),
            "checked": (grant.role, grant.org_id, purpose)
            == (viewer.role, viewer.org_code, viewer.purpose),
        }
        for value, grant, purpose in options
    ]
    context = {"items": items, "title": "Role and purpose"}
    return render(request, "dashboards/choose_role.html", context)
