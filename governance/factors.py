"""Somebody's second factors: what there is, checking one, adding and taking away.

Rows are shown and written under the policies of Postgres: those of `app.viewer_id`
alone. While somebody has given a right password and not yet their second factor,
`looking_after` opens theirs and nothing else of them is asked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction
from fido2.webauthn import AttestedCredentialData

from governance import audit
from governance.access import Viewer
from governance.models import SecondFactor, User
from governance.second_factor import (
    new_recovery_codes,
    recovery_digest,
    seal,
    step_of,
    unseal,
)

Kind = SecondFactor.Kind
MOST_OF_A_KIND = 5


class RefusedFactorError(ValueError):
    """A second factor that is not right, or may not be added; says why."""


@contextmanager
def looking_after(user: User) -> Iterator[None]:
    """A transaction in which Postgres shows this user's own rows."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('app.viewer_id', %s, true)", [str(user.pk)]
            )
        yield


def of(user: User) -> list[SecondFactor]:
    """Return the user's factors, oldest first, codes on paper last."""
    found = SecondFactor.objects.filter(user=user).order_by("made_at", "pk")
    return sorted(found, key=lambda factor: factor.kind == Kind.RECOVERY)


def passkeys_of(user: User) -> list[AttestedCredentialData]:
    """Return the user's passkeys, as the WebAuthn server compares them."""
    rows = SecondFactor.objects.filter(user=user, kind=Kind.PASSKEY)
    return [AttestedCredentialData(unseal(bytes(r.sealed), user.pk)) for r in rows]


def take_code(user: User, code: str, now: datetime) -> str:
    """Use up an app's code or a code on paper; returns its kind. RefusedFactorError."""
    for factor in SecondFactor.objects.select_for_update().filter(
        user=user, kind=Kind.APP
    ):
        secret = unseal(bytes(factor.sealed), user.pk)
        step = step_of(secret, code, now=now.timestamp(), after=factor.counter)
        if step is not None:
            factor.counter, factor.used_at = step, now
            factor.save(update_fields=["counter", "used_at"])
            return str(Kind.APP)
    spent, _ = SecondFactor.objects.filter(
        user=user, kind=Kind.RECOVERY, sealed=recovery_digest(code, user.pk)
    ).delete()
    if spent:
        return str(Kind.RECOVERY)
    raise RefusedFactorError("The code is not right, or was used before.")


def take_passkey(user: User, credential_id: bytes, counter: int, now: datetime) -> str:
    """Note the use of a passkey whose signature was right. RefusedFactorError.

    A counter that goes back says that the key was copied (WebAuthn 7.2, step 22).
    """
    for factor in SecondFactor.objects.select_for_update().filter(
        user=user, kind=Kind.PASSKEY
    ):
        known = AttestedCredentialData(unseal(bytes(factor.sealed), user.pk))
        if known.credential_id != credential_id:
            continue
        if counter and counter <= factor.counter:
            raise RefusedFactorError("This passkey looks like a copy. Use another way.")
        factor.counter, factor.used_at = counter, now
        factor.save(update_fields=["counter", "used_at"])
        return str(Kind.PASSKEY)
    raise RefusedFactorError("The passkey is not known here.")


def add(
    user: User,
    *,
    kind: str,
    name: str,
    secret: bytes,
    now: datetime,
    by: Viewer,
    counter: int = 0,
) -> None:
    """Add an app or a passkey. RefusedFactorError where there are enough of them."""
    held = SecondFactor.objects.filter(user=user, kind=kind).count()
    if held >= MOST_OF_A_KIND:
        raise RefusedFactorError("Take one away before you add another.")
    SecondFactor.objects.create(
        user=user,
        kind=kind,
        name=name.strip()[:60] or Kind(kind).label,
        sealed=seal(secret, user.pk),
        counter=counter,
        made_at=now,
    )
    audit.record("second_factor_added", by, subject="security", kind=kind)


def renew_recovery_codes(user: User, *, now: datetime, by: Viewer) -> list[str]:
    """Make new codes for paper; the old ones open nothing any more."""
    SecondFactor.objects.filter(user=user, kind=Kind.RECOVERY).delete()
    codes = new_recovery_codes()
    SecondFactor.objects.bulk_create(
        SecondFactor(
            user=user,
            kind=Kind.RECOVERY,
            name=f"Code {number}",
            sealed=recovery_digest(code, user.pk),
            made_at=now,
        )
        for number, code in enumerate(codes, start=1)
    )
    audit.record("recovery_codes_made", by, subject="security", codes=len(codes))
    return codes


def remove(user: User, factor_id: int, *, by: Viewer) -> None:
    """Take an app or passkey away; with the last of them go the codes on paper."""
    SecondFactor.objects.filter(user=user, pk=factor_id).delete()
    if not SecondFactor.objects.filter(user=user).exclude(kind=Kind.RECOVERY).exists():
        SecondFactor.objects.filter(user=user).delete()
    audit.record("second_factor_removed", by, subject="security")
