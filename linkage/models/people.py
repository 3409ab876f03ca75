"""Lists that people bring, and what the nightly check of the links found."""

from django.db import models


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
    by kind and feed. `unlinked`: rows that found nobody, by feed. `agreement`: of each
    pair of feeds, of whom both state an ethnic category, and of whom the same.
    `numbered`: of each group, records whose number agreed and records that had none.
    """

    made_at = models.DateTimeField(auto_now_add=True)
    as_of = models.DateField()
    index_version = models.IntegerField()
    tried = models.IntegerField()
    cells = models.JSONField(default=list)
    sequences = models.JSONField(default=list)
    unlinked = models.JSONField(default=list)
    agreement = models.JSONField(default=list)
    numbered = models.JSONField(default=list)

    class Meta:
        db_table = "linkage_audit"
