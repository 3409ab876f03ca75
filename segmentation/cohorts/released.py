"""The ledger of sets whose protected figures were shown: one for all users.

Before protected figures of a set of people are given, the set is held against those of
earlier questions, whoever asked them and in whichever release; a near twin gets the
earlier set's figures (`steps.twins`). What is new is kept. Exact figures (an analyst's
workspace, a team's own list) neither read nor write it; what leaves either does.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone
from psycopg import Cursor
from pyroaring import BitMap

from governance import audit
from governance.access import Viewer
from governance.disclosure import HIDE_UP_TO
from linkage.release.binary import in_binary
from segmentation.cohorts.steps.twins import (
    CLOSE,
    MOST_TOLERANCE,
    Earlier,
    Shown,
    close,
    tolerance,
)
from segmentation.models import ReleasedSet

DAY = timedelta(days=1)
# Any number that no other advisory lock of this platform begins with.
LOCK = 1847
BUCKET = 64
MOST_CLOSE = 5
KEPT_DAYS = 400
MOST_A_DAY = 200


class TooManyQuestionsError(LookupError):
    """A question that may not be answered before somebody has looked at the others."""


@transaction.atomic
def show(
    sets: Sequence[BitMap], *, release_id: int, by: Viewer, answers: bool = True
) -> list[BitMap]:
    """Return for each set the people whose figures may be shown for it, and keep them.

    The sets of one question in their order; the last is its answer, which counts
    against the asker's day unless `answers` is False (parts of an answer).
    TooManyQuestionsError where the asker has asked too much, or too often about nearly
    the same people.
    """
    if not sets:
        return []
    _take_turns(sets)
    before, mine = _near(sets, by)
    known = Earlier(before)
    shown = list(sets)
    new: list[tuple[Shown, bool]] = []
    # The answer first: a step of the same question that equals it is no other question.
    for place in reversed(range(len(sets))):
        people, is_answer = sets[place], answers and place == len(sets) - 1
        found = known.twin(people)
        if found is not None:
            shown[place] = found.people
            continue
        if is_answer:
            _refuse_too_many(people, mine, by)
        # Of a handful nothing is shown, so nothing can be compared with it.
        if len(people) > HIDE_UP_TO:
            first = Shown(people, tolerance())
            new.append((first, is_answer))
            known.add(first)
    if new:
        audit.record(
            "cohort_sets_shown", by, subject="protected figures", sets=len(new)
        )
        _keep(new, release_id, by)
    return shown


def forget(*, kept_days: int) -> int:
    """Delete sets of questions so old that nobody remembers their figures."""
    since = timezone.now() - timedelta(days=kept_days)
    gone, _ = ReleasedSet.objects.filter(asked_at__lt=since).delete()
    audit.record("cohort_sets_forgotten", None, subject="protected figures", sets=gone)
    return gone


def _take_turns(sets: Sequence[BitMap]) -> None:
    """Let nobody ask about sets of nearly this size until this question is kept.

    Two questions at once would otherwise not see each other.
    """
    buckets = {
        (len(people) + far) // BUCKET for people in sets for far in (-CLOSE, 0, CLOSE)
    }
    # In one order, or two questions would each wait for what the other holds.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, bucket)"
            " FROM (SELECT unnest(%s::int[]) AS bucket ORDER BY 1) AS sorted",
            [LOCK, sorted(buckets)],
        )


def _near(sets: Sequence[BitMap], by: Viewer) -> tuple[list[Shown], list[Shown]]:
    """Return the sets shown before whose size alone does not rule them out.

    Those that may be a twin of one of these, in the order in which they were shown; and
    the asker's own answers that may be close to this one.
    """
    sizes = {
        size + far
        for size in {len(people) for people in sets}
        for far in range(-MOST_TOLERANCE, MOST_TOLERANCE + 1)
    }
    answer = len(sets[-1])
    rows = in_binary(
        "SELECT people, tolerance, asked_by = %s AND is_answer FROM released_set"
        " WHERE size = ANY(%s) OR (asked_by = %s AND is_answer"
        " AND size BETWEEN %s AND %s) ORDER BY id",
        [by.user_id, sorted(sizes), by.user_id, answer - CLOSE, answer + CLOSE],
    )
    known, mine = [], []
    for people, allowed, is_mine in rows:
        each = Shown(BitMap.deserialize(people), allowed)
        known.append(each)
        if is_mine:
            mine.append(each)
    return known, mine


def _keep(new: Sequence[tuple[Shown, bool]], release_id: int, by: Viewer) -> None:
    """Keep sets as they are: as text, each would be twice as long and be read twice."""
    with Cursor(connection.connection) as cursor:
        cursor.executemany(
            "INSERT INTO released_set (release_id, size, people, tolerance, asked_by,"
            " asked_at, is_answer) VALUES (%s, %s, %b, %s, %s, %s, %s)",
            [
                (
                    release_id,
                    len(first.people),
                    first.people.serialize(),
                    first.tolerance,
                    by.user_id,
                    timezone.now(),
                    is_answer,
                )
                for first, is_answer in new
            ],
        )


def _refuse_too_many(people: BitMap, mine: list[Shown], by: Viewer) -> None:
    if close(people, mine) >= MOST_CLOSE:
        raise TooManyQuestionsError(
            "you have asked about nearly the same people several times; ask an analyst"
            " to answer this one"
        )
    asked = ReleasedSet.objects.filter(
        asked_by=by.user_id, is_answer=True, asked_at__gt=timezone.now() - DAY
    )
    if asked.count() >= MOST_A_DAY:
        raise TooManyQuestionsError(
            f"you have asked {MOST_A_DAY} different questions in a day, as many as"
            " protected figures allow"
        )
