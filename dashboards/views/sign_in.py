"""Signing in and out."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from dashboards.views.purpose import after_sign_in
from governance import access, audit, factors, lockout, passwords
from governance import sign_in as sign_in_rules


class SignInForm(AuthenticationForm):
    """User name and password, in plain words."""

    username = forms.CharField(label="User name", max_length=150)
    password = forms.CharField(label="Password", strip=False)
    error_messages = {
        "invalid_login": "The user name or password is not right. Check both.",
        "inactive": "This account is closed. Ask your data manager.",
        "demo": "This account is for demonstrations and this is not one.",
        "lapsed": "This password was given to you and not changed in time. Ask your"
        " data manager for another.",
    }

    def confirm_login_allowed(self, user: Any) -> None:
        """Refuse closed accounts, those of a demonstration anywhere else, and given
        passwords that have lapsed."""
        super().confirm_login_allowed(user)
        if user.is_demo and not settings.DEMO:
            raise forms.ValidationError(self.error_messages["demo"], code="demo")
        if passwords.has_lapsed(user, timezone.now()):
            raise forms.ValidationError(self.error_messages["lapsed"], code="lapsed")


@access.public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in. Wrong tries are counted, and audited without what was typed."""
    going_to = next_page(request)
    now = timezone.now()
    form = SignInForm(request, request.POST or None)
    status = 200
    if request.method == "POST":
        tries = lockout.keys_of(
            request.POST.get("username", ""), lockout.address_of(request)
        )
        try:
            lockout.begin(tries, now)
        except lockout.LockedError as locked:
            audit.record("sign_in_locked", None, subject="sign-in", outcome="refused")
            return _locked(request, going_to, str(locked))
        if form.is_valid():
            lockout.right(tries)
            return _after_password(request, form.get_user(), now, going_to)
        closed = lockout.wrong(tries, now)
        audit.record(
            "sign_in_failed", None, subject="sign-in", outcome="refused", closed=closed
        )
        status = 422
    context = {
        "form": form,
        "next": going_to,
        "title": "Sign in",
        "single_sign_on": bool(settings.OIDC_ISSUER),
    }
    return render(request, "dashboards/sign_in.html", context, status=status)


def _locked(request: HttpRequest, going_to: str, words: str) -> HttpResponse:
    """The form again, nothing looked at: too many wrong tries."""
    form = SignInForm(request)
    context = {"form": form, "next": going_to, "title": "Sign in", "problem": words}
    return render(request, "dashboards/sign_in.html", context, status=429)


def _after_password(
    request: HttpRequest, user: Any, now: datetime, going_to: str
) -> HttpResponse:
    """Ask for the second factor of somebody who has one; sign the others in."""
    with factors.looking_after(user):
        has_factor = bool(factors.of(user))
    if has_factor:
        sign_in_rules.wait_for_factor(request, user, now)
        query = urlencode({"next": going_to})
        return redirect(f"{reverse('sign-in-code')}?{query}")
    sign_in_rules.begin(request, user, now, confirmed=None)
    audit.record("signed_in", access.viewer_for(user), subject="sign-in", by="password")
    return after_sign_in(request, user, going_to)


def next_page(request: HttpRequest) -> str:
    """Return where to go on to: an address of this site, or the home page."""
    given = request.POST.get("next") or request.GET.get("next") or "/"
    is_ours = url_has_allowed_host_and_scheme(given, {request.get_host()})
    return given if is_ours else "/"


@access.public
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out and go back to the sign-in page."""
    logout(request)
    response = redirect("sign-in")
    # On a shared screen the way back must not lead to what was read.
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response
