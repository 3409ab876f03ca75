"""Searches of the records for codes that no feature holds: a job over the shards.

The same question about the same release is searched for once. Until every shard has
answered, asking for its people says how far the search is.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from pyroaring import BitMap

from linkage import legal_basis
from linkage.codebook.in_force import in_force
from linkage.release.selectors import ReleaseView
from linkage.vocabulary import SYSTEMS
from segmentation.cohorts.specs import Coded
from segmentation.cohorts.steps.members import union
from segmentation.models import CodeSearch


class SearchingError(LookupError):
    """Not every shard has answered yet: `done` of `shards`; `asked` is what for."""

    def __init__(self, asked: Coded, done: int, shards: int) -> None:
        super().__init__(f"{done} of {shards} parts of the record are searched")
        self.asked, self.done, self.shards = asked, done, shards


class UnknownCodelistError(ValueError):
    """A codelist that the platform does not hold."""


@dataclass(frozen=True)
class Question:
    """What a search looks for: codes, or beginnings of codes, of one system."""

    system: int
    codes: tuple[str, ...]
    is_prefix: bool
    since: str
    until: str

    def as_json(self) -> dict[str, Any]:
        return {
            "system": self.system,
            "codes": list(self.codes),
            "is_prefix": self.is_prefix,
            "since": self.since,
            "until": self.until,
        }

    @property
    def key(self) -> str:
        """The hash of the question: other codes or days are another search."""
        text = json.dumps(self.as_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def question(asked: Coded) -> Question:
    """Return the codes behind a criterion, as its codelist holds them today."""
    days = {"since": asked.since.isoformat(), "until": asked.until.isoformat()}
    if asked.codelist is None:
        assert asked.system is not None
        # A typed ICD-10 or BNF code means all below it; a SNOMED CT concept itself.
        stems = asked.system in {"icd10", "opcs4", "bnf"}
        return Question(
            SYSTEMS[asked.system], tuple(sorted(asked.codes)), stems, **days
        )
    known = in_force()
    if asked.codelist not in known:
        raise UnknownCodelistError(f"there is no codelist {asked.codelist!r}")
    held = known[asked.codelist]
    return Question(
        SYSTEMS[held.spec.system],
        tuple(sorted(held.codes)),
        held.spec.match == "prefix",
        **days,
    )


def search_of(asked: Coded, view: ReleaseView) -> CodeSearch | None:
    """Return the search of a release for this criterion, if anyone asked for it."""
    return CodeSearch.objects.filter(
        key=question(asked).key, release_id=view.id
    ).first()


def found(
    asked: Coded, view: ReleaseView, feeds: Collection[str] | None = None
) -> BitMap:
    """Return whom a finished search found; SearchingError while it goes on.

    In rows of these feeds alone, where they are named: the others have no legal basis.
    """
    search = search_of(asked, view)
    if search is None:
        raise SearchingError(asked, 0, settings.SHARDS)
    parts = list(search.parts.values_list("shard", "feed_no", "people"))
    done = len({shard for shard, _, _ in parts})
    if done < settings.SHARDS:
        raise SearchingError(asked, done, settings.SHARDS)
    names = legal_basis.numbers()
    return union(
        [
            BitMap.deserialize(bytes(people))
            for _, feed_no, people in parts
            if feeds is None or names.get(feed_no) in feeds
        ]
    )
