"""Divide people by which of a few sets they are in: the cells of an UpSet plot."""

from collections.abc import Mapping

from pyroaring import BitMap

MOST_SETS = 6


def overlap(
    people: BitMap, sets: Mapping[str, BitMap]
) -> dict[tuple[str, ...], BitMap]:
    """Return who is in exactly which sets; everyone stands in one part only.

    Keys name the sets in the order given; () is in none of them. Empty parts are
    left out. ValueError beyond six sets: 64 parts are more than anyone reads.
    """
    if len(sets) > MOST_SETS:
        raise ValueError(f"an overlap shows at most {MOST_SETS} sets")
    parts: dict[tuple[str, ...], BitMap] = {(): people}
    for name, members in sets.items():
        divided: dict[tuple[str, ...], BitMap] = {}
        for key, part in parts.items():
            for found, divided_key in (
                (part & members, (*key, name)),
                (part - members, key),
            ):
                if found:
                    divided[divided_key] = found
        parts = divided
    return parts
