"""Lists between frames and Postgres, for the whole population. Actions only."""

import base64
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
from django.db import connection, transaction
from django.db.models import Q
from pyroaring import BitMap

from dashboards import list_entries
from dashboards.list_specs import BALANCE
from dashboards.models import (
    Allocation,
    Card,
    CardEvent,
    Intervention,
    ListEntry,
    ListHome,
    ListPlaces,
    ListRun,
    Outcome,
)
from dashboards.profiles import GEOGRAPHY
from governance.models import LocalObjection
from linkage import bulk
from linkage.feature_specs import Use
from linkage.release import parts
from linkage.release.catalogue import Catalogue
from linkage.vocabulary import ACTIVITY_KINDS, SETTINGS, URGENCIES

BATCH = 5_000
SENTENCES = ("reasons", "known", "needs", "changed")
# Whom a list passed over, by rule and practice.
Passed = Mapping[tuple[str, str | None], BitMap]


def profile(
    release_id: int,
    catalogue: Catalogue,
    attributes: Iterable[str],
    *,
    unit: int | None = None,
) -> pl.DataFrame:
    """Read attributes of everyone in a release: one row per person_no.

    Each part is read once and only for the columns asked of it; with `unit`, only the
    people of that unit. KeyError names an attribute that no stage of this release has
    written.
    """
    by_part: dict[str, list[str]] = {}
    for name in sorted({*attributes, *GEOGRAPHY}):
        by_part.setdefault(catalogue[name].part, []).append(name)
    frames = [
        parts.read_all(release_id, part, names)
        if unit is None
        else parts.read(release_id, unit, part, names)
        for part, names in sorted(by_part.items())
    ]
    joined = frames[0]
    for frame in frames[1:]:
        joined = joined.join(frame, on="person_no", how="left")
    return joined


def replace_entries(
    programme: str, release_id: int, entries: pl.DataFrame, before: int | None
) -> None:
    """Write a list's entries for a release, in place of an earlier try's.

    `before` is the release before it, from which `first_release` is carried over.
    """
    which: dict[str, Any] = {"programme": programme}
    if entries.height <= BATCH:  # a delta has few; else it is all of a list or nearly
        which["person_no__in"] = entries["person_no"].to_list()
    since = dict(list_entries.rows(before or -1, "person_no", "first_release", **which))
    rows = entries.with_columns(pl.col(SENTENCES).fill_null([])).iter_rows(named=True)
    with transaction.atomic():
        for model in (ListEntry, ListPlaces):
            model.objects.filter(programme=programme, release_id=release_id).delete()
        ListEntry.objects.bulk_create(
            (
                ListEntry(
                    programme=programme,
                    release_id=release_id,
                    first_release=since.get(row["person_no"], release_id),
                    **row,
                )
                for row in rows
            ),
            batch_size=BATCH,
        )


def listed(release_id: int) -> pl.DataFrame:
    """Return who is on a full release's lists, a row a list and person.

    programme, person_no, practice_code, pcn_code.
    """
    with bulk.connect("default") as source:
        return bulk.fetch(
            source,
            "SELECT programme, person_no, practice_code, pcn_code FROM list_entry"
            f" WHERE release_id = {release_id}",
        )


def made_by(programme: str, release_id: int) -> str | None:
    """Return the hash of the definition that made a list; None where none is."""
    runs = ListRun.objects.filter(
        programme=programme, release_id=release_id, not_made=""
    )
    return runs.values_list("spec_hash", flat=True).first()


def has_chances(programme: str, release_id: int) -> bool | None:
    """Return whether a list was ordered by chances; None for an empty one."""
    rows = ListEntry.objects.filter(programme=programme, release_id=release_id)
    if not rows.exists():
        return None
    return rows.filter(probability__isnull=False).exists()


def write_places(programme: str, release_id: int, ranked: pl.DataFrame) -> None:
    """Write the order of a delta's list: person_no, pcn_code, rank of all on it."""
    in_order = ranked.sort("rank").group_by("pcn_code").agg("person_no")
    ListPlaces.objects.bulk_create(
        ListPlaces(
            programme=programme,
            release_id=release_id,
            pcn_code=pcn_code,
            people=np.asarray(people, dtype="<i4").tobytes(),
        )
        for pcn_code, people in in_order.iter_rows()
    )


def home_keys(person_nos: list[int], on: date) -> pl.DataFrame:
    """Return where people live on a day: person_no, home_key (null in a care home)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (person_no) person_no, home_key FROM residence"
            " WHERE person_no = ANY(%s) AND start_on <= %s"
            " AND (end_on IS NULL OR end_on > %s)"
            " AND (home_key IS NOT NULL OR in_care_home)"
            " ORDER BY person_no, start_on DESC, record_key",
            [person_nos, on, on],
        )
        return pl.DataFrame(
            cursor.fetchall(),
            schema={"person_no": pl.Int32, "home_key": pl.Int64},
            orient="row",
        )


def replace_homes(homes: pl.DataFrame) -> None:
    """Write who shares a home, in place of what an earlier refresh found."""
    with transaction.atomic():
        ListHome.objects.all().delete()
        ListHome.objects.bulk_create(
            (ListHome(**row) for row in homes.iter_rows(named=True)), batch_size=BATCH
        )


def renew_homes(homes: pl.DataFrame) -> None:
    """Write the homes that are new or have changed, and forget those that are no more.

    Those whose people are the same keep their numbers.
    """
    columns = "home_no", "person_no", "practice_code"
    now = set(_by_home(homes.select(columns).iter_rows()).values())
    before = _by_home(ListHome.objects.values_list(*columns))
    ended = [number for number, people in before.items() if people not in now]
    new = now - set(before.values())
    with transaction.atomic():
        ListHome.objects.filter(home_no__in=ended).delete()
        ListHome.objects.bulk_create(
            (
                ListHome(person_no=person_no, practice_code=practice, home_no=number)
                for number, people in enumerate(new, max(before, default=0) + 1)
                for person_no, practice in people
            ),
            batch_size=BATCH,
        )


def _by_home(
    rows: Iterable[tuple[int, int, str]],
) -> dict[int, frozenset[tuple[int, str]]]:
    """The people of each home, each with their practice."""
    found: dict[int, set[tuple[int, str]]] = {}
    for home_no, person_no, practice in rows:
        found.setdefault(home_no, set()).add((person_no, practice))
    return {home_no: frozenset(people) for home_no, people in found.items()}


def left_out_of(programme: str, release_id: int) -> Passed:
    """Return who a list passed over, by rule and practice."""
    run = ListRun.objects.get(programme=programme, release_id=release_id)
    return {
        (rule, practice or None): unpack(run.left_out, rule, practice)
        for rule, by_practice in run.left_out.items()
        for practice in by_practice
    }


def forget_lists(releases: list[int]) -> None:
    """Delete the lists of releases whose lists nobody reads any more."""
    for model in (ListEntry, ListPlaces, ListRun):
        model.objects.filter(release_id__in=releases).delete()


def write_run(
    programme: str,
    release_id: int,
    spec_hash: str,
    people: int,
    left_out: Passed,
    *,
    over: int | None = None,
    gone: BitMap | None = None,
) -> None:
    """Write what a list passed over: the persons behind every count, by rule.

    over: the full release whose entries stand beside its own, but for those of `gone`.
    """
    sets: dict[str, dict[str, str]] = {}
    for (rule, practice), members in left_out.items():
        packed = base64.b64encode(members.serialize()).decode()
        sets.setdefault(rule, {})[practice or ""] = packed
    ListRun.objects.update_or_create(
        programme=programme,
        release_id=release_id,
        defaults={
            "spec_hash": spec_hash,
            "people": people,
            "left_out": sets,
            "not_made": "",
            "over": over,
            "gone": (gone or BitMap()).serialize(),
        },
    )


def write_missing_run(
    programme: str, release_id: int, spec_hash: str, not_made: str
) -> None:
    """Write that a release holds no list of a programme, and why."""
    ListEntry.objects.filter(programme=programme, release_id=release_id).delete()
    ListRun.objects.update_or_create(
        programme=programme,
        release_id=release_id,
        defaults={
            "spec_hash": spec_hash,
            "people": 0,
            "left_out": {},
            "not_made": not_made[:300],
            "over": None,
        },
    )


def write_lots(lots: Iterable[Allocation]) -> None:
    """Write lots; whoever has drawn one already keeps it."""
    Allocation.objects.bulk_create(lots, batch_size=BATCH, ignore_conflicts=True)


def drawn(programme: str) -> set[tuple[str, int | None]]:
    """Return whose lots are drawn: practice, and person or None for all of it."""
    rows = Allocation.objects.filter(programme=programme)
    return set(rows.values_list("practice_code", "person_no"))


def cohort_of(programme: str) -> pl.DataFrame:
    """Return who was on the list when the order of the practices was drawn.

    person_no, practice_code, step, starts_on, drawn_on, and what was known of them
    then (BALANCE).
    """
    rows = Allocation.objects.filter(
        programme=programme, arm=Allocation.Arm.STEP, person_no__isnull=False
    ).values_list(
        "person_no", "practice_code", "step", "starts_on", "drawn_on", "traits"
    )
    return pl.DataFrame(
        [(*row[:5], *(row[5].get(name) for name in BALANCE)) for row in rows],
        schema={
            "person_no": pl.Int32,
            "practice_code": pl.String,
            "step": pl.Int32,
            "starts_on": pl.Date,
            "drawn_on": pl.Date,
        }
        | dict.fromkeys(BALANCE, pl.Float64),
        orient="row",
    )


def activity_dates(
    person_nos: list[int], use: Use, since: date, until: date
) -> pl.DataFrame:
    """Return when these people used a service, from `since` to before `until`.

    person_no, start_on, one row a use. Of `use`, settings, kinds and urgencies count.
    """
    wanted = (
        [SETTINGS[name] for name in use.settings],
        [ACTIVITY_KINDS[name] for name in use.kinds] or None,
        [URGENCIES[name] for name in use.urgencies] or None,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT person_no, start_on FROM activity WHERE person_no = ANY(%s)"
            " AND start_on >= %s AND start_on < %s AND setting = ANY(%s)"
            " AND (%s::smallint[] IS NULL OR kind = ANY(%s))"
            " AND (%s::smallint[] IS NULL OR urgency = ANY(%s))",
            [person_nos, since, until, wanted[0], *[wanted[1]] * 2, *[wanted[2]] * 2],
        )
        return pl.DataFrame(
            cursor.fetchall(),
            schema={"person_no": pl.Int32, "start_on": pl.Date},
            orient="row",
        )


def opted_out(person_nos: list[int], honours: Iterable[str], on: date) -> set[int]:
    """Return who of these has an opt-out that is honoured, by its flag's name."""
    flags = set(honours)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT person_no FROM person WHERE person_no = ANY(%s)"
            " AND ((%s AND national_opt_out) OR (%s AND type1_opt_out_on <= %s))",
            [person_nos, "national_opt_out" in flags, "type1_opt_out" in flags, on],
        )
        found = {person_no for (person_no,) in cursor.fetchall()}
    return found | (set(objecting()) if "local_objection" in flags else set())


def objecting() -> list[int]:
    """Return everyone who has told their practice not to be picked out by risk."""
    standing = LocalObjection.objects.filter(withdrawn_at__isnull=True)
    return list(standing.values_list("person_no", flat=True))


def refusing(programme: str) -> list[int]:
    """Return everyone who wants no contact by a programme."""
    cards = Card.objects.filter(programme=programme, preference=Card.Preference.NONE)
    return list(cards.values_list("person_no", flat=True))


def preferences_since(at: datetime) -> list[int]:
    """Return who has said since a moment how a programme may contact them."""
    said = CardEvent.objects.filter(kind="preference", at__gte=at)
    return list(said.values_list("person_no", flat=True))


def objections_since(at: datetime) -> list[int]:
    """Return who has objected, or taken an objection back, since a moment."""
    changed = Q(made_at__gte=at) | Q(withdrawn_at__gte=at)
    return list(
        LocalObjection.objects.filter(changed).values_list("person_no", flat=True)
    )


def unpack(left_out: dict[str, dict[str, str]], rule: str, practice: str) -> BitMap:
    """Return the persons that a rule kept off a list in one practice."""
    packed = left_out.get(rule, {}).get(practice)
    return BitMap.deserialize(base64.b64decode(packed)) if packed else BitMap()


def open_interventions(programme: str) -> list[Intervention]:
    """Return the interventions of a programme that are offered or done."""
    states = (Intervention.State.OFFERED, Intervention.State.DONE)
    return list(
        Intervention.objects.filter(
            decision__programme=programme, state__in=states
        ).only("id", "person_no", "practice_code", "baseline")
    )


def write_outcomes(outcomes: list[Outcome]) -> None:
    """Write outcomes, one per intervention, measure and release; the latest stands."""
    Outcome.objects.bulk_create(
        outcomes,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["intervention", "measure", "release_id"],
        update_fields=["measured_on", "before", "after"],
    )
