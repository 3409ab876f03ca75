"""Run as the worker: write a programme's list of a next release, to be killed at it.

`python -m benchmarks.worklist_parts.remake` copies the live list to a release still
being built, as the nightly run would write it; prints "writing" when it begins.
"""

import django

django.setup()

import polars as pl  # noqa: E402

from benchmarks.worklist_parts.names import PROGRAMME  # noqa: E402
from dashboards import store  # noqa: E402
from dashboards.models import ListEntry  # noqa: E402
from linkage.models import Release, ReleasePointer  # noqa: E402

COLUMNS = ("person_no", "practice_code", "pcn_code", "rank", "probability")
COLUMNS += ("reasons", "known", "needs", "changed", "next_step", "order_words")


def remake() -> None:
    live = ReleasePointer.objects.get().release
    building, _ = Release.objects.get_or_create(
        code_version="bench-next",
        defaults={
            "as_of": live.as_of,
            "state": Release.State.BUILDING,
            "catalogue": [],
        },
    )
    rows = ListEntry.objects.filter(programme=PROGRAMME, release_id=live.pk)
    frame = pl.DataFrame(list(rows.values(*COLUMNS)), infer_schema_length=None)
    print("writing", flush=True)
    store.replace_entries(PROGRAMME, building.pk, frame, live.pk)
    print("written", flush=True)


if __name__ == "__main__":
    remake()
