"""A landing folder: which file is of which feed, in the order of loading."""

import json
from collections.abc import Iterable
from datetime import date
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from linkage.definitions import FEEDS


class Landed(NamedTuple):
    """What stands in a landing folder: (feed, path) in loading order, and the rest."""

    files: list[tuple[str, Path]]
    unknown: list[Path]


def landed(folder: Path) -> Landed:
    """Match the files of a folder with the feeds' own file names.

    Feeds that introduce people come before those that only speak of them; within a
    feed, files go by name, which is by period.
    """
    files, unknown = [], []
    for path in sorted(folder.iterdir()):
        feed = next((name for name in FEEDS if is_of(name, path)), None)
        if feed:
            files.append((feed, path))
        elif path.is_file():
            unknown.append(path)
    files.sort(key=lambda found: (FEEDS[found[0]].order, found[0], found[1].name))
    return Landed(files, unknown)


def lanes(feeds: Iterable[str]) -> tuple[list[str], list[list[str]]]:
    """Which feeds go first, one after another, and which lists of feeds then may go
    side by side, each feed once those that it stands on (`needs`) are in.

    Feeds that change the index keep their order, so that the same delivery always
    gives the same people; feeds that only refer to people touch nothing that another
    feed reads, and need not wait for more than whoever introduces theirs.
    """
    first: list[str] = []
    linking: list[str] = []
    apart: list[list[str]] = []
    for feed in feeds:
        spec = FEEDS[feed]
        if spec.tier == "vault_only":
            first.append(feed)
        elif spec.tier == "reference":
            # A feed whose rows are checked against another's goes behind that one.
            asked = {check.feed for check in spec.checks}
            lane = next((lane for lane in apart if asked.intersection(lane)), None)
            if lane is None:
                apart.append([feed])
            else:
                lane.append(feed)
        else:
            linking.append(feed)
    return first, [linking, *apart] if linking else apart


def needs(feed: str, feeds: Iterable[str]) -> list[str]:
    """Those of `feeds` that say whom the local ids of a referring feed mean."""
    spec = FEEDS[feed]
    if spec.tier != "reference":
        return []
    asked = {local.namespace for local in spec.local_ids}
    return [
        name
        for name in feeds
        if FEEDS[name].introduces
        and asked.intersection(local.namespace for local in FEEDS[name].local_ids)
    ]


def is_of(feed: str, path: Path) -> bool:
    return any(fnmatch(path.name, pattern) for pattern in FEEDS[feed].files)


def delivered_on(folder: Path) -> date | None:
    """The day that the delivery's manifest states, where it has one."""
    manifest = folder.parent / "manifest.json"
    if not manifest.exists():
        return None
    stated = json.loads(manifest.read_text(encoding="utf-8")).get("as_of")
    return date.fromisoformat(stated) if stated else None
