"""What came of each programme, month by month and network by network, protected.

Every figure is made of sets of people by governance.disclosure; nobody's row is read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyroaring import BitMap

from dashboards.definitions import LISTS
from dashboards.list_specs import ListSpec
from dashboards.models import ProgrammeTally
from dashboards.selectors import lenses
from governance import disclosure
from governance.access import Viewer, practices_under
from governance.disclosure import Cell, Measure, Published, PublishedCell
from governance.models import Org
from linkage.release import selectors as release

MEASURES = {
    "decided": "Decided on",
    "accept": "Accepted by the team, and so offered",
    "invited": "First invitation sent",
    "reached": "Reached",
    "done": "Step done",
    "refused": "Refused by the person",
    "decline": "Not suitable",
    "already_known": "Already known",
    "later": "Later",
}
REACHED = {"accept": "Offered", "reached": "Reached", "done": "Step done"}
# Months shown, newest last.
MOST_MONTHS = 12


@dataclass(frozen=True)
class Change:
    """A measure's use per person before and after, of those who were offered it."""

    title: str
    before: PublishedCell
    after: PublishedCell


@dataclass(frozen=True)
class Reach:
    """Groups of one kind: of those who need it, how many were offered it, and so on.

    Each row: the group's words, and a cell for each of REACHED, whose denominator is
    who is on the list or was offered it.
    """

    title: str
    rows: list[tuple[str, list[PublishedCell]]]


@dataclass(frozen=True)
class Told:
    """What people say of themselves, first and last, of those who said it twice."""

    title: str
    first: PublishedCell
    last: PublishedCell


@dataclass(frozen=True)
class StepOf:
    """One step of a start in steps: when, how many practices, who, and how alike."""

    number: int
    starts_on: date
    practices: int
    people: PublishedCell
    means: dict[str, float | None]


@dataclass(frozen=True)
class Programme:
    """A programme's page for one place."""

    name: str
    spec: ListSpec
    months: list[date]
    rows: list[tuple[str, list[PublishedCell]]]
    reach: list[Reach]
    changes: list[Change]
    told: list[Told]
    comparison: dict[str, Any] | None
    steps: list[StepOf]
    arms: PublishedCell | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Workload:
    """One network's work on one programme: on the list, decided, offered."""

    network: str
    programme: str
    cells: list[PublishedCell]


def programme(viewer: Viewer, name: str) -> Programme:
    """Return a programme's figures for the practices of the viewer's place."""
    spec = LISTS[name]
    practices = practices_of(viewer)
    rows = list(
        ProgrammeTally.objects.filter(programme=name, practice_code__in=practices)
    )
    months = sorted({row.month for row in rows})[-MOST_MONTHS:]
    table, notes = [], []
    for measure, title in MEASURES.items():
        published = _published(
            viewer,
            title,
            [
                Cell(
                    {"month": f"{month:%Y-%m}"},
                    _people(rows, measure, {month}),
                )
                for month in months
            ],
        )
        table.append((title, list(published.cells)))
        notes += [note for note in published.notes if note not in notes]
    compared = ProgrammeTally.objects.filter(
        programme=name, practice_code="", measure="comparison"
    ).first()
    arms = None
    if compared is not None:
        everyone = BitMap.deserialize(bytes(compared.persons))
        arms = _published(viewer, "In the comparison", [Cell({}, everyone)]).cells[0]
    return Programme(
        name=name,
        spec=spec,
        months=months,
        rows=table,
        reach=_reach(viewer, rows),
        changes=_changes(viewer, spec, rows),
        told=_told(viewer, spec, rows),
        comparison=compared.detail if compared else None,
        steps=_steps(viewer, name),
        arms=arms,
        notes=tuple(notes),
    )


def workload(viewer: Viewer) -> list[Workload]:
    """Return every network of the viewer's place and its work on each programme."""
    practices = practices_of(viewer)
    networks: dict[str, tuple[str, set[str]]] = {}
    for org in Org.objects.filter(
        kind=Org.Kind.PCN, children__child_id__in=practices
    ).distinct():
        from_here = set(
            org.children.filter(child_id__in=practices).values_list(
                "child_id", flat=True
            )
        )
        networks[org.code] = (org.name, from_here)
    tallies: dict[str, list[ProgrammeTally]] = {}
    for row in ProgrammeTally.objects.filter(
        practice_code__in=practices, measure__in=("listed", "decided", "accept", "done")
    ):
        tallies.setdefault(row.programme, []).append(row)
    found = []
    for _, (title, members) in sorted(networks.items()):
        for name, rows in sorted(tallies.items()):
            mine = [row for row in rows if row.practice_code in members]
            listed = _people(mine, "listed")
            if mine and name in LISTS:
                decided = _people(mine, "decided")
                cells = [
                    Cell({"what": "on the list"}, listed),
                    Cell({"what": "waiting"}, listed - decided),
                    Cell({"what": "decided"}, decided),
                    Cell({"what": "offered"}, _people(mine, "accept")),
                    Cell({"what": "done"}, _people(mine, "done")),
                ]
                published = _published(viewer, "People", cells)
                found.append(Workload(title, LISTS[name].title, list(published.cells)))
    return found


def practices_of(viewer: Viewer) -> frozenset[str]:
    """Return the practices at or under the viewer's place, as at the release."""
    live = release.current()
    if live is None:
        return frozenset()
    return practices_under(viewer.org_code, live.as_of)


def _people(
    rows: Iterable[ProgrammeTally], measure: str, months: set[date] | None = None
) -> BitMap:
    sets = [
        BitMap.deserialize(bytes(row.persons))
        for row in rows
        if row.measure == measure and (months is None or row.month in months)
    ]
    return BitMap.union(*sets) if sets else BitMap()


def _published(viewer: Viewer, title: str, cells: list[Cell]) -> Published:
    return disclosure.protect(cells, measure=Measure(title, per=100), viewer=viewer)


def _reach(viewer: Viewer, rows: list[ProgrammeTally]) -> list[Reach]:
    """Of each group that is on the list or was offered it, how far the offer went."""
    live = release.current()
    if live is None:
        return []
    so_far = {measure: _people(rows, measure) for measure in REACHED}
    everyone = _people(rows, "listed") | so_far["accept"]
    found = []
    for lens in lenses.COMPARED:
        dimension = lenses.dimension(live, lens)
        groups = {value: live.bitmap(lens, value) for value in live.values(lens)}
        columns = [
            _published(
                viewer,
                title,
                [
                    Cell({lens: value}, everyone & group, so_far[measure] & group)
                    for value, group in groups.items()
                ],
            ).cells
            for measure, title in REACHED.items()
        ]
        labels = dimension.labels
        found.append(
            Reach(
                dimension.title,
                [
                    (labels.get(value, value), [column[n] for column in columns])
                    for n, value in enumerate(groups)
                ],
            )
        )
    return found


def _told(viewer: Viewer, spec: ListSpec, rows: list[ProgrammeTally]) -> list[Told]:
    found = []
    for measure in spec.reported:
        cells = [
            Cell(
                {"when": when},
                _people(rows, f"{when}:{measure.name}"),
                amount=_amount(rows, f"{when}:{measure.name}"),
            )
            for when in ("first", "last")
        ]
        published = disclosure.protect(
            cells, measure=Measure(measure.title, unit="points", per=1), viewer=viewer
        )
        found.append(Told(measure.title, *published.cells))
    return found


def _steps(viewer: Viewer, name: str) -> list[StepOf]:
    """The steps of the whole area's comparison, with what was known at the draw."""
    rows = ProgrammeTally.objects.filter(
        programme=name, practice_code="", measure__startswith="step:"
    )
    found = []
    for row in rows:
        number = int(row.measure.partition(":")[2])
        people = BitMap.deserialize(bytes(row.persons))
        cell = _published(
            viewer, "In the comparison", [Cell({"step": str(number)}, people)]
        ).cells[0]
        found.append(
            StepOf(
                number + 1,
                date.fromisoformat(row.detail["starts_on"]),
                row.detail["practices"],
                cell,
                {} if cell.is_hidden else row.detail["means"],
            )
        )
    return sorted(found, key=lambda step: step.number)


def _amount(rows: Iterable[ProgrammeTally], measure: str) -> float:
    return sum(row.amount or 0.0 for row in rows if row.measure == measure)


def _changes(
    viewer: Viewer, spec: ListSpec, rows: list[ProgrammeTally]
) -> list[Change]:
    found = []
    for measure in spec.outcomes:
        cells = []
        for when in ("before", "after"):
            name = f"{when}:{measure}"
            cells.append(
                Cell({"when": when}, _people(rows, name), amount=_amount(rows, name))
            )
        published = disclosure.protect(
            cells,
            measure=Measure(measure, unit="uses", per=100),
            viewer=viewer,
        )
        words = measure.replace("_", " ").capitalize()
        found.append(Change(words, published.cells[0], published.cells[1]))
    return found
