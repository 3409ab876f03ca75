"""Put the viewer on the request; no viewer, no page."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_htmx.http import HttpResponseClientRedirect

from governance import access, audit
from governance.audit import AuditUnavailableError
from governance.sign_in import came_from

logger = logging.getLogger("catchment.audit")

READS = frozenset({"GET", "HEAD", "OPTIONS"})
REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
Respond = Callable[[HttpRequest], HttpResponse]


class ViewerMiddleware:
    """Deny by default: every view is for a signed-in viewer unless marked public.

    The scope itself is set by the guard around each view (`access.page`), because
    this middleware runs before the request's transaction begins.
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.viewer = None  # type: ignore[attr-defined]
        access.nobody_looks()
        audit.begin()
        response = self.get_response(request)
        if response.status_code in REFUSED and not audit.stands("refused"):
            response = self._noted(request, response)
        if not request.path.startswith("/static/"):
            response.setdefault("Cache-Control", "no-store")
        return response

    def _noted(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Put on record a refusal that nothing behind this has written down.

        A false token, none, a form without its check: the row names the address as it
        is declared, never what it was called with.
        """
        match = request.resolver_match
        try:
            audit.record(
                "refused",
                getattr(request, "viewer", None),
                subject=str(match.url_name) if match else "",
                outcome="refused",
                status=response.status_code,
            )
        except AuditUnavailableError as error:
            return _not_written(request, error)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if getattr(view, "is_public", False):
            return None
        if getattr(view, "authenticates_itself", False):
            return None
        # Postgres stores no NUL, so a filter by one would be the server's error.
        if "\0" in unquote(request.META.get("QUERY_STRING", "")):
            raise SuspiciousOperation("a NUL character in the address")
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        if not hasattr(view, "page_name"):
            raise PermissionDenied("This address has no page in the access definition.")
        try:
            request.viewer = access.admit(  # type: ignore[attr-defined]
                request.user,
                grant_id=request.session.get("grant_id"),
                purpose=request.session.get("purpose"),
            )
        except access.NoViewerError as refused:
            audit.record(
                "not_admitted",
                None,
                subject="sign-in",
                outcome="refused",
                user=request.user.pk,
            )
            raise PermissionDenied(str(refused)) from refused
        return None

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        """What cannot be written down is not answered: 503, whatever was ready.

        A refusal that a view came to by itself, whose row or which place, is put on
        record; the row names the address and not what it was called with.
        """
        if isinstance(exception, AuditUnavailableError):
            return _not_written(request, exception)
        viewer = getattr(request, "viewer", None)
        is_new = not isinstance(exception, access.RefusedOnRecordError)
        if isinstance(exception, PermissionDenied) and viewer is not None and is_new:
            match = request.resolver_match
            name = str(match.url_name) if match else ""
            audit.record("refused", viewer, subject=name, outcome="refused")
        return None


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """Ask somebody to sign in, and bring them back to the page they were on.

    What they sent is not sent again by itself. A part of a page that was asked for
    takes the whole page along: a sign-in form is no answer inside it.
    """
    if request.htmx:  # type: ignore[attr-defined]
        here = request.htmx.current_url_abs_path or "/"  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(redirect_to_login(here, "sign-in").url)
    if request.method in READS:
        return redirect_to_login(request.get_full_path(), "sign-in")
    messages.info(
        request,
        "You are not signed in, so nothing was kept. Sign in and send it again.",
    )
    return redirect_to_login(came_from(request), "sign-in")


def _not_written(request: HttpRequest, error: AuditUnavailableError) -> HttpResponse:
    logger.error("the audit trail cannot be written: %s", error.__cause__)
    return render(request, "503.html", status=503)
