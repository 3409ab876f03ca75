"""The airlock: an extract is made for a project, and a table leaves by two people."""

from datetime import date

from django.db import connection, transaction
from django.utils import timezone
from pyroaring import BitMap

from dashboards import research_extract
from dashboards.models import (
    ResearchExtract,
    ResearchOutput,
    RightsErasure,
    RightsSubject,
)
from dashboards.research_extract import RefusedExtractError
from dashboards.selectors import research as selectors
from governance import access, audit
from governance.access import Viewer
from governance.disclosure import as_rows
from governance.models import User
from linkage.models import Release
from linkage.release import selectors as release
from linkage.release.selectors import ReleaseView

STATES = ResearchOutput.State
PURPOSE = "research"


class RefusedOutputError(ValueError):
    """An output that is not asked for, or not decided on; says why."""


def make_extract(*, project: str, username: str, today: date) -> int:
    """Make a project's extract anew of the release as research may use it; its rows.

    As the worker, for one of the project's researchers: whoever has opted out of
    research, and what has no legal basis for it, is not in it. RefusedExtractError.
    """
    viewer = access.admit(User.objects.get(username=username), purpose=PURPOSE)
    found = selectors.project_of(viewer, project, today)
    if found is None or viewer.purpose != PURPOSE:
        raise RefusedExtractError("There is no such project in force for them.")
    with access.scoped(viewer):
        research_extract.take_turns()
        begun = timezone.now()  # what is gathered is as old as this, and no newer
        view = release.current()
        if view is None:
            raise RefusedExtractError("There is no release yet.")
        people = view.everyone & _still_held(view)
        frame = research_extract.gather(view, people, found.spec.columns, project)
        ResearchExtract.objects.update_or_create(
            project=project,
            defaults={
                "release_id": view.id,
                "as_of": view.as_of,
                "columns": list(found.spec.columns),
                "rows": frame.height,
                "made_at": begun,
                "sealed": research_extract.seal(frame, project),
            },
        )
        audit.record(
            "research_extract_made",
            viewer,
            subject=project,
            persons=frame.height,
            columns=len(found.spec.columns),
        )
    return frame.height


def _still_held(view: ReleaseView) -> BitMap:
    """Whom the store holds now, less whom an erasure has changed since the release.

    A release goes on holding who was erased until the next one is published.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT person_no FROM person")
        held = BitMap(person_no for (person_no,) in cursor)
    begun = Release.objects.values_list("started_at", flat=True).get(pk=view.id)
    since = RightsErasure.objects.filter(
        state=RightsErasure.State.DONE, done_at__gte=begun
    )
    erased = RightsSubject.objects.filter(request__in=since.values("request"))
    return held - BitMap(erased.values_list("person_no", flat=True))


def forget_extracts(*, on: date) -> int:
    """Remove the extracts of projects no longer in force; returns how many.

    As the worker. A project that is prolonged makes its extract anew.
    """
    live = [each.key for each in selectors.in_force(on)]
    ended = ResearchExtract.objects.exclude(project__in=live)
    gone = list(ended.values_list("project", flat=True))
    for project in gone:
        audit.record("research_extract_removed", None, subject=project)
        ResearchExtract.objects.filter(project=project).delete()
    return len(gone)


def ask(*, room: selectors.Room, title: str, why: str, by: Viewer) -> ResearchOutput:
    """Ask for a table to leave: its protected figures, nothing exact, are kept."""
    if not title.strip() or not why.strip():
        raise RefusedOutputError("Say what the table is, and what it is for.")
    if failed := next((c for c in room.checks if not c.is_met), None):
        raise RefusedOutputError(f"{failed.rule}: {failed.said}.")
    with transaction.atomic():
        made = ResearchOutput.objects.create(
            project=room.project.key,
            title=title[:120],
            why=why[:300],
            asked_for={"by": room.by, "of": room.of, "as_of": room.as_of.isoformat()},
            figures=as_rows(room.figures),
            checks=[[c.rule, c.said] for c in room.checks],
            asked_by=by.username,
            asked_at=timezone.now(),
        )
        audit.record(
            "research_output_asked",
            by,
            subject=room.project.key,
            output=made.pk,
            cells=len(made.figures),
        )
    return made


def decide(*, output_id: int, release: bool, why: str, by: Viewer) -> ResearchOutput:
    """Release or refuse an output that somebody else asked for."""
    if not why.strip():
        raise RefusedOutputError("Say why.")
    with transaction.atomic():
        # Postgres lets the web lock what waits alone: a decided row is not there.
        waits = ResearchOutput.objects.select_for_update().filter(
            pk=output_id, state=STATES.ASKED
        )
        made = waits.first()
        if made is None:
            raise RefusedOutputError("This output is decided on already.")
        if made.asked_by == by.username:
            raise RefusedOutputError("Somebody else must decide on what you asked for.")
        made.state = STATES.RELEASED if release else STATES.REFUSED
        made.decided_by, made.decided_at = by.username, timezone.now()
        made.decided_why = why[:300]
        made.save(update_fields=["state", "decided_by", "decided_at", "decided_why"])
        audit.record(
            f"research_output_{made.state}", by, subject=made.project, output=made.pk
        )
    return made
