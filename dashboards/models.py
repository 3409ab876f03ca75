"""Worklists as released, and what a team decided and did: the loop's memory."""

from typing import ClassVar

from django.db import models

from dashboards.access_models import SpecialAccessLook
from dashboards.research_models import ResearchExtract, ResearchOutput
from dashboards.rights_models import (
    RightsErasure,
    RightsPack,
    RightsRequest,
    RightsStep,
    RightsSubject,
)
from dashboards.team_models import Cover, Digest, ListHome

__all__ = [
    "Allocation",
    "Card",
    "CardEvent",
    "Cover",
    "Decision",
    "Digest",
    "Intervention",
    "ListEntry",
    "ListHome",
    "ListPlaces",
    "ListRun",
    "ListVisit",
    "Outcome",
    "ProgrammeTally",
    "ResearchExtract",
    "ResearchOutput",
    "RightsErasure",
    "RightsPack",
    "RightsRequest",
    "RightsStep",
    "RightsSubject",
    "SpecialAccessLook",
]


class ListRun(models.Model):
    """One making of one list from one release, with its counts by rule."""

    programme = models.CharField(max_length=60)
    release_id = models.IntegerField()
    made_at = models.DateTimeField(auto_now_add=True)
    spec_hash = models.CharField(max_length=64)
    people = models.IntegerField()
    # Why there is no list: what the release does not hold. Empty where there is one.
    not_made = models.CharField(max_length=300, blank=True)
    # {rule: {practice_code: serialised roaring bitmap in base64}} of those left out:
    # the persons behind each count, as disclosure control asks for them.
    left_out = models.JSONField(default=dict)
    # Of a delta: over which full release's entries its own lie, and whose of those
    # count no more, as a serialised roaring bitmap. None: its own are all.
    over = models.IntegerField(null=True)
    gone = models.BinaryField(default=bytes)

    class Meta:
        db_table = "list_run"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["programme", "release_id"], name="one_run_per_list"
            )
        ]


class ListEntry(models.Model):
    """A person on a programme's list in one release: why, and in which order.

    `reasons`, `known`, `needs` and `changed` are sentences. `first_release` is the
    release since which the person has been on the list without a break. Rows belong
    to a release, so that publishing it flips the list with everything else.
    """

    programme = models.CharField(max_length=60)
    person_no = models.IntegerField()
    practice_code = models.CharField(max_length=12)
    pcn_code = models.CharField(max_length=12)
    release_id = models.IntegerField()
    first_release = models.IntegerField()
    rank = models.IntegerField()
    probability = models.FloatField(null=True)
    reasons = models.JSONField()
    known = models.JSONField(default=list)
    needs = models.JSONField(default=list)
    changed = models.JSONField(default=list)
    next_step = models.CharField(max_length=60)
    # What the order goes by, in words, where it is a number and not a chance.
    order_words = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "list_entry"
        indexes: ClassVar = [
            models.Index(
                fields=["release_id", "practice_code", "programme"],
                name="list_entry_of_a_team",
            )
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["programme", "release_id", "person_no"],
                name="one_entry_per_person",
            )
        ]


class ListPlaces(models.Model):
    """The order of one network's list in a delta: person numbers, 4 bytes each.

    An entry that stands in the full release beneath keeps the rank it had there.
    """

    programme = models.CharField(max_length=60)
    release_id = models.IntegerField()
    pcn_code = models.CharField(max_length=12)
    people = models.BinaryField()

    class Meta:
        db_table = "list_places"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["release_id", "programme", "pcn_code"], name="one_order"
            )
        ]


class Decision(models.Model):
    """What a team decided about a person on a list: undone by another, not changed."""

    class Choice(models.TextChoices):
        ACCEPT = "accept"
        DECLINE = "decline", "Not suitable"
        ALREADY_KNOWN = "already_known", "Already known"
        LATER = "later"
        UNDO = "undo"

    programme = models.CharField(max_length=60)
    person_no = models.IntegerField()
    practice_code = models.CharField(max_length=12)
    release_id = models.IntegerField()
    choice = models.CharField(max_length=13, choices=Choice.choices)
    reason = models.CharField(max_length=40)
    note = models.CharField(max_length=500, blank=True)
    # The reasons that stood on the card, by their texts as the definition had them.
    because = models.JSONField(default=list, db_default=[])
    decided_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.IntegerField()
    undoes = models.OneToOneField("self", models.PROTECT, null=True)

    class Meta:
        db_table = "decision"
        indexes: ClassVar = [
            models.Index(fields=["programme", "person_no"]),
            models.Index(
                fields=["practice_code", "programme", "decided_at"],
                name="decision_of_a_team",
            ),
        ]


class Intervention(models.Model):
    """What was offered after a decision to accept, and how it went."""

    class State(models.TextChoices):
        OFFERED = "offered"
        DONE = "done"
        REFUSED = "refused"
        CANCELLED = "cancelled"

    decision = models.OneToOneField(Decision, models.PROTECT)
    person_no = models.IntegerField()
    practice_code = models.CharField(max_length=12)
    kind = models.CharField(max_length=60)
    # The clinical code suggested for writing it back; empty where there is none.
    code = models.CharField(max_length=20, blank=True)
    done_by = models.IntegerField(null=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.OFFERED)
    due_on = models.DateField()
    done_on = models.DateField(null=True)
    # The outcome measures as they stood when it was decided, to compare with later.
    baseline = models.JSONField(default=dict)

    class Meta:
        db_table = "intervention"


class Outcome(models.Model):
    """A measure of a person after an intervention, written by a later release."""

    intervention = models.ForeignKey(Intervention, models.CASCADE)
    person_no = models.IntegerField()
    practice_code = models.CharField(max_length=12)
    measure = models.CharField(max_length=80)
    release_id = models.IntegerField()
    measured_on = models.DateField()
    before = models.FloatField(null=True)
    after = models.FloatField(null=True)

    class Meta:
        db_table = "outcome"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["intervention", "measure", "release_id"], name="one_outcome"
            )
        ]


class ListVisit(models.Model):
    """When a viewer last opened a list, so that "new since your last visit" is true.

    `release_id` is the release they saw last; `before_release` the one they had seen
    before it (0: none), so that who is new stays marked until the next release comes.
    """

    user_id = models.IntegerField()
    programme = models.CharField(max_length=60)
    visited_at = models.DateTimeField()
    release_id = models.IntegerField()
    before_release = models.IntegerField(default=0)

    class Meta:
        db_table = "list_visit"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user_id", "programme"], name="one_visit_per_list"
            )
        ]


class Card(models.Model):
    """Where the work on one person of a list stands: the sum of its events.

    `version` counts the events; whoever writes says which version they had seen. Who
    wants no contact by a programme (NONE) is on none of its lists until that is taken
    back here.
    """

    class Preference(models.TextChoices):
        PHONE = "phone", "By telephone"
        LETTER = "letter", "By letter"
        TEXT = "text", "By text message"
        VISIT = "visit", "In person"
        CARER = "carer", "Through their carer"
        NONE = "none", "Not at all by this programme"

    programme = models.CharField(max_length=60)
    person_no = models.IntegerField()
    practice_code = models.CharField(max_length=12)
    version = models.IntegerField(default=0)
    assigned_role = models.CharField(max_length=60, blank=True)
    assigned_to = models.IntegerField(null=True)
    due_on = models.DateField(null=True)
    attempts = models.IntegerField(default=0)
    first_invited_on = models.DateField(null=True)
    second_invited_on = models.DateField(null=True)
    reached_on = models.DateField(null=True)
    preference = models.CharField(max_length=6, choices=Preference.choices, blank=True)

    class Meta:
        db_table = "list_card"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["programme", "person_no"], name="one_card_per_person"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["practice_code", "programme"], name="card_of_a_team")
        ]


class CardEvent(models.Model):
    """One thing that somebody did to a card: added, never changed but in its practice.

    Two people who had seen the same version cannot both write the next one: the
    constraint keeps the second out, whatever the code above it does. `note` is for
    the team alone: it enters no file, count, message or log.
    """

    programme = models.CharField(max_length=60)
    person_no = models.IntegerField()
    practice_code = models.CharField(max_length=12)
    version = models.IntegerField()
    kind = models.CharField(max_length=20)
    detail = models.JSONField(default=dict)
    note = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField(auto_now_add=True)
    by = models.IntegerField()

    class Meta:
        db_table = "card_event"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["programme", "person_no", "version"],
                name="one_event_per_version",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["practice_code", "at"], name="events_of_a_team")
        ]


class Allocation(models.Model):
    """Who was offered a programme at once and who later, as the lot fell.

    Of a person (`person_no`) or, with none, of a whole practice; where practices start
    in steps, also of each person on their lists when the order was drawn. Written once,
    when the person first came onto the list or the comparison began, never changed.
    `traits` are what was known of them at that moment, to show the balance.
    """

    class Arm(models.TextChoices):
        OFFER = "offer", "Offered at once"
        USUAL = "usual", "Usual care first"
        STEP = "step", "Practice starts at its step"

    programme = models.CharField(max_length=60)
    practice_code = models.CharField(max_length=12)
    person_no = models.IntegerField(null=True)
    arm = models.CharField(max_length=5, choices=Arm.choices)
    step = models.IntegerField(null=True)
    starts_on = models.DateField()
    drawn_on = models.DateField()
    release_id = models.IntegerField()
    traits = models.JSONField(default=dict)

    class Meta:
        db_table = "list_allocation"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["programme", "practice_code", "person_no"],
                name="one_lot_each",
                nulls_distinct=False,
            )
        ]


class ProgrammeTally(models.Model):
    """The people behind one month's figure of a programme in one practice.

    Counted by the worker, so that pages of places and programmes read no row of a
    person: only sets, which disclosure control turns into figures. `amount` is a sum
    over them for measures of use ("before:…", "after:…"). `detail` holds what the
    worker reckoned of a whole comparison, for practice "".
    """

    programme = models.CharField(max_length=60)
    practice_code = models.CharField(max_length=12, blank=True)
    month = models.DateField()
    measure = models.CharField(max_length=100)
    persons = models.BinaryField()
    amount = models.FloatField(null=True)
    detail = models.JSONField(default=dict)

    class Meta:
        db_table = "programme_tally"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["programme", "practice_code", "month", "measure"],
                name="one_tally",
            )
        ]
