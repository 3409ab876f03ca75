"""The vault's HTTP face: signed statements in, names out, audited before they leave."""

from hashlib import sha256

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from linkage.assertions import RefusedAssertionError, RevealRequest, Verifier
from linkage.vault import special_access, store, watch
from linkage.vault.index import IndexBusyError
from linkage.vault.service import policy
from linkage.vault.service.acts import MAX_CONTENT_BYTES, act_of
from linkage.vault.service.refusals import RefusedActError

MAX_STATEMENT_BYTES = 64 * 1024

NOTHING = sha256(b"").hexdigest()

_verifier: Verifier | None = None


def verifier() -> Verifier:
    """Return the one verifier of this process: it remembers used statements."""
    global _verifier
    if _verifier is None:
        _verifier = Verifier(settings.VAULT_ASSERTION_KEY or "")
    return _verifier


@require_GET
def health(request: HttpRequest) -> HttpResponse:
    """Say that the service answers; says nothing else."""
    return JsonResponse({"status": "ok"})


@csrf_exempt
@require_POST
def reveal(request: HttpRequest) -> HttpResponse:
    """Name the people of a signed statement whom its viewer may see."""
    if int(request.headers.get("Content-Length") or 0) > MAX_STATEMENT_BYTES:
        return JsonResponse({"refused": "the statement is too large"}, status=413)
    try:
        asked = verifier().verify(request.body)
    except RefusedAssertionError as error:
        store.audit_reveal(None, revealed=(), refused={}, outcome="forged")
        return JsonResponse({"refused": str(error)}, status=401)
    try:
        practices = policy.check_request(asked)
    except policy.RefusedRevealError as error:
        store.audit_reveal(asked, revealed=(), refused={}, outcome="refused")
        return JsonResponse({"refused": str(error)}, status=403)
    opened = special_access.opened_to(asked, timezone.now())
    known = store.identities(asked.person_nos)
    answer = policy.decide(
        asked,
        practices,
        known,
        opened,
        withheld=watch.withheld((i.person_no, i.nhs_number) for i in known),
    )
    # Written and committed before a single name leaves.
    store.audit_reveal(
        asked,
        revealed=[i.person_no for i in answer.revealed],
        refused=answer.refused,
        outcome=watch.SPECIAL if opened else "revealed",
    )
    return JsonResponse(_body(asked, answer))


@csrf_exempt
@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Do what a signed statement asks; a file may follow it after a line's end.

    The act writes down what it will tell before it answers.
    """
    length = int(request.headers.get("Content-Length") or 0)
    if length > MAX_STATEMENT_BYTES + MAX_CONTENT_BYTES:
        return JsonResponse({"refused": "the file is too large"}, status=413)
    statement, _, content = request.body.partition(b"\n")
    try:
        asked = verifier().verify_asked(statement)
    except RefusedAssertionError as error:
        store.audit_reveal(None, revealed=(), refused={}, outcome="forged")
        return JsonResponse({"refused": str(error)}, status=401)
    try:
        page, do = act_of(asked)
        policy.check_page(asked, page)
        if asked.arguments.get("sha256", NOTHING) != sha256(content).hexdigest():
            raise RefusedActError("the file is not the one that was signed for")
        return JsonResponse(do(asked, content))
    except policy.RefusedRevealError as error:
        refusal, status = str(error), 403
    except (RefusedActError, IndexBusyError) as error:
        refusal, status = str(error), 409
    except OverflowError:
        refusal, status = "there is nothing under so large a number", 409
    store.audit_asked(asked, outcome="refused", reason=refusal)
    return JsonResponse({"refused": refusal}, status=status)


def _body(asked: RevealRequest, answer: policy.Answer) -> dict[str, object]:
    return {
        "revealed": [
            {
                "person_no": i.person_no,
                "nhs_number": i.nhs_number,
                "surname": i.surname,
                "forename": i.forename,
                "born_on": i.born_on.isoformat() if i.born_on else None,
                "address": i.line1,
                "postcode": i.postcode,
            }
            for i in answer.revealed
        ],
        "refused": {str(n): why for n, why in answer.refused.items()},
    }
