"""Who stands on a list at this moment, and which decision stands about whom."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.utils import timezone

from dashboards import list_entries
from dashboards.definitions import LISTS
from dashboards.models import Card, Decision
from dashboards.opt_outs import honoured_by
from dashboards.selectors import worklist_turns as turns
from dashboards.selectors.worklist_told import closed_because
from governance.access import Viewer

OUTCOME_WORDS = {
    "accept": "Accepted",
    "decline": "Not suitable",
    "already_known": "Already known",
    "later": "Later",
}


@dataclass(frozen=True)
class Decided:
    """A decision that stands: what, why, when, by whom and what was offered."""

    id: int
    choice: str
    reason: str
    note: str
    at: datetime
    by_me: bool
    offered: str = ""
    due_on: date | None = None
    state: str = ""
    # What was offered, as it is coded in a GP record, and the day on which it was done.
    code: str = ""
    done_on: date | None = None


class Entry(NamedTuple):
    """Someone on a list, as little as ordering and counting need."""

    person_no: int
    practice_code: str
    first_release: int
    rank: int
    probability: float | None


def waiting(viewer: Viewer, programme: str, release_id: int) -> list[Entry]:
    """Return who of the viewer's people is on a list and undecided, in its order."""
    decided = standing_decisions(viewer, programme)
    entries = on_list(viewer, programme, release_id)
    return [row for row in entries if row.person_no not in decided]


def on_list(viewer: Viewer, programme: str, release_id: int) -> list[Entry]:
    """Return who of the viewer's people is on a list now, in its order.

    Whoever has opted out, died or drawn a later turn since the list was made is not:
    what the store knows at this moment counts, not what it knew in the night. Nobody
    is on a list that is closed to the viewer's purpose today.
    """
    if closed_because(viewer, programme, release_id):
        return []
    rows = list_entries.rows(
        release_id,
        *Entry._fields,
        programme=programme,
        practice_code__in=viewer.practice_codes,
    )
    found = sorted(
        (Entry(*row) for row in rows), key=lambda row: (row.rank, row.person_no)
    )
    left = gone(programme, [row.person_no for row in found])
    later = turns.later(viewer, programme)
    return [
        row
        for row in found
        if row.person_no not in left
        and row.person_no not in later.people
        and row.practice_code not in later.practices
    ]


def gone(programme: str, person_nos: list[int]) -> set[int]:
    """Return who has died, wants no contact by the programme, or has opted out where
    it honours that, by now."""
    honours = honoured_by(LISTS[programme], timezone.localdate())
    # Plain SQL with one array: hundreds of parameters over the partitions of a table
    # cost more to plan than to answer.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT person_no FROM person WHERE person_no = ANY(%s)"
            " AND (died_on IS NOT NULL OR (%s AND national_opt_out)"
            " OR (%s AND type1_opt_out_on <= %s)"
            " OR (%s AND EXISTS (SELECT 1 FROM local_objection o"
            " WHERE o.person_no = person.person_no AND o.withdrawn_at IS NULL))"
            " OR EXISTS (SELECT 1 FROM list_card c WHERE c.programme = %s"
            " AND c.person_no = person.person_no AND c.preference = %s))",
            [
                person_nos,
                "national_opt_out" in honours,
                "type1_opt_out" in honours,
                timezone.localdate(),
                "local_objection" in honours,
                programme,
                Card.Preference.NONE,
            ],
        )
        return {person_no for (person_no,) in cursor.fetchall()}


def standing_decisions(viewer: Viewer, programme: str) -> dict[int, Decided]:
    """Return the decision that stands for each person: not undone, not run out."""
    spec = LISTS[programme]
    now = timezone.now()
    longest = timedelta(days=max(spec.later_days, spec.recheck_days))
    rows = (
        Decision.objects.filter(
            programme=programme,
            practice_code__in=viewer.practice_codes,
            decided_at__gt=now - longest,
            decision__isnull=True,
        )
        .exclude(choice=Decision.Choice.UNDO)
        .select_related("intervention")
        .order_by("pk")
    )
    steps = {step.name: step.title for step in spec.next_steps}
    found: dict[int, Decided] = {}
    for row in rows:
        days = spec.later_days if row.choice == "later" else spec.recheck_days
        if row.decided_at + timedelta(days=days) <= now:
            continue
        offer = getattr(row, "intervention", None)
        found[row.person_no] = Decided(
            id=row.pk,
            choice=OUTCOME_WORDS[row.choice],
            reason=getattr(spec.choices, row.choice).get(row.reason, row.reason),
            note=row.note,
            at=row.decided_at,
            by_me=row.decided_by == viewer.user_id,
            offered=steps.get(offer.kind, "") if offer else "",
            due_on=offer.due_on if offer else None,
            state=offer.state if offer else "",
            code=offer.code if offer else "",
            done_on=offer.done_on if offer else None,
        )
    return found
