"""The vault's tables of human judgement: reviews, relinks, special access, epochs."""

from typing import ClassVar

from django.db import models
from django.utils import timezone


class ReviewPair(models.Model):
    """A record and a person whom the rules could neither join nor keep apart.

    `other_subject_key` is the record that stands for the person, so that a judgement
    is about two records and outlives any change of links. `facts` is how many facts of
    the store hang on the record: the queue's order. `needs` reviewers must agree.
    """

    class State(models.TextChoices):
        OPEN = "open"
        SECOND = "second", "Waits for a second reviewer"
        LINK = "link", "The same person"
        NOT_LINK = "not_link", "Two people"
        UNSURE = "unsure", "Nobody could say"
        DISAGREED = "disagreed", "Reviewers disagree"
        WITHDRAWN = "withdrawn", "Settled without a review"

    subject_key = models.BigIntegerField()
    other_subject_key = models.BigIntegerField(db_index=True)
    weight = models.FloatField(null=True)
    why = models.TextField()
    two_numbers = models.BooleanField(default=False)
    raised_version = models.IntegerField()
    raised_at = models.DateTimeField(default=timezone.now)
    facts = models.IntegerField(default=0)
    needs = models.SmallIntegerField(default=1)
    state = models.TextField(choices=State.choices, default=State.OPEN)
    settled_version = models.IntegerField(null=True)

    class Meta:
        db_table = "review_pair"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject_key", "other_subject_key"], name="one_review_pair"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["state", "facts"])]


class Judgement(models.Model):
    """What one reviewer said of one pair: append-only, by grant."""

    class Verdict(models.TextChoices):
        LINK = "link"
        NOT_LINK = "not_link"
        UNSURE = "unsure"

    pair = models.ForeignKey(ReviewPair, models.PROTECT, related_name="judgements")
    reviewer_id = models.IntegerField()
    verdict = models.TextField(choices=Verdict.choices)
    reason = models.TextField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "judgement"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["pair", "reviewer_id"], name="one_judgement_each"
            )
        ]


class Relink(models.Model):
    """A relinking of everything, as proposed: what would change, by kind, in counts.

    `sample` shows changes by feed, rule and numbers of records: no identifier.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed"
        ACCEPTED = "accepted"
        REFUSED = "refused"

    made_at = models.DateTimeField(default=timezone.now)
    by = models.TextField()
    model = models.TextField()
    index_version = models.IntegerField()
    counts = models.JSONField(default=dict)
    sample = models.JSONField(default=list)
    state = models.TextField(choices=State.choices, default=State.PROPOSED)
    decided_by = models.TextField(blank=True)
    accepted_version = models.IntegerField(null=True)

    class Meta:
        db_table = "relink"


class RelinkMove(models.Model):
    """A record that a proposed relinking would give to another person.

    Where several records go to somebody new, they share a negative `to_no`.
    """

    pk = models.CompositePrimaryKey("relink_id", "subject_key")
    relink_id = models.IntegerField()
    subject_key = models.BigIntegerField()
    from_no = models.IntegerField()
    to_no = models.IntegerField()
    rule = models.TextField()

    class Meta:
        db_table = "relink_move"


class BreakGlass(models.Model):
    """A request to name people outside the usual relationship, for an hour.

    Nobody approves their own. Without an approval, or after it has run out, it opens
    nothing.
    """

    viewer_id = models.IntegerField()
    role = models.TextField()
    org_code = models.TextField()
    person_no = models.IntegerField()
    reason = models.TextField()
    asked_at = models.DateTimeField(default=timezone.now)
    approved_by = models.IntegerField(null=True)
    refused_by = models.IntegerField(null=True)
    approved_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "break_glass"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="nobody_approves_their_own",
                condition=~models.Q(approved_by=models.F("viewer_id")),
            )
        ]


class PseudonymEpoch(models.Model):
    """Since when a recipient's pseudonyms for one purpose are of which epoch."""

    pk = models.CompositePrimaryKey("recipient", "purpose", "epoch")
    recipient = models.TextField()
    purpose = models.TextField()
    epoch = models.SmallIntegerField()
    begun_at = models.DateTimeField(default=timezone.now)
    by = models.TextField()

    class Meta:
        db_table = "pseudonym_epoch"
