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
from pyroaring import BitMap

from governance import audit
from governance.access import Viewer
from governance.disclosure import HIDE_UP_TO
from segmentation.cohorts.steps.twins import CLOSE, Shown, close, tolerance, twin
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
    earlier = _near(sets)
    mine = {row.pk for row in earlier if row.asked_by == by.user_id and row.is_answer}
    known = [(row.pk, _shown(row)) for row in earlier]
    shown = list(sets)
    new: list[tuple[Shown, bool]] = []
    # The answer first: a step of the same question that equals it is no other question.
    for place in reversed(range(len(sets))):
        people, is_answer = sets[place], answers and place == len(sets) - 1
        found = twin(people, (each for _, each in known))
        if found is not None:
            shown[place] = found.people
            continue
        if is_answer:
            _refuse_too_many(people, [each for pk, each in known if pk in mine], by)
        # Of a handful nothing is shown, so nothing can be compared with it.
        if len(people) > HIDE_UP_TO:
            first = Shown(people, tolerance())
            new.append((first, is_answer))
            known.append((0, first))
    if new:
        audit.record(
            "cohort_sets_shown", by, subject="protected figures", sets=len(new)
        )
        ReleasedSet.objects.bulk_create(
            ReleasedSet(
                release_id=release_id,
                size=len(first.people),
                people=first.people.serialize(),
                tolerance=first.tolerance,
                asked_by=by.user_id,
                is_answer=is_answer,
            )
            for first, is_answer in new
        )
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
    with connection.cursor() as cursor:
        for bucket in sorted(buckets):
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, bucket])


def _near(sets: Sequence[BitMap]) -> list[ReleasedSet]:
    """Return the sets shown before whose size alone does not rule them out."""
    return list(
        ReleasedSet.objects.raw(
            "SELECT * FROM released_set r WHERE EXISTS (SELECT 1 FROM"
            " unnest(%s::int[]) n WHERE r.size BETWEEN n - %s AND n + %s) ORDER BY id",
            [sorted({len(people) for people in sets}), CLOSE, CLOSE],
        )
    )


def _shown(row: ReleasedSet) -> Shown:
    return Shown(BitMap.deserialize(bytes(row.people)), row.tolerance)


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
