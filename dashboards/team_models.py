"""What lies beside the cards: cover, word by e-mail, and who shares a home."""

from typing import ClassVar

from django.db import models


class Cover(models.Model):
    """From one day to another, both included, somebody stands in for a colleague.

    Whoever stands in has the other's cards as well; none changes hands. Nothing is
    deleted: a cover that is ended early says when and by whom.
    """

    org_code = models.CharField(max_length=12)
    away_user = models.IntegerField()
    cover_user = models.IntegerField()
    from_on = models.DateField()
    to_on = models.DateField()
    made_by = models.IntegerField()
    made_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.IntegerField(null=True)

    class Meta:
        db_table = "list_cover"
        indexes: ClassVar = [
            models.Index(fields=["org_code", "to_on"], name="cover_of_a_team")
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(to_on__gte=models.F("from_on")),
                name="cover_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=~models.Q(away_user=models.F("cover_user")),
                name="nobody_covers_themselves",
            ),
        ]


class ListHome(models.Model):
    """People on lists who share a home with others on lists, as at the last release.

    `home_no` is counted anew by every full refresh and means nothing beyond it.
    """

    person_no = models.IntegerField(primary_key=True)
    practice_code = models.CharField(max_length=12)
    home_no = models.IntegerField()

    class Meta:
        db_table = "list_home"
        indexes: ClassVar = [models.Index(fields=["home_no"], name="people_of_a_home")]


class Digest(models.Model):
    """Who wants word of their lists by e-mail, how often, and at which address.

    Each member's own choice, and their own row alone: without one nothing is sent, nor
    before they have opened the link that was sent to the address. `proof` is the
    SHA-256 of what that link holds; it goes with its one use.
    """

    class HowOften(models.TextChoices):
        DAILY = "daily", "Every working day"
        WEEKLY = "weekly", "Every Monday"

    user_id = models.IntegerField(primary_key=True)
    address = models.EmailField(max_length=254)
    how_often = models.CharField(max_length=6, choices=HowOften.choices)
    sent_on = models.DateField(null=True)
    proof = models.CharField(max_length=64, blank=True, db_default="")
    proved_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "list_digest"
