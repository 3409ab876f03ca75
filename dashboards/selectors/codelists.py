"""Codelists as pages show them: counts of people pass disclosure control."""

from dataclasses import dataclass

from pyroaring import BitMap

from dashboards.selectors.features import may_see
from governance import audit
from governance.access import Viewer
from governance.disclosure import Cell, Measure, Published, protect
from linkage.code_lists import Codelist
from linkage.codebook import selectors as codebook
from linkage.codebook.in_force import in_force
from linkage.feature_definitions import FEATURES
from linkage.feature_specs import FeatureSpec
from linkage.models import CodelistVersion
from linkage.release import selectors as release

SYSTEM_TITLES = {
    "snomed": "SNOMED CT",
    "icd10": "ICD-10",
    "opcs4": "OPCS-4",
    "bnf": "BNF",
    "dmd": "dm+d",
    "local": "Local codes",
}
WAYS = {"entering": "enter", "leaving": "leave", "changed": "change"}


@dataclass(frozen=True)
class ShownEffect:
    """What a version does to one feature: how many have it, how many move how."""

    feature: str
    title: str
    before: str
    moves: list[tuple[str, str]]


def matching(asked: str) -> list[Codelist]:
    """Return the lists in force whose name, title or codes hold what was asked."""
    wanted = asked.strip().lower()
    return [
        listed
        for name, listed in in_force().items()
        if wanted in name
        or wanted in listed.spec.title.lower()
        or wanted.upper() in listed.terms
    ]


def effects(viewer: Viewer, version: CodelistVersion) -> list[ShownEffect]:
    """Return what a version does, protected for everybody: a few people who move
    by one code are as telling as a few people of any other cell.

    Of a sensitive feature nothing, but for roles and purposes that may see it.
    """
    live = release.current()
    everyone = BitMap() if live is None else live.everyone
    made_by = {c: spec for name, spec in FEATURES.items() for c in spec.columns(name)}
    found = []
    for effect in codebook.effects_of(version):
        if not may_see(viewer, made_by[effect.feature]):
            continue
        cells = [Cell({"way": "before"}, everyone | effect.before, effect.before)]
        cells += [
            Cell({"way": way}, everyone | people, people)
            for way, people in effect.moves.items()
        ]
        published = protect(cells, measure=Measure("People"), viewer=viewer)
        found.append(
            ShownEffect(
                feature=effect.feature,
                title=_title(effect.feature, made_by),
                before=_said(published, "before"),
                moves=[(WAYS[way], _said(published, way)) for way in effect.moves],
            )
        )
    if found:
        audit.record(
            "codelist_effects_viewed",
            viewer,
            subject=f"codelist {version.name} version {version.version}",
            features=[each.feature for each in found],
        )
    return found


def _title(column: str, made_by: dict[str, FeatureSpec]) -> str:
    dated = column.endswith(("_since", "_on"))
    return made_by[column].title + (", date" if dated else "")


def _said(published: Published, way: str) -> str:
    cell = published.cell(way=way)
    return cell.hidden or f"{round(cell.count or 0):,}"
