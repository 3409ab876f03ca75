"""Change one's own password: the old one is asked for, and other sessions end."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dashboards.views.second_factor import sure
from governance import access, audit, lockout, passwords


class PasswordForm(forms.Form):
    """The password one has, and twice the one that one wants."""

    old = forms.CharField(label="The password you have now", strip=False)
    new = forms.CharField(
        label="A new password",
        strip=False,
        max_length=200,
        help_text="12 characters or more. Three words that do not belong together"
        " are easy to remember and hard to guess.",
    )
    again = forms.CharField(label="The new password again", strip=False)

    def clean(self) -> dict[str, Any]:
        """Refuse two that differ: a slip would shut its owner out."""
        given: dict[str, Any] = super().clean() or {}
        if {"new", "again"} <= given.keys() and given["new"] != given["again"]:
            self.add_error("again", "The two differ. Enter the new password twice.")
        return given


@access.page("security")
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@sure
def change(request: HttpRequest) -> HttpResponse:
    """Change one's own password."""
    user = request.user
    if not user.has_usable_password():
        raise PermissionDenied("This account is opened by single sign-on alone.")
    if request.method == "POST" and user.is_demo:
        raise PermissionDenied("Accounts of a demonstration keep their passwords.")
    form = PasswordForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = _changed(request, form)
        if status == 302:
            messages.success(
                request, "Your password is changed. You are signed out everywhere else."
            )
            return redirect("security")
    context = {
        "title": "Change your password",
        "form": form,
        "is_given": passwords.must_change(user),
    }
    return render(request, "dashboards/own_password.html", context, status=status)


def _changed(request: HttpRequest, form: PasswordForm) -> int:
    """Take the form: 302 once it is done, else the status of the page that asks again.

    Wrong old passwords are counted like wrong ones at sign-in: whoever finds a screen
    unlocked has no more tries than at the door.
    """
    user, now = request.user, timezone.now()
    tries = lockout.keys_of(f"own password {user.pk}", "")
    try:
        lockout.begin(tries, now)
    except lockout.LockedError as locked:
        audit.record(
            "password_refused", request.viewer, subject="security", outcome="refused"
        )
        form.add_error(None, str(locked))
        return 429
    if not form.is_valid():
        return 422
    if not user.check_password(form.cleaned_data["old"]):
        lockout.wrong(tries, now)
        audit.record(
            "password_refused", request.viewer, subject="security", outcome="refused"
        )
        form.add_error("old", "That is not your password.")
        return 422
    lockout.right(tries)
    try:
        passwords.change_own(user=user, new=form.cleaned_data["new"], by=request.viewer)
    except ValidationError as refused:
        form.add_error("new", refused)
        return 422
    # This session goes on, under another key; the others hold the old digest.
    update_session_auth_hash(request, user)
    return 302
