"""Errors as problem+json (RFC 9457): what went wrong, and what the caller can do."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response

from governance.audit import AuditUnavailableError

ADVICE = {
    400: "Correct the parameter that the detail names and call again.",
    401: "Send a valid token: Authorization: Bearer <token>.",
    403: "Ask your data manager for the scope or place that you need.",
    404: "See /api/v1/ for the addresses that there are.",
    405: "Use the method that the address documents.",
    406: "Ask for application/json.",
    409: "Do as the detail says; nothing was taken in.",
    415: "Say the content's type as the address documents it.",
    503: "Try again later; before the first release the feeds address says why.",
}
TITLES = {
    400: "A parameter is not right",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Format not offered",
    409: "It does not fit what came before",
    415: "Type of content not known",
    503: "Nothing can be answered yet",
}


class NoReleaseYet(exceptions.APIException):
    """Nothing has been published, so there is nothing to answer with."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "No release has been published yet."


class NotWrittenDown(exceptions.APIException):
    """The audit trail cannot be written, so nothing is answered."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The call cannot be written down at the moment. Try again later."


def problem_response(error: Exception, context: dict[str, Any]) -> Response:
    """Turn any expected error into a problem; others go to the 500 handler."""
    if isinstance(error, AuditUnavailableError):
        error = NotWrittenDown()
    elif isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied(str(error) or None)
    if not isinstance(error, exceptions.APIException):
        raise error
    code = error.status_code
    response = Response(
        {
            "type": "about:blank",
            "title": TITLES.get(code, "The request failed"),
            "status": code,
            "detail": _words(error.detail),
            "advice": ADVICE.get(code, ""),
        },
        status=code,
        content_type="application/problem+json",
    )
    if code == status.HTTP_401_UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="Catchment"'
    return response


def _words(detail: Any) -> str:
    if isinstance(detail, dict):
        return "; ".join(f"{key}: {_words(value)}" for key, value in detail.items())
    if isinstance(detail, list):
        return " ".join(_words(item) for item in detail)
    return str(detail)
