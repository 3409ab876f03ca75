"""Passwords: one's own to change, and given ones, which do not last.

A password that an operator gave is known to two people and lies on paper or in a
message. It opens the account for some days (`GIVEN_PASSWORD_DAYS`), and then nothing
but the page on which its owner chooses another. The web may write a password and this
date of the viewer's own account alone (a trigger in migration 0012).
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from governance import audit
from governance.access import Viewer
from governance.models import User


def given_until(now: datetime) -> datetime:
    """Return until when a password that is given now opens its account."""
    return now + timedelta(days=settings.GIVEN_PASSWORD_DAYS)


def must_change(user: User) -> bool:
    """Whether somebody else chose the password."""
    return user.given_password_until is not None


def has_lapsed(user: User, now: datetime) -> bool:
    """Whether a password that somebody else chose was not changed in time."""
    until = user.given_password_until
    return until is not None and until <= now


@transaction.atomic
def change_own(*, user: User, new: str, by: Viewer) -> None:
    """Give oneself another password: every session with the old one ends.

    ValidationError where it is short, common, made of the user's name, or the old one.
    The caller has checked the old one, and sets the viewer's scope.
    """
    if user.check_password(new):
        raise ValidationError("That is the password you have. Choose another.")
    validate_password(new, user)
    audit.record("password_changed", by, subject="security")
    user.set_password(new)
    user.given_password_until = None
    user.save(update_fields=["password", "given_password_until"])
