"""Heads of the audit chains, kept where who can change the database cannot.

A chain shows every change inside it; that its end was cut off, or everything after a
row written anew, shows against a head that was kept elsewhere. Every ten minutes one
line goes to `AUDIT_ANCHORS`: a file (`file:///…`, on a volume of another machine) or
an address that takes one line by POST and gives back all of them by GET.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings

TIMEOUT_SECONDS = 10.0
START = "0" * 64


class AnchorError(RuntimeError):
    """The heads could not be kept or read; the message says where."""


def keep(heads: Mapping[int, tuple[int, bytes]], at: datetime) -> str:
    """Keep each chain's newest number and digest; returns the line that was kept.

    Each line holds the SHA-256 of the line before it.
    """
    before = lines()
    line = json.dumps(
        {
            "at": at.isoformat(),
            "heads": {
                shard: [seq, digest.hex()]
                for shard, (seq, digest) in sorted(heads.items())
            },
            "before": digest_of(before[-1]) if before else START,
        }
    )
    _append(line)
    return line


def lines() -> list[str]:
    """Return every kept line, oldest first."""
    sink = settings.AUDIT_ANCHORS
    if sink.startswith("file://"):
        path = Path(sink.removeprefix("file://"))
        return path.read_text().splitlines() if path.exists() else []
    try:
        answer = httpx.get(sink, timeout=TIMEOUT_SECONDS).raise_for_status()
    except httpx.HTTPError as error:
        raise AnchorError(f"Anchors cannot be read from {sink}.") from error
    return answer.text.splitlines()


def read(kept: Sequence[str]) -> tuple[dict[tuple[int, int], bytes], list[str]]:
    """Return every anchored digest by chain and number, and what is wrong with lines.

    A line that does not follow from the one before it was altered or taken out.
    """
    wanted: dict[tuple[int, int], bytes] = {}
    wrong = []
    before = START
    for number, line in enumerate(kept, start=1):
        try:
            anchor: dict[str, Any] = json.loads(line)
            wanted |= dict(_heads(anchor["heads"].items()))
            follows = anchor["before"] == before
        except (ValueError, KeyError, TypeError, AttributeError):
            follows = False
        if not follows:
            wrong.append(f"anchor {number} does not follow from the one before it")
        before = digest_of(line)
    return wanted, wrong


def _heads(
    heads: Iterable[tuple[str, Any]],
) -> Iterable[tuple[tuple[int, int], bytes]]:
    for shard, (seq, digest) in heads:
        yield (int(shard), int(seq)), bytes.fromhex(digest)


def _append(line: str) -> None:
    sink = settings.AUDIT_ANCHORS
    if not sink.startswith("file://"):
        try:
            httpx.post(
                sink, content=line + "\n", timeout=TIMEOUT_SECONDS
            ).raise_for_status()
        except httpx.HTTPError as error:
            raise AnchorError(f"Anchors cannot be kept at {sink}.") from error
        return
    path = Path(sink.removeprefix("file://"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def newest_at(kept: Sequence[str]) -> datetime | None:
    """Return when the newest line was kept; None where there is none, or no time."""
    try:
        return datetime.fromisoformat(json.loads(kept[-1])["at"])
    except (IndexError, ValueError, KeyError, TypeError):
        return None


def digest_of(line: str) -> str:
    """Return the SHA-256 by which the next line and the trail know a line."""
    return hashlib.sha256(line.encode()).hexdigest()
