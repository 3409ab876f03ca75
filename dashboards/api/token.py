"""Where a partner's machine buys its token: a signed statement in, ten minutes out."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from governance import audit, clients
from governance.access import public

GRANT = "client_credentials"
STATEMENT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MOST_STATEMENT = 8_000
ADVICE = "See the API guide: how to sign a statement, and which scopes there are."


@csrf_exempt
@public
@require_http_methods(["POST"])
def token(request: HttpRequest) -> JsonResponse:
    """Answer RFC 6749's client credentials with a bearer token, or a problem.

    A problem (RFC 9457) carries OAuth's `error` and `error_description` as well, which
    its clients read.
    """
    given = request.POST
    statement = given.get("client_assertion", "")
    try:
        if given.get("grant_type") != GRANT:
            raise clients.RefusedClientError(
                "unsupported_grant_type", f"grant_type must be {GRANT}."
            )
        if given.get("client_assertion_type") != STATEMENT or not statement:
            raise clients.RefusedClientError(
                "invalid_client", "A client_assertion of the type jwt-bearer is needed."
            )
        if len(statement) > MOST_STATEMENT:
            raise clients.RefusedClientError("invalid_request", "That is too long.")
        now = timezone.now()
        audience = request.build_absolute_uri(reverse("oauth-token"))
        user = clients.identify(statement, audience=audience, now=now)
        bought = clients.buy_token(user, scope=given.get("scope", ""), now=now)
    except clients.RefusedClientError as refused:
        audit.record(
            "token_refused", None, subject="token", outcome="refused", why=refused.code
        )
        return _problem(refused)
    return _answer(
        {
            "access_token": bought.secret,
            "token_type": "Bearer",
            "expires_in": bought.seconds,
            "scope": " ".join(bought.scopes),
        },
        status=200,
    )


def _problem(refused: clients.RefusedClientError) -> JsonResponse:
    status = 401 if refused.code == "invalid_client" else 400
    body = {
        "type": "about:blank",
        "title": "No token",
        "status": status,
        "detail": str(refused),
        "advice": ADVICE,
        "error": refused.code,
        "error_description": str(refused),
    }
    response = _answer(body, status=status, content_type="application/problem+json")
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="Catchment"'
    return response


def _answer(body: dict[str, Any], **more: Any) -> JsonResponse:
    response = JsonResponse(body, **more)
    response["Cache-Control"] = "no-store"
    return response
