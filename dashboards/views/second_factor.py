"""The second factor: at sign-in, before names are shown, and keeping one's own."""

from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from dashboards.views.purpose import after_sign_in
from dashboards.views.sign_in import next_page
from governance import access, audit, factors, lockout, passkeys, second_factor, sign_in

NEW_SECRET = "new_app_secret"
GET_POST = ("GET", "POST")
ELSEWHERE = "You are signed out everywhere else."


class CodeForm(forms.Form):
    """An app's six digits, or a code from paper."""

    code = forms.CharField(
        label="Code", max_length=20, help_text="6 digits from your app, or a paper code"
    )


class NewFactorForm(forms.Form):
    """What to call a new factor, and for an app its first code."""

    name = forms.CharField(label="What to call it", max_length=60, required=False)
    code = forms.CharField(label="The 6 digits it shows now", max_length=10)


def sure(view: access.View) -> access.View:
    """Let nobody change factors in a session that somebody else may have taken over.

    A second factor shown lately where there is one, else a sign-in lately.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        now = timezone.now()
        if factors.of(request.user):
            if not sign_in.is_fresh(request, now):
                query = urlencode({"next": reverse("security")})
                return redirect(f"{reverse('confirm')}?{query}")
        elif not sign_in.is_new(request, now):
            raise PermissionDenied("Sign in again before you change how you sign in.")
        return view(request, *args, **kwargs)

    return guarded


@access.public
@never_cache
@sensitive_post_parameters()
@require_http_methods(GET_POST)
def code(request: HttpRequest) -> HttpResponse:
    """The second step of signing in, for who has given a right password lately."""
    now = timezone.now()
    user = sign_in.waiting(request, now)
    if user is None:
        return redirect("sign-in")
    with factors.looking_after(user):
        kind, response = _ask(request, user, "Sign in: second step")
    if kind is None:
        return response
    going_to = next_page(request)
    sign_in.begin(request, user, now, confirmed=now)
    audit.record("signed_in", access.viewer_for(user), subject="sign-in", by=kind)
    return after_sign_in(request, user, going_to)


@access.page("security")
@never_cache
@sensitive_post_parameters()
@require_http_methods(GET_POST)
def confirm(request: HttpRequest) -> HttpResponse:
    """Show a second factor again, before names are shown."""
    if not factors.of(request.user) and not request.session.get("single_sign_on"):
        messages.info(request, "Add a second step first.")
        return redirect("security")
    kind, response = _ask(request, request.user, "Confirm that it is you")
    if kind is None:
        return response
    going_to = next_page(request)
    sign_in.confirm(request, timezone.now())
    audit.record("confirmed", request.viewer, subject="sign-in", by=kind)
    return redirect(going_to)


def _ask(request: HttpRequest, user: Any, title: str) -> tuple[str | None, Any]:
    """Take what was sent, or ask: (the factor's kind, None) or (None, the page)."""
    now = timezone.now()
    form = CodeForm(request.POST or None)
    known = factors.passkeys_of(user)
    status = 200
    if request.method == "POST":
        tries = lockout.keys_of(f"second step {user.pk}", "")
        try:
            lockout.begin(tries, now)
            kind = _take(request, user, form, known)
            lockout.right(tries)
            return kind, None
        except lockout.LockedError as locked:
            problem, status = str(locked), 429
        except (factors.RefusedFactorError, passkeys.RefusedPasskeyError) as refused:
            lockout.wrong(tries, now)
            problem, status = str(refused), 422
        form.add_error(None, problem)
        audit.record(
            "second_factor_refused",
            None,
            subject="sign-in",
            outcome="refused",
            account=user.pk,
        )
    context = {
        "title": title,
        "form": form,
        "next": next_page(request),
        "ask_passkey": passkeys.ask_for_known(request, known) if known else None,
        "has_code": any(f.kind != factors.Kind.PASSKEY for f in factors.of(user)),
        "single_sign_on": request.session.get("single_sign_on"),
    }
    page = "dashboards/second_factor.html"
    return None, render(request, page, context, status=status)


def _take(request: HttpRequest, user: Any, form: CodeForm, known: list[Any]) -> str:
    """Return the kind of the factor that was shown. Refused where it is not right."""
    now = timezone.now()
    if answer := request.POST.get("passkey"):
        credential_id, counter = passkeys.take_known(request, answer, known)
        return factors.take_passkey(user, credential_id, counter, now)
    if not form.is_valid():
        raise factors.RefusedFactorError("Enter the code.")
    return factors.take_code(user, form.cleaned_data["code"], now)


@access.page("security")
@never_cache
@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """One's own second factors: what there is, and the way to change them."""
    return _kept(request, [])


@access.page("security")
@never_cache
@require_POST
@sure
def change_security(request: HttpRequest) -> HttpResponse:
    """Take a factor away, or make new codes for paper and show them this once."""
    now = timezone.now()
    if request.POST.get("do") == "codes":
        made = factors.renew_recovery_codes(request.user, now=now, by=request.viewer)
        sign_in.end_others(request)
        messages.info(request, ELSEWHERE)
        return _kept(request, made)
    given = request.POST.get("factor", "")
    if not (given.isdecimal() and len(given) < 19):
        raise PermissionDenied("No such second step of yours.")
    factors.remove(request.user, int(given), by=request.viewer)
    sign_in.end_others(request)
    messages.success(request, f"It is gone and opens nothing any more. {ELSEWHERE}")
    return redirect("security")


def _kept(request: HttpRequest, codes: list[str]) -> HttpResponse:
    held = factors.of(request.user)
    context = {
        "title": "Your sign-in",
        "factors": [f for f in held if f.kind != factors.Kind.RECOVERY],
        "paper": sum(f.kind == factors.Kind.RECOVERY for f in held),
        "codes": codes,
        "is_required": sign_in.is_required(),
        "has_password": request.user.has_usable_password(),
    }
    return render(request, "dashboards/security.html", context)


@access.page("security")
@never_cache
@sensitive_post_parameters()
@require_http_methods(GET_POST)
@sure
def add_app(request: HttpRequest) -> HttpResponse:
    """Add an authenticator app: show its picture, take its first code."""
    user, now = request.user, timezone.now()
    kept = request.session.get(NEW_SECRET)
    secret = second_factor.unseal(bytes.fromhex(kept), user.pk) if kept else None
    form = NewFactorForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and secret:
        step = second_factor.step_of(
            secret, form.cleaned_data["code"], now=now.timestamp(), after=0
        )
        if step is not None:
            return _added(
                request,
                kind=factors.Kind.APP,
                name=form.cleaned_data["name"],
                secret=secret,
                counter=step,
            )
        form.add_error("code", "That is not the code it shows now.")
    if secret is None:
        secret = second_factor.new_secret()
        request.session[NEW_SECRET] = second_factor.seal(secret, user.pk).hex()
    context = {
        "title": "Add an authenticator app",
        "form": form,
        "picture": second_factor.picture(secret, user.username),
        "secret": second_factor.in_base32(secret),
    }
    status = 422 if form.errors else 200
    return render(request, "dashboards/add_app.html", context, status=status)


@access.page("security")
@never_cache
@require_http_methods(GET_POST)
@sure
def add_passkey(request: HttpRequest) -> HttpResponse:
    """Add a passkey that the browser makes."""
    problem = ""
    if request.method == "POST":
        try:
            made = passkeys.take_new(request, request.POST.get("passkey", ""))
            return _added(
                request,
                kind=factors.Kind.PASSKEY,
                name=request.POST.get("name", ""),
                secret=bytes(made),
            )
        except passkeys.RefusedPasskeyError as refused:
            problem = str(refused)
    known = factors.passkeys_of(request.user)
    context = {
        "title": "Add a passkey",
        "ask_passkey": passkeys.ask_for_new(request, request.user, known),
        "problem": problem,
    }
    status = 422 if problem else 200
    return render(request, "dashboards/add_passkey.html", context, status=status)


def _added(request: HttpRequest, **given: Any) -> HttpResponse:
    """Keep a new factor; it was shown just now."""
    now = timezone.now()
    try:
        factors.add(request.user, now=now, by=request.viewer, **given)
    except factors.RefusedFactorError as refused:
        messages.error(request, str(refused))
        return redirect("security")
    request.session.pop(NEW_SECRET, None)
    sign_in.confirm(request, now)
    sign_in.end_others(request)
    messages.success(
        request, f"Added. You will be asked for it when you sign in. {ELSEWHERE}"
    )
    return redirect("security")
