"""Wrong tries in a row close an account's door, and an address's, for a while.

A try takes the counter's row before the password is looked at and keeps it until the
request ends: tries on one account come one after the other, however many are sent at
once. Unknown user names are counted like known ones.
"""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from governance.models import SignInTries

# After so many wrong tries in a row on one account, and from one address: a practice's
# people share one, so its limit is there against trying one password on many accounts.
MOST_WRONG = {"account": 5, "address": 60}
LOCKED = timedelta(minutes=15)


class LockedError(PermissionError):
    """Too many wrong tries; says when the next may be made."""

    def __init__(self, until: datetime) -> None:
        super().__init__("Too many wrong tries. Wait 15 minutes, then try again.")
        self.until = until


def keys_of(username: str, address: str) -> list[tuple[str, str]]:
    """Return what a try is counted under: (kind, digest)."""
    return [
        (kind, _digest(kind, words))
        for kind, words in (("account", username.strip().lower()), ("address", address))
        if words
    ]


def address_of(request: HttpRequest) -> str:
    """Return whence a request comes: as the outermost proxy of ours saw it.

    What a caller writes into the header itself stands further left and is not read.
    """
    hops = request.headers.get("X-Forwarded-For", "").split(",")
    if settings.PROXIES and len(hops) >= settings.PROXIES:
        return hops[-settings.PROXIES].strip()[:64]
    return str(request.META.get("REMOTE_ADDR", ""))


def begin(keys: Iterable[tuple[str, str]], now: datetime) -> None:
    """Take the account's counter for a try. LockedError while a door is closed.

    An address's counter is only looked at: a hospital's people share one, and must not
    wait for each other.
    """
    for kind, key in keys:
        found = _taken(key, now) if kind == "account" else _looked_at(key)
        if found is not None and found > now:
            raise LockedError(found)


def wrong(keys: Iterable[tuple[str, str]], now: datetime) -> bool:
    """Count a wrong try; returns whether it closed a door."""
    closed = False
    for kind, key in keys:
        _taken(key, now)
        tries = SignInTries.objects.get(pk=key)
        tries.failures += 1
        if tries.failures >= MOST_WRONG[kind]:
            tries.failures, tries.locked_until = 0, now + LOCKED
            closed = True
        tries.save()
    return closed


def _taken(key: str, now: datetime) -> datetime | None:
    """Hold a counter's row until the request ends; returns until when it is closed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO governance_signintries AS t (key, failures, last_at)"
            " VALUES (%s, 0, %s) ON CONFLICT (key) DO UPDATE SET last_at = %s,"
            " failures = CASE WHEN t.last_at < %s THEN 0 ELSE t.failures END"
            " RETURNING locked_until",
            [key, now, now, now - LOCKED],
        )
        until: datetime | None = cursor.fetchone()[0]
    return until


def _looked_at(key: str) -> datetime | None:
    found = SignInTries.objects.filter(pk=key).values_list("locked_until", flat=True)
    return found.first()


def right(keys: Iterable[tuple[str, str]]) -> None:
    """Forget the account's wrong tries; an address's stay, others may be trying."""
    known = [key for kind, key in keys if kind == "account"]
    SignInTries.objects.filter(pk__in=known).delete()


def _digest(kind: str, words: str) -> str:
    secret = settings.SECRET_KEY.encode()
    return hmac.digest(secret, f"{kind}|{words}".encode(), hashlib.sha256).hex()
