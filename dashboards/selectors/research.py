"""A researcher's projects, their room, and what waits to leave it."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from django.db.models import Max
from pyroaring import BitMap

from dashboards import research_extract
from dashboards.models import ResearchExtract, ResearchOutput
from dashboards.steps.cross_table import cross_table
from governance import audit
from governance.access import Viewer
from governance.disclosure import Cell, Measure, Published, protect
from governance.registers import selectors as registers
from governance.registers.models import OptOutSet
from governance.registers.specs import ProjectSpec

MOST_COLUMNS = 3  # facts_governance: at most four dimensions, one of them what is told
LEAST_PEOPLE = 100
MOST_HIDDEN = 0.5


@dataclass(frozen=True)
class Project:
    """A project in force: its name, what was approved, and until when."""

    key: str
    spec: ProjectSpec
    ends_on: date | None


@dataclass(frozen=True)
class Check:
    """One rule that an output must meet before anybody is asked to release it."""

    rule: str
    is_met: bool
    said: str


@dataclass(frozen=True)
class Room:
    """What a researcher asked of an extract: the protected figures that may leave."""

    project: Project
    as_of: date
    rows: int
    by: list[str]
    of: str
    figures: Published
    checks: list[Check]

    @property
    def may_be_asked(self) -> bool:
        return all(check.is_met for check in self.checks)


class RefusedQuestionError(ValueError):
    """A question that an extract does not answer; says why."""


def in_force(on: date) -> list[Project]:
    """Return every project in force under an agreement that is in force as well."""
    book = registers.book()
    agreements = book.live("agreement", on)
    return [
        Project(key, entry.content, entry.expires_on)
        for key, entry in sorted(book.live("project", on).items())
        if isinstance(entry.content, ProjectSpec)
        and entry.content.agreement in agreements
    ]


def projects(viewer: Viewer, on: date) -> list[Project]:
    """Return the projects in force that name the viewer as a researcher."""
    return [each for each in in_force(on) if viewer.username in each.spec.researchers]


def project_of(viewer: Viewer, key: str, on: date) -> Project | None:
    """Return one of those projects."""
    return next((each for each in projects(viewer, on) if each.key == key), None)


def extract_of(viewer: Viewer, key: str, on: date) -> ResearchExtract | None:
    """Return a project's extract, still sealed; None before it is made."""
    if project_of(viewer, key, on) is None:
        return None
    return ResearchExtract.objects.filter(project=key).first()


def is_behind(extract: ResearchExtract) -> bool:
    """Whether somebody may have opted out since an extract was made."""
    newest = OptOutSet.objects.aggregate(at=Max("made_at"))["at"]
    return newest is not None and newest > extract.made_at


def room(viewer: Viewer, project: Project, by: list[str], of: str, on: date) -> Room:
    """Return what an extract says, audited as a reading of all its rows.

    RefusedQuestionError before there is an extract, or for columns it does not hold.
    """
    extract = extract_of(viewer, project.key, on)
    if extract is None:
        raise RefusedQuestionError("There is no extract yet.")
    if is_behind(extract):
        raise RefusedQuestionError(
            "Opt-outs were gathered since this extract was made: make it anew."
        )
    known = set(extract.columns) & set(project.spec.columns)
    if {*by, *filter(None, [of])} - known or len(set(by)) != len(by):
        raise RefusedQuestionError("Choose columns of the extract, each once.")
    if len(by) > MOST_COLUMNS:
        raise RefusedQuestionError(f"Choose at most {MOST_COLUMNS} columns.")
    audit.record(
        "research_room_viewed",
        viewer,
        subject=project.key,
        persons=extract.rows,
        columns=[*by, *filter(None, [of])],
    )
    frame = research_extract.unseal(extract.sealed, project.key)
    if any(frame.schema[name] != pl.String for name in by):
        raise RefusedQuestionError("Numbers are told of, not crossed by.")
    cells = [
        Cell(
            found.at,
            BitMap(found.rows),
            None if found.having is None else BitMap(found.having),
            found.amount,
        )
        for found in cross_table(frame, by, of)
    ]
    is_number = bool(of) and frame.schema[of] != pl.String
    measure = Measure(of or "People", per=(1 if is_number else 100) if of else None)
    figures = protect(cells, measure=measure, viewer=viewer)
    return Room(
        project=project,
        as_of=extract.as_of,
        rows=extract.rows,
        by=by,
        of=of,
        figures=figures,
        checks=checks(figures, extract.rows),
    )


def checks(figures: Published, rows: int) -> list[Check]:
    """Hold a protected table against the rules for what may leave."""
    hidden = sum(cell.is_hidden for cell in figures.cells)
    share = hidden / len(figures.cells) if figures.cells else 1.0
    return [
        Check(
            "Enough people stand behind the extract",
            rows >= LEAST_PEOPLE,
            f"{rows:,} people; at least {LEAST_PEOPLE}",
        ),
        Check(
            "The table is not mostly hidden, so that nothing is read from its gaps",
            share <= MOST_HIDDEN,
            f"{hidden} of {len(figures.cells)} cells hidden, the others rounded to 5;"
            f" at most {MOST_HIDDEN:.0%} may be",
        ),
    ]


def outputs(viewer: Viewer, key: str, on: date) -> list[ResearchOutput]:
    """Return what was asked to leave one of the viewer's projects, newest first."""
    if project_of(viewer, key, on) is None:
        return []
    return list(ResearchOutput.objects.filter(project=key).order_by("-pk"))


def released(viewer: Viewer, output_id: int, on: date) -> ResearchOutput | None:
    """Return a released output of one of the viewer's projects in force."""
    state = ResearchOutput.State.RELEASED
    found = ResearchOutput.objects.filter(pk=output_id, state=state).first()
    if found is None or project_of(viewer, found.project, on) is None:
        return None
    return found


def waiting() -> list[ResearchOutput]:
    """Return every output, those that wait for a decision first, for who governs."""
    found = ResearchOutput.objects.order_by("-pk")
    return sorted(found, key=lambda each: each.state != ResearchOutput.State.ASKED)


def output(output_id: int) -> ResearchOutput | None:
    """Return one output, for who governs."""
    return ResearchOutput.objects.filter(pk=output_id).first()


def table_of(found: ResearchOutput) -> tuple[list[str], list[list[Any]]]:
    """Return an output's protected figures as heads and rows, for page and file."""
    by = found.asked_for["by"]
    heads = [*by, "count", "denominator", "rate", "lower_95", "upper_95", "hidden"]
    return heads, [[row.get(head) for head in heads] for row in found.figures]
