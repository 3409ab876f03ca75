"""Word of the lists by e-mail: counts and a link, and nothing of any person.

Runs as the worker, as each member's own viewer: who may not open the lists today, for
want of training, grant or role, is sent nothing.
"""

import logging
import smtplib
from datetime import date, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q, QuerySet

from dashboards.selectors import digest as selectors
from dashboards.team_models import Digest
from governance import access, audit
from governance.access import Viewer
from governance.models import User

logger = logging.getLogger("catchment.digest")


def send_digests(*, on: date) -> int:
    """Send what is due on a day to whoever chose it, once; returns how many went.

    Safe to repeat: a day's word is sent by whichever run marks it first. What the mail
    server refuses is unmarked, for the next run to try again.
    """
    if not settings.MAIL_IS_SET_UP:
        return 0
    return sum(_send(chosen, on) for chosen in _due(on))


def _due(on: date) -> QuerySet[Digest]:
    """Who has not had today's, or this week's: a Monday missed is made good after.

    At an address that they have proved to be theirs.
    """
    monday = on - timedelta(days=on.weekday())
    weekly = Q(how_often=Digest.HowOften.WEEKLY)
    unsent = Q(sent_on=None)
    return Digest.objects.filter(proved_at__isnull=False).filter(
        (weekly & (unsent | Q(sent_on__lt=monday)))
        | (~weekly & (unsent | Q(sent_on__lt=on)))
    )


def _send(chosen: Digest, on: date) -> bool:
    told = _told(_viewer_of(chosen.user_id))
    if told is None:
        return False
    viewer, words = told
    mine = Digest.objects.filter(pk=chosen.pk)
    if not mine.filter(Q(sent_on=None) | Q(sent_on__lt=on)).update(sent_on=on):
        return False
    audit.record("digest_sent", viewer, subject="digest", lists=len(words.lists))
    if not post(words.subject, words.text, chosen.address):
        mine.update(sent_on=chosen.sent_on)
        return False
    return True


def post(subject: str, text: str, address: str) -> bool:
    """Hand one message to the mail server; whether it was taken."""
    try:
        EmailMessage(subject, text, to=[address]).send()
    except (smtplib.SMTPException, OSError) as error:
        # The error's own words name the address.
        logger.warning("a message was not taken: %s", type(error).__name__)
        return False
    return True


def _viewer_of(user_id: int) -> Viewer | None:
    user = User.objects.filter(pk=user_id, is_active=True).first()
    viewer = access.viewer_for(user) if user else None
    return viewer if viewer and viewer.may_open("worklist") else None


def _told(viewer: Viewer | None) -> tuple[Viewer, selectors.Words] | None:
    """What a member is told, of the release that their purpose is shown."""
    if viewer is None:
        return None
    with access.scoped(viewer):
        words = selectors.of_member(viewer)
    return (viewer, words) if words else None
