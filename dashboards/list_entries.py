"""The entries of a release's lists, a delta's laid over those of the full one beneath.

A delta holds entries of whom it made anew. Its run of a list says over which full
release's they lie and whose of those count no more. The places of all stand beside,
network by network: one person more moves everybody who comes after.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np
from pyroaring import BitMap

from dashboards.models import ListEntry, ListPlaces, ListRun

Row = tuple[Any, ...]
# What says where an entry stands, read before what was asked for.
KEYS = ("release_id", "person_no", "programme", "pcn_code")
FIELDS = tuple(field.attname for field in ListEntry._meta.concrete_fields)
NONE = (None, BitMap())


def entries(release_id: int, **which: Any) -> list[ListEntry]:
    """Return the entries of a release that meet conditions, as `rows` finds them."""
    return [ListEntry(*row) for row in rows(release_id, *FIELDS, **which)]


def rows(release_id: int, *fields: str, **which: Any) -> list[Row]:
    """Return fields of a release's entries that meet conditions, in no order.

    The conditions are those of a queryset, of other fields than release_id and rank.
    """
    runs = ListRun.objects.filter(release_id=release_id, over__isnull=False)
    if "programme" in which:
        runs = runs.filter(programme=which["programme"])
    over = {
        programme: (beneath, BitMap.deserialize(bytes(gone)))
        for programme, beneath, gone in runs.values_list("programme", "over", "gone")
    }
    if not over:
        found = ListEntry.objects.filter(release_id=release_id, **which)
        return list(found.values_list(*fields))
    held_in = {release_id, *(beneath for beneath, _ in over.values())}
    found = ListEntry.objects.filter(release_id__in=held_in, **which)
    asked = list(dict.fromkeys([*KEYS, *fields]))
    stood = []
    for row in found.values_list(*asked):
        held_by, person_no, list_of, _ = row[: len(KEYS)]
        beneath, gone = over.get(list_of, NONE)
        if held_by == release_id or (held_by == beneath and person_no not in gone):
            stood.append(row)
    tell = _tellers(release_id, stood, asked)
    return [tuple(tell[name](row) for name in fields) for row in stood]


def _tellers(
    release_id: int, stood: list[Row], asked: list[str]
) -> dict[str, Callable[[Row], Any]]:
    """How each field of a row is told: as it stands, but as the delta has it now."""
    tell: dict[str, Callable[[Row], Any]] = {
        name: itemgetter(place) for place, name in enumerate(asked)
    }
    tell["release_id"] = lambda _: release_id
    if "rank" in asked:
        places = _places(release_id, {row[2:4] for row in stood})
        own = tell["rank"]
        tell["rank"] = lambda row: (
            # A list that the delta made whole has its ranks in its own rows.
            places[row[2:4]][row[1]] if row[2:4] in places else own(row)
        )
    return tell


def _places(release_id: int, lists: set[Row]) -> dict[Row, dict[int, int]]:
    """The place of each person on some lists, of a programme and a network each."""
    stored = ListPlaces.objects.filter(
        release_id=release_id,
        programme__in={programme for programme, _ in lists},
        pcn_code__in={pcn_code for _, pcn_code in lists},
    )
    found = {}
    for *key, people in stored.values_list("programme", "pcn_code", "people"):
        in_order = np.frombuffer(bytes(people), dtype="<i4").tolist()
        found[tuple(key)] = {person_no: n for n, person_no in enumerate(in_order, 1)}
    return found
