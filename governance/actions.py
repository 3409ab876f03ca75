"""Every write of governance: who may sign in, with which role, where, until when.

Run as the worker role; the web role can write none of it.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from governance import audit
from governance.access import ACCESS, refresh_scope
from governance.models import (
    ApiToken,
    Grant,
    Org,
    SecondFactor,
    SignInTries,
    UsedStatement,
    User,
)
from governance.sign_in_models import account_name


class RefusedGrantError(ValueError):
    """A grant that the access definition does not allow; says why."""


@transaction.atomic
def create_user(
    *,
    username: str,
    full_name: str,
    password: str | None,
    trained_until: date | None,
    by: str,
    is_demo: bool = False,
    until: datetime | None = None,
) -> User:
    """Make or renew an account. It can see nothing until a role is granted.

    Without a password it is opened by single sign-on alone. `until`: when a password
    that its owner must change opens the account no more. ValidationError for one that
    is short, common or made of the user's name.
    """
    if password is not None:
        validate_password(password, User(username=username, full_name=full_name))
    user = User.objects.filter(username=username).first()
    if user is None:
        user = User.objects.create_user(
            username,
            password,
            full_name=full_name,
            trained_until=trained_until,
            is_demo=is_demo,
            given_password_until=until,
        )
    else:
        user.set_password(password)
        user.full_name, user.trained_until = full_name, trained_until
        user.is_demo, user.given_password_until = is_demo, until
        user.save()
    audit.record("user_saved", None, subject=username, by=by)
    return user


@transaction.atomic
def grant_role(
    *,
    user: User,
    role: str,
    org: Org,
    start_on: date,
    end_on: date | None,
    by: str,
    agreement: str = "",
) -> Grant:
    """Give a role at a place. Refused for a role unknown or a place above its level.

    `agreement` names the one that the role works under, where it needs one; the role
    gives nothing while that is not in force.
    """
    if role not in ACCESS.granted:
        raise RefusedGrantError(f"There is no role {role!r} in governance/roles.yaml.")
    level = ACCESS.roles[role].level
    if org.kind != level:
        raise RefusedGrantError(
            f"The role {role} is granted at a {level}, and {org.code} is a {org.kind}."
        )
    grant, _ = Grant.objects.update_or_create(
        user=user,
        role=role,
        org=org,
        defaults={
            "start_on": start_on,
            "end_on": end_on,
            "granted_by": by,
            "agreement": agreement,
        },
    )
    # As things stand today: a grant that ends today shows nobody from now on.
    practices = refresh_scope(user, timezone.localdate())
    audit.record(
        "role_granted",
        None,
        subject=user.username,
        granted=role,
        org=org.code,
        agreement=agreement,
        practices_in_scope=practices,
        by=by,
    )
    return grant


@transaction.atomic
def end_grants(
    *, user: User, by: str, role: str | None = None, org_code: str | None = None
) -> int:
    """End a user's grants today: all, or those of a role at a place; returns how many.

    One that would begin later never begins.
    """
    today = timezone.localdate()
    found = Grant.objects.filter(user=user).exclude(end_on__lte=today)
    if role is not None:
        found = found.filter(role=role)
    if org_code is not None:
        found = found.filter(org_id=org_code)
    ended = found.update(end_on=today)
    refresh_scope(user, today)
    audit.record(
        "grants_ended",
        None,
        subject=user.username,
        granted=role,
        org=org_code,
        ended=ended,
        by=by,
    )
    return ended


@transaction.atomic
def close_account(*, user: User, by: str) -> None:
    """Close an account for good: nobody signs in to it, nothing of it stays open.

    Its rows stay, for the trail names them.
    """
    end_grants(user=user, by=by)
    ApiToken.objects.filter(user=user).delete()
    user.is_active, user.single_sign_on = False, None
    # Every session holds a digest of the password it began with.
    user.set_unusable_password()
    user.save(update_fields=["is_active", "single_sign_on", "password"])
    audit.record("account_closed", None, subject=user.username, by=by)


@transaction.atomic
def set_password(*, user: User, password: str, until: datetime, by: str) -> None:
    """Give an account another password, which ends every session of it.

    Its owner must change it, before `until`. ValidationError as in `create_user`.
    """
    validate_password(password, user)
    user.set_password(password)
    user.given_password_until = until
    user.save(update_fields=["password", "given_password_until"])
    audit.record("password_set", None, subject=user.username, by=by)


@transaction.atomic
def renew_scopes(*, on: date) -> int:
    """Work every user's scope out anew, since grants begin and end by date.

    Returns how many users there are.
    """
    users = list(User.objects.all())
    for user in users:
        refresh_scope(user, on)
    return len(users)


@dataclass(frozen=True)
class NewToken:
    """A token as shown once, at its making; only its digest is kept."""

    secret: str = field(repr=False)
    expires_on: date


@transaction.atomic
def issue_token(
    *, user: User, purpose: str, today: date, days: int, by: str
) -> NewToken:
    """Issue an API token for one purpose; earlier tokens of the user end."""
    ApiToken.objects.filter(user=user).delete()
    secret = secrets.token_urlsafe(32)
    expires_on = today + timedelta(days=days)
    ApiToken.objects.create(
        user=user,
        purpose=purpose,
        digest=token_digest(secret),
        expires_on=expires_on,
    )
    audit.record("token_issued", None, subject=user.username, by=by)
    return NewToken(secret, expires_on)


@transaction.atomic
def forget_spent(*, now: datetime) -> int:
    """Forget sessions, bought tokens, statements and tries that ended a day ago.

    Returns how many rows. Nothing of it opens anything any more.
    """
    then = now - timedelta(days=1)
    ended = (
        Session.objects.filter(expire_date__lt=then),
        ApiToken.objects.filter(expires_at__lt=then),
        UsedStatement.objects.filter(expires_at__lt=then),
        SignInTries.objects.filter(last_at__lt=then),
    )
    return sum(rows.delete()[0] for rows in ended)


@transaction.atomic
def link_single_sign_on(*, user: User, issuer: str, subject: str, by: str) -> None:
    """Let a person of a single sign-on provider sign in to an account.

    `subject` is the provider's `sub`. IntegrityError where another account has it.
    """
    user.single_sign_on = account_name(issuer, subject)
    user.save(update_fields=["single_sign_on"])
    audit.record("single_sign_on_linked", None, subject=user.username, by=by)


@transaction.atomic
def forget_second_factors(*, user: User, by: str) -> int:
    """Take every second factor of somebody who has lost theirs; returns how many."""
    gone, _ = SecondFactor.objects.filter(user=user).delete()
    audit.record("second_factors_forgotten", None, subject=user.username, by=by)
    return gone


def token_digest(secret: str) -> str:
    """Return the SHA-256 of a token: 32 random bytes need no slower hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
