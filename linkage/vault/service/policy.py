"""The vault's own decision on a reveal: it believes the signature, not the claim.

The web says who asks and why. The vault looks up for itself whether that user holds
that role at that place today, whether the role reveals for that purpose, and, for
each person, whether they are alive, registered within the viewer's practices, and
not opted out of that purpose.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from governance import decisions
from governance.access import ACCESS, live_grants, practices_under
from governance.models import Scope, User
from governance.registers import selectors as registers
from linkage.assertions import REASONS, Asked, RevealRequest
from linkage.vault.store import Identity

WORDS = {
    "reveal": "reveal",
    "linkage_review": "review links",
    "import_list": "link lists",
    "special_access": "ask for special access",
    "approve_access": "approve special access",
    "deliver": "deliver files",
    "decide_feed": "decide about deliveries",
    "access_review": "review reveals",
}


class RefusedRevealError(PermissionError):
    """A reveal that the vault will not make for anyone on it; says why."""


@dataclass(frozen=True)
class Answer:
    """Who may be named, and for the others why not (by person_no)."""

    revealed: list[Identity]
    refused: dict[int, str]


def check_request(request: RevealRequest) -> frozenset[str]:
    """Return the practices whose people this request may name, or refuse it whole."""
    if request.reason not in REASONS:
        raise RefusedRevealError("a reason from the list is needed")
    if not 1 <= len(request.person_nos) <= settings.REVEAL_MAX_PERSONS:
        raise RefusedRevealError(
            f"between 1 and {settings.REVEAL_MAX_PERSONS} people at a time"
        )
    user = check_page(request, "reveal")
    today = timezone.localdate()
    # The place of this grant alone: another grant's people are not named under this
    # one. The scope is read from the store's table that the web role cannot write.
    scope = Scope.objects.filter(user=user).values_list("practice_code", flat=True)
    return practices_under(request.org_code, today) & frozenset(scope)


def check_page(request: RevealRequest | Asked, page: str) -> User:
    """Return the user who asks, if they hold the role here today and it opens `page`.

    The vault looks all of it up for itself.
    """
    user = User.objects.filter(pk=request.viewer_id, is_active=True).first()
    if user is None:
        raise RefusedRevealError("no such user")
    today = timezone.localdate()
    if user.trained_until is None or user.trained_until < today:
        raise RefusedRevealError("training has lapsed or is not on record")
    role = ACCESS.roles.get(request.role)
    held = any(
        g.role == request.role and g.org_id == request.org_code
        for g in live_grants(user, today)
    )
    if role is None or not held:
        raise RefusedRevealError("the user does not hold this role here today")
    standing = registers.standing(ACCESS, request.purpose, today)
    if page not in role.pages or request.purpose not in role.purposes:
        raise RefusedRevealError(f"this role does not {WORDS[page]} for this purpose")
    decision = decisions.page(ACCESS, standing, request.role, request.purpose, page)
    if not decision:
        raise RefusedRevealError(decision.why)
    return user


def decide(
    request: RevealRequest,
    practices: frozenset[str],
    identities: Iterable[Identity],
    opened: Collection[int] = (),
    withheld: Collection[int] = (),
) -> Answer:
    """Decide person by person; a person the vault does not know is refused too.

    opened: people whom this viewer has special access to at this moment. withheld:
    people whose details are withheld nationally; nothing opens them.
    """
    known = {identity.person_no: identity for identity in identities}
    honoured = registers.book().honoured(
        ACCESS, registers.use_of_rows(request.purpose), timezone.localdate()
    )
    revealed, refused = [], {}
    for person_no in request.person_nos:
        identity = known.get(person_no)
        why = _refusal(practices, honoured, identity, person_no in opened)
        if person_no in withheld:
            why = "is never named: the details are withheld nationally"
        if why is None and identity is not None:
            revealed.append(identity)
        else:
            refused[person_no] = why or "not known"
    return Answer(revealed, refused)


def _refusal(
    practices: frozenset[str],
    honoured: frozenset[str],
    identity: Identity | None,
    is_opened: bool,
) -> str | None:
    if identity is None:
        return "not known"
    # Special access stands for the relationship that is missing, and for nothing else.
    if not is_opened:
        if identity.died_on is not None:
            return "has died"
        if identity.practice_code is None:
            return "is no longer registered"
        if identity.practice_code not in practices:
            return "is not registered with your practices"
    if ("type1" in honoured and identity.type1_opt_out) or (
        "national" in honoured and identity.national_opt_out
    ):
        return "has opted out of this use"
    return None
