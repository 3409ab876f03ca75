"""Who must never be named, and which reveals somebody should look at again.

What needs identifiers is compared here, as blind keys under the vault's own key; out
of the vault goes yes or no.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import polars as pl
from django.db import transaction

from governance.models import User
from linkage import bulk
from linkage.keys import row_keys
from linkage.vault import sealing, store
from linkage.vault.models import RevealEvent, StaffMember, WithheldNumber

NUMBER_SALT, SURNAME_SALT, ADDRESS_SALT = "watch number", "watch name", "watch address"
STAFF_COLUMNS = ("user", "nhs_number", "surname", "line1", "postcode")
# Reveals of one week, some 2,000 clinicians.
MOST_EVENTS = 20_000
SPECIAL = "revealed_by_special_access"
PEOPLE_AT_A_TIME = 5_000


@transaction.atomic(using="vault")
def replace_withheld(numbers: pl.Series) -> int:
    """Take a whole new list of NHS numbers that are withheld; returns how many."""
    keys = _keys([pl.Series("number", numbers.drop_nulls().unique())], NUMBER_SALT)
    WithheldNumber.objects.using("vault").all().delete()
    WithheldNumber.objects.using("vault").bulk_create(
        [WithheldNumber(number_key=key) for key in keys]
    )
    return keys.len()


def withheld(people: Iterable[tuple[int, str | None]]) -> frozenset[int]:
    """Return the person_no of those whose details are withheld.

    people: (person_no, NHS number) each; without a number nothing is known of anyone.
    """
    known = [(person_no, number) for person_no, number in people if number]
    if not known:
        return frozenset()
    keys = _keys([pl.Series("number", [n for _, n in known])], NUMBER_SALT)
    found = set(
        WithheldNumber.objects.using("vault")
        .filter(number_key__in=keys.to_list())
        .values_list("number_key", flat=True)
    )
    return frozenset(
        person_no
        for (person_no, _), key in zip(known, keys, strict=True)
        if key in found
    )


@transaction.atomic(using="vault")
def replace_staff(rows: pl.DataFrame) -> int:
    """Take a whole new register of staff (STAFF_COLUMNS, text); returns how many.

    Rows of users who have no account are left out.
    """
    accounts = dict(User.objects.values_list("username", "pk"))
    known = rows.filter(pl.col("user").is_in(list(accounts)))
    number = _keys([known["nhs_number"]], NUMBER_SALT)
    surname = _keys([_plain(known["surname"])], SURNAME_SALT)
    place = _keys([_plain(known["line1"]), _plain(known["postcode"])], ADDRESS_SALT)
    StaffMember.objects.using("vault").all().delete()
    StaffMember.objects.using("vault").bulk_create(
        StaffMember(user_id=accounts[user], number_key=n, surname_key=s, address_key=a)
        for user, n, s, a in zip(known["user"], number, surname, place, strict=True)
    )
    return known.height


def reveals(
    since: datetime, until: datetime, *, special: bool = False
) -> list[dict[str, Any]]:
    """Say of each reveal of a span of time what should be looked at: yes or no.

    Oldest first, at most MOST_EVENTS. `own_record`, `same_surname`, `same_address`:
    somebody named was the viewer, a namesake, of their address; `staff`: works here.
    special: those by special access alone.
    """
    begins = SPECIAL if special else "revealed"
    events = list(
        RevealEvent.objects.using("vault")
        .filter(at__gte=since, at__lt=until, outcome__startswith=begins)
        .exclude(viewer_id=None)
        .order_by("pk")[:MOST_EVENTS]
    )
    people = _people({n for event in events for n in event.revealed})
    staff = {s.user_id: s for s in StaffMember.objects.using("vault").all()}
    namesakes = _surnames({e.viewer_id for e in events if e.viewer_id}, staff)
    numbers = {s.number_key for s in staff.values() if s.number_key is not None}
    return [_told(event, people, staff, namesakes, numbers) for event in events]


def _told(
    event: RevealEvent,
    people: dict[int, tuple[int | None, int | None, int | None]],
    staff: dict[int, StaffMember],
    namesakes: dict[int, int],
    numbers: set[int],
) -> dict[str, Any]:
    named = [people[n] for n in event.revealed if n in people]
    viewer_id = event.viewer_id or 0
    me = staff.get(viewer_id)
    own, home = (me.number_key, me.address_key) if me else (None, None)
    mine = namesakes.get(viewer_id)
    return {
        "event": event.pk,
        "at": event.at.isoformat(),
        "viewer_id": viewer_id,
        "role": event.role,
        "org_code": event.org_code,
        "programme": event.programme,
        "reason": event.reason,
        "special": event.outcome != "revealed",
        "persons": len(event.revealed),
        "own_record": own is not None and any(n == own for n, _, _ in named),
        "same_surname": mine is not None and any(s == mine for _, s, _ in named),
        "same_address": home is not None and any(a == home for _, _, a in named),
        "staff": any(n in numbers for n, _, _ in named),
    }


def _people(asked: set[int]) -> dict[int, tuple[int | None, int | None, int | None]]:
    """Blind keys of NHS number, surname and address by person_no."""
    wanted = sorted(asked)
    found: dict[int, tuple[int | None, int | None, int | None]] = {}
    with bulk.connect("vault") as connection:
        for first in range(0, len(wanted), PEOPLE_AT_A_TIME):
            some = wanted[first : first + PEOPLE_AT_A_TIME]
            opened = store.open_people(connection, some)
            keys = (
                _keys([opened["nhs_number"]], NUMBER_SALT),
                _keys([_plain(opened["surname"])], SURNAME_SALT),
                _keys(
                    [_plain(opened["line1"]), _plain(opened["postcode"])], ADDRESS_SALT
                ),
            )
            found |= zip(
                opened["person_no"].to_list(), zip(*keys, strict=True), strict=True
            )
    return found


def _surnames(users: set[int], staff: dict[int, StaffMember]) -> dict[int, int]:
    """Each user's surname as a key: the register's, else the account's last word."""
    accounts = User.objects.filter(pk__in=users).values_list("pk", "full_name")
    told = [(pk, (name.split() or [""])[-1]) for pk, name in accounts]
    words = pl.Series("surname", [word for _, word in told], dtype=pl.String)
    keys = _keys([_plain(words)], SURNAME_SALT)
    found = {
        pk: key for (pk, _), key in zip(told, keys, strict=True) if key is not None
    }
    registered = {
        user: member.surname_key
        for user, member in staff.items()
        if member.surname_key is not None
    }
    return found | registered


def _plain(words: pl.Series) -> pl.Series:
    """Words as they are compared: letters and digits alone, in capitals."""
    kept = words.str.to_uppercase().str.replace_all(r"[^\p{L}\d]", "")
    return kept.set(kept == "", None)


def _keys(columns: list[pl.Series], salt: str) -> pl.Series:
    """Blind keys of whole rows; null where one of the columns is."""
    frame = pl.DataFrame({f"c{n}": column for n, column in enumerate(columns)})
    keys = row_keys(frame, frame.columns, salt)
    lacking = frame.select(pl.any_horizontal(pl.all().is_null()))[:, 0]
    return sealing.blind_records(keys.set(lacking, None))
