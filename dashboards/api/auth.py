"""Who calls the API: a bearer token of one user, one purpose, with an end.

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

from governance import access, audit
from governance.actions import token_digest
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
        token = (
            ApiToken.objects.filter(
                digest=token_digest(secret),
                expires_on__gte=timezone.localdate(),
                user__is_active=True,
            )
            .select_related("user")
            .first()
        )
        if token is None:
            raise AuthenticationFailed("The token is unknown or has expired.")
        viewer = access.viewer_for(token.user, purpose=token.purpose)
        if viewer is None:
            raise AuthenticationFailed("The account has no role in force today.")
        plain: HttpRequest = request._request
        plain.viewer = viewer  # type: ignore[attr-defined]
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Catchment"'


class HasScope(BasePermission):
    """The viewer's role must hold the scope that the view names."""

    message = "Your token does not hold the scope that this address needs."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        scope = getattr(view, "scope", None)
        viewer: Any = getattr(request._request, "viewer", None)
        if viewer is None:
            return False
        decision = viewer.may_call(scope or "")
        if not decision:
            audit.record(
                "api_refused", viewer, subject=request.path[:200], outcome="refused"
            )
            self.message = decision.why
            return False
        access.set_scope(viewer)
        audit.record("api_read", viewer, subject=request.path[:200], scope=scope)
        return True
