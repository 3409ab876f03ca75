"""What a list yields, by reason and by practice: confirmed, new, helped.

A team sees exact counts of its own people; everybody else protected ones. A rule that
teams hardly ever accept is named, with who owns it: only where the figure as published
says so, so that nothing is told that the table does not show. A reason is a line for
whom a card may tell it alone: a team counts few people, and knows them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pyroaring import BitMap

from dashboards.definitions import LISTS
from dashboards.list_specs import ListSpec
from dashboards.models import ProgrammeTally
from dashboards.selectors.programmes import practices_of
from dashboards.selectors.worklist_told import reasons_told
from dashboards.steps.reasons import bare
from governance import audit, disclosure
from governance.access import Viewer
from governance.disclosure import Cell, Measure, PublishedCell
from governance.models import Org

# What becomes of those who were decided on. "New": right, and nobody helped before.
COLUMNS = {
    "confirmed": "Confirmed",
    "accept": "New to the team",
    "done": "Helped: step done",
    "better": "Say they are better",
}
# A rule is called unaccepted when even the upper end of the interval of its accepted
# share lies under this, in 100, of so many decisions or more.
HARDLY_ANY = 20.0
FEWEST_DECISIONS = 20


@dataclass(frozen=True)
class Line:
    """One reason or practice: of those decided on, what became of them."""

    title: str
    cells: list[PublishedCell]


@dataclass(frozen=True)
class Yield:
    """A programme's yield at one place. `unaccepted`: rules that teams turn down.

    `untold` is how many reasons are outside what the viewer's role may see.
    """

    spec: ListSpec
    columns: list[str]
    by_reason: list[Line]
    by_practice: list[Line]
    unaccepted: list[Line]
    untold: int
    notes: tuple[str, ...]


def yield_of(viewer: Viewer, name: str) -> Yield:
    """Return what the list of a programme led to, in the viewer's place."""
    spec = LISTS[name]
    practices = practices_of(viewer)
    if viewer.sees_rows():
        audit.record("list_yield_viewed", viewer, subject=name)
    rows = list(
        ProgrammeTally.objects.filter(programme=name, practice_code__in=practices)
    )
    columns = [name for name in COLUMNS if spec.reported or name != "better"]
    by_reason, notes = _of_reasons(viewer, spec, rows, columns)
    names = dict(Org.objects.filter(code__in=practices).values_list("code", "name"))
    by_practice = [
        _line(
            viewer,
            names.get(code, code),
            _gathered(row for row in rows if row.practice_code == code),
            columns,
        )[0]
        for code in sorted(practices)
    ]
    return Yield(
        spec,
        [COLUMNS[column] for column in columns],
        by_reason,
        by_practice,
        [line for line in by_reason if is_unaccepted(line.cells)],
        len(spec.reasons) - len(by_reason),
        notes,
    )


def unaccepted(viewer: Viewer) -> dict[str, int]:
    """Return how many rules of each programme teams turn down, where there are any."""
    rows: dict[str, list[ProgrammeTally]] = {}
    for row in ProgrammeTally.objects.filter(
        practice_code__in=practices_of(viewer),
        measure__regex=r"^why:[0-9]+:(decided|accept)$",
    ):
        rows.setdefault(row.programme, []).append(row)
    found = {}
    for name, mine in rows.items():
        if name in LISTS:
            lines, _ = _of_reasons(viewer, LISTS[name], mine, ["accept"])
            rules = sum(is_unaccepted(line.cells) for line in lines)
            found |= {name: rules} if rules else {}
    return found


def is_unaccepted(cells: list[PublishedCell]) -> bool:
    """Whether the published figures say that a rule is hardly ever accepted."""
    taken = next(cell for cell in cells if cell.at["what"] == "accept")
    return (
        taken.upper is not None
        and (taken.denominator or 0) >= FEWEST_DECISIONS
        and taken.upper < HARDLY_ANY
    )


def _of_reasons(
    viewer: Viewer, spec: ListSpec, rows: list[ProgrammeTally], columns: list[str]
) -> tuple[list[Line], tuple[str, ...]]:
    every = _gathered(rows)
    lines: list[Line] = []
    notes: list[str] = []
    told = reasons_told(viewer, spec)
    for n, reason in enumerate(spec.reasons):
        if reason not in told:
            continue
        head = f"why:{n}:"
        people = {
            name.removeprefix(head): found
            for name, found in every.items()
            if name.startswith(head)
        }
        line, said = _line(viewer, bare(reason.text), people, columns)
        lines.append(line)
        notes += [note for note in said if note not in notes]
    return lines, tuple(notes)


def _gathered(rows: Iterable[ProgrammeTally]) -> dict[str, BitMap]:
    """Return each measure's people, of all months and practices together."""
    found: dict[str, BitMap] = {}
    for row in rows:
        people = BitMap.deserialize(bytes(row.persons))
        found[row.measure] = found.get(row.measure, BitMap()) | people
    return found


def _line(
    viewer: Viewer, title: str, people: dict[str, BitMap], columns: list[str]
) -> tuple[Line, tuple[str, ...]]:
    """Publish one line: of those decided on, who is in each column."""
    publish = disclosure.for_own_list if viewer.sees_rows() else disclosure.protect
    decided, accepted, known = (
        people.get(name, BitMap()) for name in ("decided", "accept", "already_known")
    )
    taken = people | {"accept": accepted, "confirmed": accepted | known}
    published = publish(
        [
            Cell({"what": name}, decided, taken.get(name, BitMap()) & decided)
            for name in columns
        ],
        measure=Measure("Of those decided on", per=100),
        viewer=viewer,
    )
    return Line(title, list(published.cells)), published.notes
