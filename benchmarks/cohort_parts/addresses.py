"""Run as the web: the builder's address of each question, as one JSON list.

`python -m benchmarks.cohort_parts.addresses QUESTIONS SEED`; after it `protected` for
questions in words of the lattice.
"""

import json
import sys

import django

django.setup()

from benchmarks.cohort_parts.questions import (  # noqa: E402
    protected_questions,
    questions,
)
from dashboards.views.cohorts import address_of  # noqa: E402
from linkage.release import selectors as release  # noqa: E402
from segmentation.cohorts.specs import Who  # noqa: E402

if __name__ == "__main__":
    view = release.current()
    assert view is not None
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    if sys.argv[3:] == ["protected"]:
        asked = protected_questions(count, seed)
    else:
        asked = [each.who for each in questions(count, seed)]
    whos = [Who.model_validate(each) for each in asked]
    print(json.dumps([address_of(who, view.catalogue) for who in whos]))
