"""What the store keeps of feeds, and the longitudinal store itself.

The tables of persons are hash-partitioned by `person_no`, which Django cannot
declare: their definitions are SQL in the migrations, and the models here
(`managed = False`) let selectors read a few rows of one person. Whole-population
work goes through `linkage.store` as frames.
"""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class FeedRun(models.Model):
    """One delivered file, from arrival to store. The same bytes find the same run."""

    class State(models.TextChoices):
        RECEIVED = "received"
        STAGED = "staged"
        PUBLISHED = "published"
        FAILED = "failed"

    feed = models.CharField(max_length=60)
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=9, choices=State.choices)
    received_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    rows_in = models.BigIntegerField(default=0)
    loaded = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)
    excluded = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    facts = models.BigIntegerField(default=0)
    first_on = models.DateField(null=True)
    last_on = models.DateField(null=True)
    seconds = models.FloatField(default=0)
    spec_hash = models.CharField(max_length=64, blank=True)
    by = models.CharField(max_length=150)
    problem = models.TextField(blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        db_table = "feed_run"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["feed", "sha256"], name="one_run_per_file"),
            # Nothing is lost: every row that came in went somewhere.
            models.CheckConstraint(
                name="rows_are_conserved",
                condition=~Q(state="published")
                | Q(
                    rows_in=F("loaded")
                    + F("quarantined")
                    + F("excluded")
                    + F("duplicate")
                ),
            ),
        ]


class RunKeys(models.Model):
    """Which rows a run has loaded, as a `key_filter`: later runs ask it first."""

    run = models.OneToOneField(FeedRun, models.CASCADE, primary_key=True)
    filter = models.BinaryField()

    class Meta:
        db_table = "run_keys"


class RejectedRow(models.Model):
    """A row that was not loaded: where it stood, and why. The vault has its content."""

    class Fate(models.TextChoices):
        QUARANTINED = "quarantined"
        EXCLUDED = "excluded"

    run = models.ForeignKey(FeedRun, models.CASCADE, related_name="rejected")
    row_number = models.BigIntegerField()
    fate = models.CharField(max_length=11, choices=Fate.choices)
    rule = models.CharField(max_length=80)
    field = models.CharField(max_length=120, blank=True)
    replayed_in = models.ForeignKey(
        FeedRun, models.SET_NULL, null=True, related_name="replays"
    )

    class Meta:
        db_table = "rejected_row"
        indexes: ClassVar = [models.Index(fields=["run", "rule"])]


class Person(models.Model):
    """One person of the store. Birth is kept as a month; no identifier is kept at all.

    `practice_code` is the current registration, null when deregistered or dead.
    """

    person_no = models.IntegerField(primary_key=True)
    sex = models.CharField(max_length=1, null=True)
    birth_month = models.DateField(null=True)
    ethnicity = models.CharField(max_length=1, null=True)
    ethnicity_source = models.CharField(max_length=30, null=True)
    died_on = models.DateField(null=True)
    practice_code = models.CharField(max_length=12, null=True)
    lsoa_code = models.CharField(max_length=9, null=True)
    in_care_home = models.BooleanField(null=True)
    needs_interpreter = models.BooleanField(null=True)
    language = models.CharField(max_length=40, null=True)
    type1_opt_out_on = models.DateField(null=True)
    national_opt_out = models.BooleanField(default=False)

    class Meta:
        managed = False
        db_table = "person"


class ImportedList(models.Model):
    """A list of people that somebody brought, as counts; the vault linked its rows.

    Who was found stands in `imported_list_member`. Only its owner sees either.
    """

    title = models.CharField(max_length=200)
    owner_id = models.IntegerField()
    org_code = models.CharField(max_length=12)
    purpose = models.CharField(max_length=40)
    made_on = models.DateField()
    expires_on = models.DateField()
    rows_in = models.IntegerField()
    matched = models.IntegerField()
    unmatched = models.IntegerField()
    people = models.IntegerField()

    class Meta:
        db_table = "imported_list"


class LinkageAudit(models.Model):
    """One night's check of the links: records whose number was hidden and linked anew.

    `cells`: per feed and characteristic, the people whose record was tried, found, and
    given to somebody else, as serialised roaring bitmaps in base64, as disclosure
    control asks for the persons behind each count. `sequences`: rows that cannot be,
    by kind and feed. `unlinked`: rows that found nobody, by feed.
    """

    made_at = models.DateTimeField(auto_now_add=True)
    as_of = models.DateField()
    index_version = models.IntegerField()
    tried = models.IntegerField()
    cells = models.JSONField(default=list)
    sequences = models.JSONField(default=list)
    unlinked = models.JSONField(default=list)

    class Meta:
        db_table = "linkage_audit"


class Event(models.Model):
    """A dated code of a person: an observation, diagnosis, procedure or prescription.

    `system` and `kind` are the numbers of `linkage.vocabulary`.
    """

    record_key = models.BigIntegerField(primary_key=True)
    person_no = models.IntegerField()
    on_date = models.DateField()
    recorded_on = models.DateField(null=True)
    kind = models.SmallIntegerField()
    system = models.SmallIntegerField()
    code = models.CharField(max_length=20)
    value = models.FloatField(null=True)
    unit = models.CharField(max_length=20, null=True)
    feed_no = models.SmallIntegerField()
    run_id = models.IntegerField()

    class Meta:
        managed = False
        db_table = "event"


class Activity(models.Model):
    """One use of a service: appointment, attendance, spell, contact, stay, service.

    `end_on` is null while it lasts. `cost_gbp` is an estimate at unit cost. `seen_by`
    is the provider's own code of who saw the person.
    """

    record_key = models.BigIntegerField(primary_key=True)
    person_no = models.IntegerField()
    setting = models.SmallIntegerField()
    kind = models.SmallIntegerField()
    start_on = models.DateField()
    end_on = models.DateField(null=True)
    recorded_on = models.DateField(null=True)
    urgency = models.SmallIntegerField(null=True)
    provider_code = models.CharField(max_length=12, null=True)
    specialty = models.CharField(max_length=20, null=True)
    outcome = models.CharField(max_length=20, null=True)
    reason_code = models.CharField(max_length=20, null=True)
    seen_by = models.CharField(max_length=20, null=True)
    cost_gbp = models.FloatField(null=True)
    feed_no = models.SmallIntegerField()
    run_id = models.IntegerField()

    class Meta:
        managed = False
        db_table = "activity"


class CodelistVersion(models.Model):
    """A codelist as somebody proposed it; in force once another person accepted it.

    Lists that nobody changed are the product's files; `codes` holds terms by code.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        SUPERSEDED = "superseded"

    name = models.CharField(max_length=60)
    version = models.IntegerField()
    state = models.CharField(max_length=10, choices=State.choices)
    title = models.CharField(max_length=200)
    system = models.CharField(max_length=10)
    match = models.CharField(max_length=6)
    source = models.TextField()
    why = models.TextField(blank=True)
    codes = models.JSONField()
    digest = models.CharField(max_length=64)
    proposed_by = models.CharField(max_length=150)
    proposed_at = models.DateTimeField(auto_now_add=True)
    measured_on = models.DateField(null=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "codelist_version"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["name", "version"], name="one_codelist_version"
            ),
            models.UniqueConstraint(
                fields=["name"],
                condition=Q(state="accepted"),
                name="one_codelist_in_force",
            ),
        ]


class CodelistEffect(models.Model):
    """Who enters, leaves or changes one feature by a proposed codelist (bitmaps).

    `before` holds who has the feature by the list in force.
    """

    version = models.ForeignKey(CodelistVersion, models.CASCADE, related_name="effects")
    feature = models.CharField(max_length=80)
    way = models.CharField(max_length=8)
    people = models.BinaryField()
    before = models.BinaryField()

    class Meta:
        db_table = "codelist_effect"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "feature", "way"], name="one_codelist_effect"
            )
        ]


class CodeSeen(models.Model):
    """A code that stands in our data, by shard: what no list can find is not here."""

    shard = models.SmallIntegerField()
    system = models.SmallIntegerField()
    code = models.CharField(max_length=20)
    events = models.BigIntegerField()

    class Meta:
        db_table = "code_seen"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["shard", "system", "code"], name="one_code_seen"
            )
        ]


class Release(models.Model):
    """One consistent published picture of the population as at a date."""

    class State(models.TextChoices):
        BUILDING = "building"
        PUBLISHED = "published"
        SUPERSEDED = "superseded"
        FAILED = "failed"

    as_of = models.DateField()
    state = models.CharField(max_length=10, choices=State.choices)
    started_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True)
    people = models.IntegerField(default=0)
    code_version = models.CharField(max_length=64)
    definitions = models.JSONField(default=dict)
    batches = models.JSONField(default=list)
    catalogue = models.JSONField(default=list)
    index_version = models.IntegerField(default=0)

    class Meta:
        db_table = "release"


class ReleasePointer(models.Model):
    """The one row that says which release readers see; publishing updates it."""

    only = models.BooleanField(primary_key=True, default=True)
    release = models.ForeignKey(Release, models.PROTECT)

    class Meta:
        db_table = "release_pointer"
        constraints: ClassVar = [
            models.CheckConstraint(name="one_pointer", condition=Q(only=True))
        ]


class StageTask(models.Model):
    """The ledger of a refresh: what is done, by (release, stage, shard)."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    release = models.ForeignKey(Release, models.CASCADE, related_name="tasks")
    stage = models.CharField(max_length=40)
    shard = models.CharField(max_length=60)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    rows_in = models.BigIntegerField(default=0)
    rows_out = models.BigIntegerField(default=0)
    attempts = models.IntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)

    class Meta:
        db_table = "stage_task"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["release", "stage", "shard"], name="one_task_per_shard"
            )
        ]


class ReleasePart(models.Model):
    """One stage's columns for one shard of a release, as a compressed Parquet frame.

    Written once per (release, shard, part), so a repeated task replaces its own
    work; read by later stages. Only the worker role may read it.
    """

    release = models.ForeignKey(Release, models.CASCADE)
    shard = models.SmallIntegerField()
    part = models.CharField(max_length=60)
    rows = models.IntegerField()
    data = models.BinaryField()

    class Meta:
        db_table = "release_part"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["release", "shard", "part"], name="one_part_per_shard"
            )
        ]


class AttributeBitmap(models.Model):
    """The people of a release who have one value of one attribute (roaring bitmap)."""

    release = models.ForeignKey(Release, models.CASCADE)
    attribute = models.CharField(max_length=80)
    value = models.CharField(max_length=80)
    people = models.IntegerField()
    bitmap = models.BinaryField()

    class Meta:
        db_table = "attribute_bitmap"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["release", "attribute", "value"], name="one_bitmap"
            )
        ]


class AttributeColumn(models.Model):
    """The numbers of one attribute of a release, for sums over any set of people.

    `data` is little-endian float32 in the order of the release's `person_no` column
    (attribute "person_no", little-endian uint32).
    """

    release = models.ForeignKey(Release, models.CASCADE)
    attribute = models.CharField(max_length=80)
    data = models.BinaryField()

    class Meta:
        db_table = "attribute_column"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["release", "attribute"], name="one_attribute_column"
            )
        ]


class Profile(models.Model):
    """One person of a release: the catalogued values, in the catalogue's order.

    `values` are numbers: flags as 0 or 1, categories as the position in the
    attribute's list of values, dates as days since 1970-01-01, null where absent.
    """

    pk = models.CompositePrimaryKey("release_id", "person_no")
    release_id = models.IntegerField()
    person_no = models.IntegerField()
    practice_code = models.CharField(max_length=12, null=True)
    lsoa_code = models.CharField(max_length=9, null=True)
    # `values` is a real[]; read through linkage.release.selectors.

    class Meta:
        managed = False
        db_table = "profile"
