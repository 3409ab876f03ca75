"""Whose an address is: a link is sent to it, and its member opens it, once.

The worker makes the link and keeps a digest of it; the web, where the member is signed
in, knows it again. Nothing that was read before in the mailbox opens anything later.
"""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from dashboards.actions.cards import RefusedDecisionError
from dashboards.actions.digests import post
from dashboards.team_models import Digest
from governance import audit
from governance.access import Viewer

LASTS = timedelta(hours=24)
SALT = "address for word of lists"
SUBJECT = "Is this your address?"
REFUSED = "This link proves nothing any more. Keep your choice again for a new one."


def send_proof(*, user_id: int) -> bool:
    """Send a member the link that proves their address, as the worker; whether it went.

    Each makes the one before useless. None is sent to an address that is proved.
    """
    chosen = Digest.objects.filter(user_id=user_id, proved_at=None).first()
    if chosen is None or not settings.MAIL_IS_SET_UP:
        return False
    secret = secrets.token_urlsafe(24)
    mine = Digest.objects.filter(pk=user_id, address=chosen.address, proved_at=None)
    if not mine.update(proof=_digest(secret)):
        return False  # another address was chosen meanwhile, and is sent its own
    audit.record("digest_proof_sent", None, subject="digest", user=user_id)
    link = reverse("digest-proof", args=[signing.dumps([user_id, secret], salt=SALT)])
    text = (
        "Somebody asked for word of their lists to be sent to this address. If it was"
        f" you, open this within {LASTS.total_seconds() / 3600:.0f} hours, signed in:\n"
        f"\n{settings.PUBLIC_ADDRESS}{link}\n\n"
        "If it was not you, do nothing: nothing else is sent."
    )
    return post(SUBJECT, text, chosen.address)


@transaction.atomic
def prove(*, link: str, by: Viewer) -> Digest:
    """Take a link that was sent to the viewer's own address for its proof, once."""
    try:
        user_id, secret = signing.loads(link, salt=SALT, max_age=LASTS)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise RefusedDecisionError(REFUSED) from error
    found = Digest.objects.filter(user_id=by.user_id, proof=_digest(str(secret)))
    if user_id != by.user_id or not found.update(proof="", proved_at=timezone.now()):
        raise RefusedDecisionError(REFUSED)
    audit.record("digest_address_proved", by, subject="digest")
    return Digest.objects.get(user_id=by.user_id)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
