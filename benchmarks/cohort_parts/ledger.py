"""Run as the web: a ledger of protected answers as after weeks of questions.

`python -m benchmarks.cohort_parts.ledger QUESTIONS SEED` asks questions in words of the
lattice, each of one of the places or the whole, by users who may each ask two hundred
a day, and prints how many sets of people are kept.
"""

import json
import sys

import django

django.setup()

from benchmarks.cohort_parts.questions import protected_questions  # noqa: E402
from governance.access import Viewer  # noqa: E402
from linkage.release import selectors as release  # noqa: E402
from segmentation.cohorts import released  # noqa: E402
from segmentation.cohorts.index import index_of  # noqa: E402
from segmentation.cohorts.selectors import Reader  # noqa: E402
from segmentation.cohorts.specs import Outside, Who  # noqa: E402
from segmentation.cohorts.steps.members import attrition  # noqa: E402
from segmentation.models import ReleasedSet  # noqa: E402

A_DAY = 150


def nowhere(criterion: Outside) -> None:
    raise LookupError("questions name no list, search or cohort")


def fill(count: int, seed: int) -> int:
    view = release.current()
    assert view is not None
    reader = Reader(index_of(view), nowhere)  # type: ignore[arg-type]
    places = [view.everyone, *index_of(view).values("place_code").values()]
    for number, asked in enumerate(protected_questions(count, seed)):
        user = 10_000 + number // A_DAY
        by = Viewer(user, "x", "x", "place_lead", "planning", "P000", "x", "place")
        steps = attrition(
            Who.model_validate(asked), reader, places[number % len(places)]
        )
        sets = [people for step in steps for people in (step.alone, step.left)]
        released.show(sets, release_id=view.id, by=by)
    return ReleasedSet.objects.count()


if __name__ == "__main__":
    print(json.dumps(fill(int(sys.argv[1]), int(sys.argv[2]))))
