"""The vault's tables of who was named, who must never be, and who works here."""

from django.db import models


class WithheldNumber(models.Model):
    """Somebody whose details are withheld nationally (the Spine's S flag).

    `number_key` is a blind key of the NHS number under the vault's key: it answers
    whether, and tells nobody who.
    """

    number_key = models.BigIntegerField(primary_key=True)

    class Meta:
        db_table = "withheld_number"


class StaffMember(models.Model):
    """Somebody who signs in, as blind keys: enough to see that they looked at a record
    of their own, of a namesake or of somebody at their address.
    """

    user_id = models.IntegerField(primary_key=True)
    number_key = models.BigIntegerField(null=True, db_index=True)
    surname_key = models.BigIntegerField(null=True)
    address_key = models.BigIntegerField(null=True)

    class Meta:
        db_table = "staff_member"


class RevealEvent(models.Model):
    """Who asked the vault to name whom, and what it answered: append-only, by grant."""

    at = models.DateTimeField(auto_now_add=True)
    viewer_id = models.IntegerField(null=True)
    role = models.TextField(blank=True)
    purpose = models.TextField(blank=True)
    org_code = models.TextField(blank=True)
    programme = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    outcome = models.TextField()
    revealed = models.JSONField(default=list)
    refused = models.JSONField(default=dict)

    class Meta:
        db_table = "reveal_event"
