"""The vault's tables: who the records speak of. No other zone can reach them.

The person index is event-sourced: a link from a source record to a person holds for
a span of index versions, and `index_event` says what was decided, by which rule. A
merge or a split closes links and opens others; nothing is overwritten.

No column holds an identifier in clear: `number` is an NHS number under AES-SIV,
`sealed` an envelope of several columns (`linkage.vault.sealing`). Tables of reviews,
relinks and special access are in `review_models`, of opt-outs in `opt_out_models`.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from linkage.vault.delivery_models import Delivery, Quarantine
from linkage.vault.erased_models import ErasedKey
from linkage.vault.opt_out_models import (
    NationalOptOut,
    NationalOptOutAsked,
    Type1Statement,
)
from linkage.vault.review_models import (
    BreakGlass,
    Judgement,
    PseudonymEpoch,
    Relink,
    RelinkMove,
    ReviewPair,
)
from linkage.vault.watch_models import RevealEvent, StaffMember, WithheldNumber

__all__ = [
    "BreakGlass",
    "Delivery",
    "ErasedKey",
    "Judgement",
    "NationalOptOut",
    "NationalOptOutAsked",
    "PseudonymEpoch",
    "Quarantine",
    "Relink",
    "RelinkMove",
    "RevealEvent",
    "ReviewPair",
    "StaffMember",
    "Type1Statement",
    "WithheldNumber",
]


class IndexVersion(models.Model):
    """One state of the whole index; every change of links makes the next."""

    version = models.IntegerField(primary_key=True)
    made_at = models.DateTimeField(auto_now_add=True)
    run_id = models.IntegerField(null=True)
    by = models.CharField(max_length=150)

    class Meta:
        db_table = "index_version"


class Person(models.Model):
    """A person of the index: a random identity, and the store's dense number."""

    person_no = models.IntegerField(primary_key=True)
    person_uid = models.CharField(max_length=32, unique=True)
    since_version = models.IntegerField()

    class Meta:
        db_table = "person"


class SourceRecord(models.Model):
    """One subject: what one source said of somebody at one time. Never changed.

    `withdrawn`: the only run that said it was rolled back; it says nothing of the
    person any more, and keeps their place in the index.

    `number_agreed`: the NHS number is held to be this person's. A number that the birth
    date contradicts is kept as it was stated and links nobody.
    """

    subject_key = models.BigIntegerField(primary_key=True)
    feed_no = models.SmallIntegerField()
    local_key = models.BigIntegerField(null=True)
    number = models.BinaryField(null=True)
    number_agreed = models.BooleanField(default=False)
    # SOURCE_SEALED of `linkage.vault.identities`: names, birth date, address.
    sealed = models.BinaryField()
    sex = models.TextField(null=True)
    ethnicity = models.TextField(null=True)
    died_on = models.DateField(null=True)
    language = models.TextField(null=True)
    needs_interpreter = models.BooleanField(null=True)
    in_care_home = models.BooleanField(null=True)
    seen_on = models.DateField(null=True)
    run_id = models.IntegerField()
    withdrawn = models.BooleanField(db_default=False)

    class Meta:
        db_table = "source_record"
        indexes: ClassVar = [
            models.Index(fields=["local_key"], name="source_record_local"),
            models.Index(
                fields=["subject_key"],
                name="source_record_withdrawn",
                condition=Q(withdrawn=True),
            ),
        ]


class KnownIdentity(models.Model):
    """Each identity under which a person is known, once, in the form that is compared.

    Made of links and source records, for linkage to search: of the ten records that a
    person has in ordinary feeds most repeat two or three identities.
    """

    pk = models.CompositePrimaryKey("person_no", "identity_key")
    person_no = models.IntegerField()
    identity_key = models.BigIntegerField()
    sealed = models.BinaryField()

    class Meta:
        db_table = "known_identity"


class KnownBlock(models.Model):
    """Under which blind keys a person is looked for (`linkage.steps.blocks`).

    Whoever has the table and not the vault's key learns that two people share
    something, and not what.
    """

    pk = models.CompositePrimaryKey("block_key", "person_no")
    block_key = models.BigIntegerField()
    person_no = models.IntegerField(db_index=True)

    class Meta:
        db_table = "known_block"


class SearchKey(models.Model):
    """Which version of the key NHS numbers and blind keys are under; one row."""

    only = models.BooleanField(primary_key=True, default=True)
    version = models.SmallIntegerField()

    class Meta:
        db_table = "search_key"
        constraints: ClassVar = [
            models.CheckConstraint(name="one_search_key", condition=Q(only=True))
        ]


class Link(models.Model):
    """A source record belongs to a person, from one index version until another."""

    pk = models.CompositePrimaryKey("subject_key", "from_version")
    subject_key = models.BigIntegerField()
    person_no = models.IntegerField(db_index=True)
    from_version = models.IntegerField()
    to_version = models.IntegerField(null=True)
    rule = models.TextField()
    # Bits for the link, where the rule weighs.
    weight = models.FloatField(null=True)
    decided_by = models.TextField()

    class Meta:
        db_table = "link"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject_key"],
                name="one_person_at_a_time",
                condition=Q(to_version=None),
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["subject_key"],
                name="link_by_hand",
                condition=Q(
                    to_version=None,
                    rule__in=["clerical", "clerical_local_identifier"],
                ),
            )
        ]


class IndexEvent(models.Model):
    """What was decided about the index: append-only, by grant."""

    class Kind(models.TextChoices):
        CREATE = "create"
        ATTACH = "attach"
        MERGE = "merge"
        SPLIT = "split"
        REDIRECT = "redirect"
        ERASE = "erase"

    version = models.IntegerField()
    kind = models.TextField(choices=Kind.choices)
    subject_key = models.BigIntegerField(null=True)
    person_no = models.IntegerField()
    other_person_no = models.IntegerField(null=True)
    rule = models.TextField()
    decided_by = models.TextField()

    class Meta:
        db_table = "index_event"
        indexes: ClassVar = [models.Index(fields=["person_no"])]


class Redirect(models.Model):
    """A person who turned out to be another: whom to ask for now.

    A split that undoes the merge closes it (`until_version`).
    """

    pk = models.CompositePrimaryKey("from_no", "since_version")
    from_no = models.IntegerField()
    to_no = models.IntegerField(db_index=True)
    since_version = models.IntegerField()
    until_version = models.IntegerField(null=True)

    class Meta:
        db_table = "redirect"


class PendingMove(models.Model):
    """A record that changed person, until the store has moved its facts."""

    pk = models.CompositePrimaryKey("version", "subject_key")
    version = models.IntegerField()
    subject_key = models.BigIntegerField()
    from_no = models.IntegerField()
    to_no = models.IntegerField()
    kind = models.TextField()

    class Meta:
        db_table = "pending_move"


class PendingMerge(models.Model):
    """Two people whom a run's records show to be one, until they are joined.

    Kept with the records, since a record that was met before shows nothing anew: the
    people are joined when the run's facts stand, in whichever attempt that is.
    """

    pk = models.CompositePrimaryKey("run_id", "person_no", "into_person_no")
    run_id = models.IntegerField()
    person_no = models.IntegerField()
    into_person_no = models.IntegerField()

    class Meta:
        db_table = "pending_merge"


class LocalRef(models.Model):
    """What a source calls a person, and the newest record under that name.

    Written by feeds that introduce people; rows that carry only a local id, or a
    national layout without an NHS number, find their person here.
    """

    local_key = models.BigIntegerField(primary_key=True)
    namespace = models.TextField()
    subject_key = models.BigIntegerField()
    seen_on = models.DateField(null=True)

    class Meta:
        db_table = "local_ref"
        indexes: ClassVar = [models.Index(fields=["namespace"])]


class PersonIdentity(models.Model):
    """The best-known identity of each person, which the reveal service answers with."""

    person_no = models.IntegerField(primary_key=True)
    number = models.BinaryField(null=True)
    # PERSON_SEALED of `linkage.vault.identities`.
    sealed = models.BinaryField()
    sex = models.TextField(null=True)
    died_on = models.DateField(null=True)
    type1_opt_out_on = models.DateField(null=True)
    national_opt_out = models.BooleanField(default=False)

    class Meta:
        db_table = "person_identity"


class Registration(models.Model):
    """A stated registration with a practice, of one source record.

    `told_on` is the day that its file spoke of: a later file's word stands.
    """

    record_key = models.BigIntegerField(primary_key=True)
    subject_key = models.BigIntegerField(db_index=True)
    feed_no = models.SmallIntegerField()
    practice_code = models.TextField()
    start_on = models.DateField()
    end_on = models.DateField(null=True)
    told_on = models.DateField(null=True)
    run_id = models.IntegerField()

    class Meta:
        db_table = "registration"


class CurrentRegistration(models.Model):
    """Where each person is registered now; the reveal service checks against it."""

    person_no = models.IntegerField(primary_key=True)
    practice_code = models.TextField(db_index=True)
    start_on = models.DateField(null=True)
    end_on = models.DateField(null=True)

    class Meta:
        db_table = "current_registration"


class Crosswalk(models.Model):
    """A token made elsewhere, and whose it is."""

    pk = models.CompositePrimaryKey("namespace", "token")
    namespace = models.TextField()
    token = models.TextField()
    number = models.BinaryField()
    run_id = models.IntegerField()

    class Meta:
        db_table = "crosswalk"


class PostcodeArea(models.Model):
    """The LSOA of each postcode. The store never sees a postcode."""

    postcode = models.TextField(primary_key=True)
    lsoa_code = models.TextField()

    class Meta:
        db_table = "postcode_area"


class PendingPerson(models.Model):
    """People whose best-known attributes the store has yet to be told.

    Filled with the links, emptied after the store has committed: a load that dies in
    between leaves them here, and the next load tells the store.
    """

    person_no = models.IntegerField(primary_key=True)

    class Meta:
        db_table = "pending_person"
