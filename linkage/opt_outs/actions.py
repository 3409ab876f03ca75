"""Who has opted out, as sets that every use reads at once; kept up by the worker.

A load writes opt-outs to the person; from there they are gathered here within half a
minute (beat), and the newest figures, lists and pages leave these people out. A
release holds the status of its own night; this is the status of now.
"""

from datetime import datetime

import numpy as np
from django.db import connection
from django.db.models import Max
from pyroaring import BitMap

from governance.models import LocalObjection, OptOutSet
from linkage.definitions import FEEDS
from linkage.models import FeedRun
from linkage.steps.index import bitmap_of

NATIONAL = ("national_opt_out", "national_opt_out_reply")
WHERE = {
    "type1": "type1_opt_out_on <= %s",
    "national": "national_opt_out AND %s IS NOT NULL",
}


def refresh(*, now: datetime) -> int:
    """Gather everyone who has opted out, by kind; returns how many people.

    As the worker. Safe to repeat.
    """
    everybody = BitMap()
    received = received_at()
    for kind, where in WHERE.items():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT person_no FROM person WHERE {where}", [now.date()])
            people = bitmap_of(np.array(cursor.fetchall(), dtype=np.uint32).ravel())
        _keep(kind, people, received[kind], now)
        everybody |= people
    standing = LocalObjection.objects.filter(withdrawn_at__isnull=True)
    local = BitMap(standing.values_list("person_no", flat=True))
    _keep("local", local, now, now)
    return len(everybody | local)


def refresh_if_new(*, now: datetime) -> bool:
    """Gather again if files came or objections changed since, or a day began."""
    kept = dict(OptOutSet.objects.values_list("kind", "made_at"))
    if set(kept) == {*WHERE, "local"}:
        last = min(kept.values())
        loads = FeedRun.objects.aggregate(at=Max("finished_at"))["at"]
        said = LocalObjection.objects.aggregate(
            made=Max("made_at"), withdrawn=Max("withdrawn_at")
        )
        newest = [at for at in (loads, *said.values()) if at is not None]
        if last.date() == now.date() and all(at < last for at in newest):
            return False
    refresh(now=now)
    return True


def received_at() -> dict[str, datetime | None]:
    """When the newest status of each kind came, by its feeds; None: never."""
    feeds = {
        "type1": [name for name, spec in FEEDS.items() if spec.opt_out],
        "national": [n for n, s in FEEDS.items() if s.keeps in NATIONAL],
    }
    runs = FeedRun.objects.filter(state=FeedRun.State.PUBLISHED)
    return {
        kind: runs.filter(feed__in=names).aggregate(at=Max("received_at"))["at"]
        for kind, names in feeds.items()
    }


def _keep(kind: str, people: BitMap, status_at: datetime | None, now: datetime) -> None:
    OptOutSet.objects.update_or_create(
        kind=kind,
        defaults={
            "people": people.serialize(),
            "status_at": status_at,
            "made_at": now,
        },
    )
