"""Research: projects, their room, outputs that wait, and those that may leave."""

from django.contrib import messages
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    QueryDict,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboards import tasks
from dashboards.actions import research as actions
from dashboards.exports import csv_text
from dashboards.selectors import research as selectors
from governance import audit
from governance.access import page
from governance.disclosure import as_rows


@require_safe
@page("research")
def projects(request: HttpRequest) -> HttpResponse:
    """The projects in force that name the viewer."""
    found = selectors.projects(request.viewer, timezone.localdate())
    title = f"You work on {len(found)} project{'s' * (len(found) != 1)}"
    return render(request, "research/projects.html", {"title": title, "found": found})


@require_safe
@page("research")
def room(request: HttpRequest, name: str) -> HttpResponse:
    """A project's extract, asked by up to three of its columns."""
    project = _project(request, name)
    today = timezone.localdate()
    context = {
        "title": project.spec.title,
        "project": project,
        "extract": selectors.extract_of(request.viewer, name, today),
        "outputs": selectors.outputs(request.viewer, name, today),
        "by": request.GET.getlist("by"),
        "of": request.GET.get("of", ""),
    }
    if context["extract"] is not None:
        try:
            found = _room(request, project, request.GET)
        except selectors.RefusedQuestionError as error:
            messages.error(request, str(error))
        else:
            context |= {"found": found, "rows": as_rows(found.figures)}
    return render(request, "research/room.html", context)


@require_POST
@page("research")
def make_extract(request: HttpRequest, name: str) -> HttpResponse:
    """Have the project's extract made, or made anew, by the worker."""
    _project(request, name)
    tasks.make_extract.delay_on_commit(name, request.viewer.username)
    messages.success(request, "The extract is being made. Look again in a minute.")
    return HttpResponseRedirect(reverse("research-room", args=[name]))


@require_POST
@page("research")
def ask(request: HttpRequest, name: str) -> HttpResponse:
    """Ask for a table to leave; somebody who governs decides."""
    project = _project(request, name)
    try:
        actions.ask(
            room=_room(request, project, request.POST),
            title=request.POST.get("title", "").replace("\0", ""),
            why=request.POST.get("why", "").replace("\0", ""),
            by=request.viewer,
        )
    except (selectors.RefusedQuestionError, actions.RefusedOutputError) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Asked. It leaves once somebody else releases it.")
    return HttpResponseRedirect(reverse("research-room", args=[name]))


@require_safe
@page("research")
def output_csv(request: HttpRequest, request_id: int) -> HttpResponse:
    """A released output as CSV: the protected figures that were released."""
    found = selectors.released(request.viewer, request_id, timezone.localdate())
    if found is None:
        raise Http404("No such output has been released.")
    heads, rows = selectors.table_of(found)
    audit.record(
        "research_output_fetched",
        request.viewer,
        subject=found.project,
        output=found.pk,
    )
    text = csv_text(heads, rows)
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="output-{found.pk}.csv"'
    return response


@require_safe
@page("release_output")
def outputs(request: HttpRequest) -> HttpResponse:
    """Every output, those that wait for a decision first."""
    found = selectors.waiting()
    waits = sum(each.state == "asked" for each in found)
    title = f"{waits} output{'s' * (waits != 1)} to decide on"
    return render(request, "research/outputs.html", {"title": title, "found": found})


@require_safe
@page("release_output")
def output(request: HttpRequest, request_id: int) -> HttpResponse:
    """One output: what was asked, the checks, and the figures that would leave."""
    found = selectors.output(request_id)
    if found is None:
        raise Http404("There is no such output.")
    heads, rows = selectors.table_of(found)
    audit.record(
        "research_output_viewed",
        request.viewer,
        subject=found.project,
        output=found.pk,
    )
    context = {"title": found.title, "found": found, "heads": heads, "rows": rows}
    return render(request, "research/output.html", context)


@require_POST
@page("release_output")
def decide(request: HttpRequest, request_id: int) -> HttpResponse:
    """Release or refuse an output that somebody else asked for."""
    if selectors.output(request_id) is None:
        raise Http404("There is no such output.")
    try:
        actions.decide(
            output_id=request_id,
            release=request.POST.get("choice") == "release",
            why=request.POST.get("why", "").replace("\0", ""),
            by=request.viewer,
        )
    except actions.RefusedOutputError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("research-output", args=[request_id]))


def _project(request: HttpRequest, name: str) -> selectors.Project:
    found = selectors.project_of(request.viewer, name, timezone.localdate())
    if found is None:
        raise Http404("There is no such project in force.")
    return found


def _room(
    request: HttpRequest, project: selectors.Project, told: QueryDict
) -> selectors.Room:
    by = [name for name in told.getlist("by") if name]
    of = told.get("of", "")
    return selectors.room(request.viewer, project, by, of, timezone.localdate())
