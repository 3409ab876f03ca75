"""Codelists as pages read them: versions, use, differences, codes never seen."""

from dataclasses import dataclass

import polars as pl
from pyroaring import BitMap

from linkage.code_lists import Codelist
from linkage.codebook.in_force import as_codelist, ground_of, in_force
from linkage.feature_definitions import FEATURES, codelists
from linkage.models import CodelistVersion, CodeSeen, ReleasePointer
from linkage.steps.codelist_change import Difference, difference, never_seen, readers
from linkage.vocabulary import SYSTEMS


@dataclass(frozen=True)
class Effect:
    """What a proposed list does to one feature: who has it, and who moves how."""

    feature: str
    before: BitMap
    moves: dict[str, BitMap]


def codelist(name: str) -> Codelist:
    """Return a list in force; KeyError where there is none of the name."""
    return in_force()[name]


def use_of(name: str) -> dict[str, str]:
    """Return the features that read a list, with their titles."""
    return {n: spec.title for n, spec in readers(FEATURES, name).items()}


def versions(name: str) -> list[CodelistVersion]:
    """Return every version that was proposed over the product's file, newest first."""
    return list(CodelistVersion.objects.filter(name=name).order_by("-version"))


def version_of(name: str, version: int) -> CodelistVersion | None:
    """Return one proposed version; None where there is none."""
    return CodelistVersion.objects.filter(name=name, version=version).first()


def waiting() -> list[CodelistVersion]:
    """Return what was proposed and not yet decided, oldest first."""
    proposed = CodelistVersion.objects.filter(state=CodelistVersion.State.PROPOSED)
    return list(proposed.order_by("proposed_at"))


def unmeasured() -> list[CodelistVersion]:
    """Return what waits for its effect, or has one beside lists in force no more.

    Nothing does before the first release: there is nobody to move.
    """
    if not ReleasePointer.objects.exists():
        return []
    lists = in_force()
    return [
        version
        for version in waiting()
        if version.measured_on is None
        or version.measured_against != ground_of(version.name, lists)
    ]


def outdated() -> list[CodelistVersion]:
    """Return what waits with an effect worked out beside lists in force no more."""
    return [version for version in unmeasured() if version.measured_on is not None]


def change_of(version: CodelistVersion) -> Difference:
    """Compare a version with what was in force when it was decided on, or is now.

    Without any, with the product's file.
    """
    decided = CodelistVersion.objects.filter(
        name=version.name,
        state__in=(
            CodelistVersion.State.ACCEPTED,
            CodelistVersion.State.SUPERSEDED,
        ),
    )
    if version.decided_at is not None:
        decided = decided.filter(decided_at__lt=version.decided_at)
    before = decided.order_by("-decided_at").first()
    if before is not None:
        return difference(before.codes, version.codes)
    shipped = codelists().get(version.name)
    return difference(shipped.terms if shipped else {}, version.codes)


def effects_of(version: CodelistVersion) -> list[Effect]:
    """Return what was worked out of a version, by feature."""
    found: dict[str, Effect] = {}
    for row in version.effects.order_by("feature", "way"):
        made = found.setdefault(
            row.feature,
            Effect(row.feature, BitMap.deserialize(bytes(row.before)), {}),
        )
        made.moves[row.way] = BitMap.deserialize(bytes(row.people))
    return list(found.values())


def unseen(name: str) -> list[tuple[str, str]]:
    """Return a list's codes, with terms, on which no event of ours stands."""
    return unseen_of(codelist(name))


def unseen_in(version: CodelistVersion) -> list[tuple[str, str]]:
    """Return the same of a proposed version."""
    return unseen_of(as_codelist(version))


def unseen_of(listed: Codelist) -> list[tuple[str, str]]:
    """Return the codes of any list that no event stands on, with their terms."""
    rows = CodeSeen.objects.filter(system=SYSTEMS[listed.spec.system])
    codes = list(rows.values_list("code", flat=True).distinct())
    seen = pl.DataFrame({"code": codes}, schema={"code": pl.String})
    return [(code, listed.terms[code]) for code in never_seen(listed, seen)]


def was_looked() -> bool:
    """Whether the codes of our data have been gathered yet (by a refresh)."""
    return CodeSeen.objects.exists()
