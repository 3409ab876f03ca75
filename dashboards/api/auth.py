"""Who calls the API: a bearer token of one user, one purpose and place, with an end.

A view names the scope it needs (`scope = "indicators:read"`); a view without one is
refused, so that a new endpoint is closed until someone decides otherwise.
"""

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from governance import access, audit, clients
from governance.models import ApiToken, User

if TYPE_CHECKING:
    from rest_framework.views import APIView

SCHEME = "bearer"


class TokenAuthentication(BaseAuthentication):
    """Take `Authorization: Bearer …` and put the viewer on the request."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != SCHEME or not secret:
            return None
        token = clients.token_behind(secret, timezone.now())
        if token is None:
            _refused(request, "unknown or expired token")
            raise AuthenticationFailed("The token is unknown or has expired.")
        viewer = clients.viewer_of(token, timezone.localdate())
        if viewer is None:
            _refused(request, "no role in force", user=token.user_id)
            raise AuthenticationFailed("The account has no role in force today.")
        plain: HttpRequest = request._request
        plain.viewer = viewer  # type: ignore[attr-defined]
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Catchment"'


def _refused(request: Request, why: str, **more: int) -> None:
    """Put a call that nobody is behind on record; never what was sent as the token."""
    audit.record(
        "api_refused",
        None,
        subject=request.path[:200],
        outcome="refused",
        why=why,
        **more,
    )


class HasScope(BasePermission):
    """The viewer's role must hold the scope that the view names."""

    message = "Your token does not hold the scope that this address needs."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        scope = getattr(view, "scope", None)
        viewer: Any = getattr(request._request, "viewer", None)
        if viewer is None:
            return False
        held = clients.scopes_of(request.auth)
        decision = viewer.may_call(scope or "")
        if not decision or scope not in held:
            audit.record(
                "api_refused", viewer, subject=request.path[:200], outcome="refused"
            )
            self.message = decision.why
            return False
        access.set_scope(viewer)
        audit.record("api_read", viewer, subject=request.path[:200], scope=scope)
        return True
