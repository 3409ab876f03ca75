"""How many people are missing from figures because they opted out; always protected."""

from dataclasses import dataclass

from pyroaring import BitMap

from dashboards.selectors import lenses
from dashboards.selectors.asked import Asked
from governance.disclosure import Cell, Measure, PublishedCell, protect

GROUPS = ("age_band", "sex", "ethnicity_group", "imd_fifth")


@dataclass(frozen=True)
class Table:
    """One breakdown: its title, and each value with its people missing."""

    title: str
    cells: list[tuple[str, PublishedCell]]


def missing_from(asked: Asked) -> list[Table]:
    """Return who is missing from the viewer's figures of a place, by area and group.

    Out of everybody who would be counted; empty where nobody is left out.
    """
    whole = asked.release.whole
    if whole is None:
        return []
    everybody = asked.before_opt_outs(asked.place)
    gone = asked.release.opted_out & everybody
    tables = []
    parts = asked.geography.parts_of(asked.place)
    if parts:
        people = {part.name: asked.before_opt_outs(part) for part in parts}
        tables.append(_table(asked, "Area", people, gone))
    for name in GROUPS:
        if name in whole.catalogue:
            dimension = lenses.dimension(whole, name)
            groups = {
                dimension.labels.get(value, value): whole.bitmap(name, value)
                & everybody
                for value in whole.values(name)
            }
            tables.append(_table(asked, dimension.title, groups, gone))
    return tables


def _table(asked: Asked, title: str, groups: dict[str, BitMap], gone: BitMap) -> Table:
    cells = [
        Cell({"of": name}, people, people & gone) for name, people in groups.items()
    ]
    # Protected also in the workspace: who opted out is nobody's to study.
    measure = Measure("People left out", per=100)
    published = protect(cells, measure=measure, viewer=asked.viewer)
    return Table(title, list(zip(groups, published.cells, strict=True)))
