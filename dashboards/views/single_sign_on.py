"""Signing in with the organisation's own account: away to the provider, and back."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from mozilla_django_oidc.views import (
    OIDCAuthenticationCallbackView,
    OIDCAuthenticationRequestView,
)

from dashboards.views.purpose import after_sign_in
from governance import access, audit, factors, sign_in
from governance.single_sign_on import CLAIMS, SingleSignOnError, setting, was_strong

# How long ago the provider may have seen the person when they confirm themselves.
JUST_NOW = timedelta(minutes=2)
AGAIN = "single_sign_on_again"


class Away(OIDCAuthenticationRequestView):  # type: ignore[misc]
    """Send the browser to the provider; to confirm, it must ask the person anew."""

    @staticmethod
    def get_settings(attr: str, *args: Any) -> Any:
        return setting(attr, *args)

    def get_extra_params(self, request: HttpRequest) -> dict[str, str]:
        again = request.GET.get("again") == "yes" and request.user.is_authenticated
        request.session[AGAIN] = again
        return {"prompt": "login", "max_age": "0"} if again else {}


class Back(OIDCAuthenticationCallbackView):  # type: ignore[misc]
    """Take the provider's word on who it is."""

    @staticmethod
    def get_settings(attr: str, *args: Any) -> Any:
        return setting(attr, *args)

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            answer: HttpResponse = super().get(request)
        except SuspiciousOperation:
            return self.login_failure()
        return answer

    def login_failure(self) -> HttpResponse:
        """Say that it did not work, without what the provider said."""
        event = "single_sign_on_failed"
        audit.record(event, None, subject="sign-in", outcome="refused")
        context = {"title": "Single sign-on did not work"}
        page = "dashboards/single_sign_on_failed.html"
        return render(self.request, page, context, status=403)

    def login_success(self) -> HttpResponse:
        """Sign them in, or confirm who is signed in already."""
        request, user, now = self.request, self.user, timezone.now()
        going_to = self.success_url
        strong_at = was_strong(request.session.pop(CLAIMS, {}))
        if request.session.pop(AGAIN, False):
            return self._confirmed(going_to, strong_at)
        with factors.looking_after(user):
            has_factor = bool(factors.of(user))
        if strong_at is None and has_factor:
            sign_in.wait_for_factor(request, user, now)
            return redirect(reverse("sign-in-code", query={"next": going_to}))
        sign_in.begin(request, user, now, confirmed=strong_at)
        request.session["single_sign_on"] = True
        viewer = access.viewer_for(user)
        audit.record("signed_in", viewer, subject="sign-in", by="single sign-on")
        return after_sign_in(request, user, going_to)

    def _confirmed(self, going_to: str, strong_at: Any) -> HttpResponse:
        """Only the same person, seen just now with two factors, is confirmed."""
        request, now = self.request, timezone.now()
        same = request.user.is_authenticated and request.user.pk == self.user.pk
        if not same or strong_at is None or strong_at < now - JUST_NOW:
            messages.error(request, "The provider did not confirm that it is you.")
            return redirect("home")
        sign_in.confirm(request, now)
        viewer = access.viewer_for(self.user)
        audit.record("confirmed", viewer, subject="sign-in", by="single sign-on")
        return redirect(going_to)


@access.public
def away(request: HttpRequest) -> HttpResponse:
    """Begin single sign-on, where a provider is set."""
    return _through(Away, request)


@access.public
def back(request: HttpRequest) -> HttpResponse:
    """End single sign-on with what the provider sent back."""
    return _through(Back, request)


def _through(view: Any, request: HttpRequest) -> HttpResponse:
    if not setting("OIDC_ISSUER"):
        return redirect("sign-in")
    try:
        answer: HttpResponse = view.as_view()(request)
    except SingleSignOnError:
        context = {"title": "Single sign-on does not answer"}
        page = "dashboards/single_sign_on_failed.html"
        return render(request, page, context, status=503)
    return answer
