"""Imported lists in the store: whom a viewer's list was found to mean, in numbers.

Written by the vault zone's process; the viewer's own rows are all that the web sees.
"""

from datetime import date, timedelta
from io import BytesIO
from typing import Protocol

import polars as pl
from django.db import connection, transaction

from governance import audit
from linkage.models import ImportedList

KEPT_DAYS = 90


class Found(Protocol):
    """What linking a list gave (`linkage.vault.list_import`)."""

    rows: int
    matched: int
    unmatched: int
    people: list[int]


@transaction.atomic
def keep(
    found: Found,
    *,
    title: str,
    owner_id: int,
    org_code: str,
    purpose: str,
    today: date,
) -> int:
    """Keep a list for its owner, for 90 days; returns its number."""
    made = ImportedList.objects.create(
        title=title,
        owner_id=owner_id,
        org_code=org_code,
        purpose=purpose,
        made_on=today,
        expires_on=today + timedelta(days=KEPT_DAYS),
        rows_in=found.rows,
        matched=found.matched,
        unmatched=found.unmatched,
        people=len(found.people),
    )
    members = pl.DataFrame(
        {"list_id": made.pk, "person_no": found.people},
        schema={"list_id": pl.Int32, "person_no": pl.Int32},
    )
    with connection.cursor() as cursor:
        # COPY refuses tables under row-level security: through a temporary one.
        cursor.execute(
            "CREATE TEMP TABLE members (list_id integer, person_no integer)"
            " ON COMMIT DROP"
        )
        text = BytesIO(members.write_csv(include_header=False).encode())
        with cursor.copy("COPY members FROM STDIN (FORMAT csv)") as copying:
            copying.write(text.getvalue())
        cursor.execute(
            "INSERT INTO imported_list_member (list_id, person_no)"
            " SELECT list_id, person_no FROM members"
        )
    audit.record("list_imported", None, subject=title, persons=len(found.people))
    return int(made.pk)


@transaction.atomic
def forget(today: date) -> int:
    """Forget every list whose time is over; returns how many."""
    over = ImportedList.objects.filter(expires_on__lt=today)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM imported_list_member WHERE list_id IN"
            " (SELECT id FROM imported_list WHERE expires_on < %s)",
            [today],
        )
    gone, _ = over.delete()
    audit.record("lists_forgotten", None, subject="imported lists", lists=gone)
    return gone
