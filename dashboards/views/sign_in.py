"""Signing in and out."""

from django import forms
from django.contrib.auth import login, logout
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from dashboards.views.purpose import after_sign_in
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
            return after_sign_in(request, user, going_to)
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
