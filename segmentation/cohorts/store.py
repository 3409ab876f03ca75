"""Whole shards for searches, and who was in a cohort. Only actions import it."""

from datetime import date

import numpy as np
from pyroaring import BitMap

from linkage import bulk
from linkage.steps.index import bitmap_of
from segmentation.models import CodeSearch, CodeSearchPart, CohortSize, CohortVersion

NO_FEED = 0


def people_with_codes(
    shard: int, asked: dict[str, object], *, until: date
) -> dict[int, BitMap]:
    """Return whom one shard's events give a code of the question, by number of feed.

    `until` is the release's date: what lies or was recorded after it is no part of it.
    Codes are letters and digits (the criterion's form checked that).
    """
    codes = [str(code) for code in asked["codes"]]  # type: ignore[attr-defined]
    if not all(code.isalnum() for code in codes):
        raise ValueError("a code is letters and digits")
    last = min(date.fromisoformat(str(asked["until"])), until)
    listed = ", ".join(f"'{code}'" for code in codes)
    if asked["is_prefix"]:
        having = f"code ^@ ANY (ARRAY[{listed}])"
    else:
        having = f"code = ANY (ARRAY[{listed}])"
    query = (
        f"SELECT DISTINCT feed_no, person_no FROM event_p{shard:02d}"
        f" WHERE system = {int(str(asked['system']))}"
        f" AND on_date BETWEEN '{date.fromisoformat(str(asked['since'])):%Y-%m-%d}'"
        f" AND '{last:%Y-%m-%d}' AND {having}"
        f" AND coalesce(recorded_on, on_date) <= '{until:%Y-%m-%d}'"
        " ORDER BY feed_no, person_no"
    )
    with bulk.connect("default") as source:
        frame = bulk.fetch(source, query)
    return {
        int(feed_no): bitmap_of(some["person_no"].to_numpy().astype(np.uint32))
        for (feed_no,), some in frame.group_by("feed_no")
    }


def keep_part(search: CodeSearch, shard: int, found: dict[int, BitMap]) -> None:
    """Keep whom a shard held; a task that is repeated replaces its own answer."""
    # The row of no feed says that the shard was searched, whoever was found.
    for feed_no, people in ({NO_FEED: BitMap()} | found).items():
        people.run_optimize()
        CodeSearchPart.objects.update_or_create(
            search=search,
            shard=shard,
            feed_no=feed_no,
            defaults={"people": people.serialize()},
        )


def keep_size(
    version: CohortVersion, release_id: int, as_of: date, who: BitMap
) -> None:
    """Keep who was in a cohort at a release, once."""
    who.run_optimize()
    CohortSize.objects.update_or_create(
        version=version,
        release_id=release_id,
        defaults={"as_of": as_of, "people": who.serialize()},
    )
