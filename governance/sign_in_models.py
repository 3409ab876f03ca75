"""Tables of signing in: second factors, wrong tries, partners' keys and statements."""

from typing import ClassVar

from django.db import models


def account_name(issuer: str, subject: str) -> str:
    """Return how an account names the person whom a sign-on provider knows."""
    return f"{issuer.rstrip('/')} {subject}"


class SecondFactor(models.Model):
    """What somebody has beside a password: an app's secret, a passkey, a code on paper.

    `sealed` is encrypted with a key of the web process (`governance.second_factor`);
    of a recovery code it is a digest. Postgres shows and gives each viewer their own.
    """

    class Kind(models.TextChoices):
        APP = "app", "Authenticator app"
        PASSKEY = "passkey"
        RECOVERY = "recovery", "Recovery code"

    user = models.ForeignKey("governance.User", models.CASCADE, related_name="factors")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=60)
    sealed = models.BinaryField()
    # The last time step of an app's code, or a passkey's counter: neither goes back.
    counter = models.BigIntegerField(default=0)
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["user", "kind"])]


class SignInTries(models.Model):
    """Wrong tries in a row, for one account or from one address.

    `key` is a digest: somebody may type a password where the user name belongs.
    """

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()
    locked_until = models.DateTimeField(null=True)


class ClientKey(models.Model):
    """A partner's public key, with which its machine signs who it is.

    `jwk` is the public part alone (RFC 7517); `kid` is its thumbprint (RFC 7638).
    """

    user = models.ForeignKey("governance.User", models.CASCADE, related_name="keys")
    kid = models.CharField(max_length=64, unique=True)
    jwk = models.JSONField()
    name = models.CharField(max_length=60)
    made_at = models.DateTimeField()
    ends_on = models.DateField()
    ended_at = models.DateTimeField(null=True)


class UsedStatement(models.Model):
    """A signed statement that was used once, remembered for as long as it lives."""

    digest = models.CharField(max_length=64, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)
