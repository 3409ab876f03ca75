"""Organisations, areas, people who sign in, what they may see, and the audit trail."""

from typing import Any, ClassVar

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models

from governance.registers.models import (
    AccessTally,
    LocalObjection,
    OptOutSet,
    RegisterEntry,
    SeenPeople,
)
from governance.sign_in_models import (
    ClientKey,
    SecondFactor,
    SignInTries,
    UsedStatement,
)

__all__ = [
    "AccessTally",
    "ApiToken",
    "Area",
    "AreaLink",
    "AuditEvent",
    "AuditHead",
    "ClientKey",
    "Grant",
    "LocalObjection",
    "OptOutSet",
    "Org",
    "OrgLink",
    "RegisterEntry",
    "Scope",
    "SecondFactor",
    "SeenPeople",
    "SignInTries",
    "UsedStatement",
    "User",
    "UserManager",
]


class Org(models.Model):
    """An organisation of the registered hierarchy, or a provider or council.

    One model for practice, PCN, neighbourhood, place, sub-ICB and ICB, because
    access hangs on it. Codes follow the Organisation Data Service; `ons_code` is the
    code that published series carry for the same organisation, where there is one.
    """

    class Kind(models.TextChoices):
        PRACTICE = "practice"
        PCN = "pcn", "Primary care network"
        NEIGHBOURHOOD = "neighbourhood"
        PLACE = "place"
        SUB_ICB = "sub_icb", "Sub-ICB location"
        ICB = "icb", "Integrated care board"
        TRUST = "trust", "NHS trust"
        COUNCIL = "council", "Council"

    code = models.CharField(max_length=12, primary_key=True)
    kind = models.CharField(max_length=13, choices=Kind.choices)
    name = models.CharField(max_length=200)
    ons_code = models.CharField(max_length=9, blank=True)
    opened_on = models.DateField(null=True)
    closed_on = models.DateField(null=True)
    longitude = models.FloatField(null=True)
    latitude = models.FloatField(null=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class OrgLink(models.Model):
    """Which organisation belonged to which, from when until when.

    A practice joins a PCN, a PCN a neighbourhood (one may span PCNs: then the
    practice's own link to the neighbourhood counts), and so on upwards. Also says
    what replaced a closed code, so that a series across a change stays one series.
    """

    class Kind(models.TextChoices):
        MEMBER = "member"
        SUCCESSOR = "successor"

    child = models.ForeignKey(Org, models.CASCADE, related_name="parents")
    parent = models.ForeignKey(Org, models.CASCADE, related_name="children")
    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.MEMBER)
    start_on = models.DateField(null=True)
    end_on = models.DateField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["child", "parent", "kind", "start_on"], name="one_org_link"
            )
        ]


class Area(models.Model):
    """A statistical or administrative area of the resident hierarchy.

    `outline` holds polygons as [[[lon, lat], …], …], outer rings first, for maps
    drawn as filled shapes. Deprivation is carried by LSOAs only; `traits` holds the
    deciles of its domains and the share of households in fuel poverty.
    """

    class Kind(models.TextChoices):
        LSOA = "lsoa", "LSOA"
        MSOA = "msoa", "MSOA"
        WARD = "ward"
        DISTRICT = "district"
        COUNCIL = "council", "Upper-tier council"

    code = models.CharField(max_length=9, primary_key=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=200)
    vintage = models.PositiveSmallIntegerField()
    imd_rank = models.PositiveIntegerField(null=True)
    imd_decile = models.PositiveSmallIntegerField(null=True)
    is_rural = models.BooleanField(null=True)
    traits = models.JSONField(default=dict)
    outline = models.JSONField(null=True)


class AreaLink(models.Model):
    """Which area lay in which, from when until when; or what replaced it."""

    class Kind(models.TextChoices):
        WITHIN = "within"
        SUCCESSOR = "successor"

    child = models.ForeignKey(Area, models.CASCADE, related_name="parents")
    parent = models.ForeignKey(Area, models.CASCADE, related_name="children")
    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.WITHIN)
    start_on = models.DateField(null=True)
    end_on = models.DateField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["child", "parent", "kind", "start_on"], name="one_area_link"
            )
        ]


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str, **fields: Any) -> "User":
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """Someone who signs in. What they may see hangs on their grants alone."""

    username = models.CharField(max_length=150, unique=True)
    full_name = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True)
    trained_until = models.DateField(null=True)
    # Of a password that somebody else chose: until when it opens the account.
    given_password_until = models.DateTimeField(null=True)
    # An account of a demonstration, refused anywhere else.
    is_demo = models.BooleanField(default=False, db_default=False)
    # How a single sign-on provider names this person: its issuer, a space, its `sub`.
    single_sign_on = models.CharField(max_length=400, null=True, unique=True)

    objects = UserManager()
    USERNAME_FIELD = "username"

    def check_password(self, raw_password: str) -> bool:
        """Say whether a password is right, and never hash it anew.

        Django would write a newer hash at sign-in; the web role may write none before
        its user has signed in, and everyone would be shut out by an upgrade.
        """
        return check_password(raw_password, self.password)


class Grant(models.Model):
    """A role at a place, from when until when. Written by the worker role only.

    `agreement` names the data sharing agreement of a role that works under one.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="grants")
    role = models.CharField(max_length=40)
    org = models.ForeignKey(Org, models.PROTECT)
    start_on = models.DateField()
    end_on = models.DateField(null=True)
    granted_by = models.CharField(max_length=150)
    agreement = models.CharField(max_length=120, blank=True)


class Scope(models.Model):
    """The practices whose people a viewer may see row by row, worked out of grants.

    Row-level security reads it; the web role can read it and never write it.
    """

    user = models.ForeignKey(User, models.CASCADE)
    practice_code = models.CharField(max_length=12)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "practice_code"], name="one_scope_row"
            )
        ]


class ApiToken(models.Model):
    """A partner's key to the API, of which only the SHA-256 digest is kept."""

    user = models.ForeignKey(User, models.CASCADE)
    digest = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=40)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_on = models.DateField()
    # Of a token that a signed statement bought: its minute, place and scopes. Without
    # them it is a demonstration's token.
    expires_at = models.DateTimeField(null=True)
    org_code = models.CharField(max_length=12, blank=True)
    scopes = models.JSONField(default=list)


class AuditEvent(models.Model):
    """One thing that someone did or saw, written before they were answered.

    `persons` counts the people whose rows were read; `subject` names a page, list
    or definition and never a person's identifier. `seq` numbers the rows of one chain
    (`shard`); `digest` is the SHA-256 of the one before it and this row.
    """

    at = models.DateTimeField(auto_now_add=True)
    event = models.CharField(max_length=60)
    user_id = models.IntegerField(null=True)
    role = models.CharField(max_length=40, blank=True)
    purpose = models.CharField(max_length=40, blank=True)
    org_code = models.CharField(max_length=12, blank=True)
    subject = models.CharField(max_length=200)
    persons = models.IntegerField(default=0)
    outcome = models.CharField(max_length=20, default="allowed")
    detail = models.JSONField(default=dict)
    shard = models.SmallIntegerField()
    seq = models.BigIntegerField()
    digest = models.BinaryField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["user_id", "at"])]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shard", "seq"], name="one_link_of_chain")
        ]


class AuditHead(models.Model):
    """The newest row of each chain: its number and digest. The database writes it."""

    shard = models.SmallIntegerField(primary_key=True)
    seq = models.BigIntegerField()
    digest = models.BinaryField()
