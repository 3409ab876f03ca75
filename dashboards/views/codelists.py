"""Codelists: what is on them, a change with its effect, and the decision on it."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from dashboards.selectors import codelists as selectors
from governance.access import page
from linkage.codebook import actions, tasks
from linkage.codebook import selectors as codebook
from linkage.codebook.in_force import in_force

if TYPE_CHECKING:
    from linkage.models import CodelistVersion

MOST_BYTES = 5_000_000


@require_safe
@page("codelists")
def codelist_list(request: HttpRequest) -> HttpResponse:
    """Every codelist in force, and what waits for a decision."""
    asked = request.GET.get("q", "")[:80]
    context = {
        "title": "Codelists",
        "asked_for": asked,
        "lists": selectors.matching(asked),
        "waiting": codebook.waiting(),
        "may_propose": request.viewer.may_open("propose_codelist"),
        "systems": selectors.SYSTEM_TITLES,
    }
    return render(request, "definitions/codelists.html", context)


@require_safe
@page("codelists")
def codelist(request: HttpRequest, name: str) -> HttpResponse:
    """One list: codes, who reads it, versions, codes never seen in our data."""
    lists = in_force()
    if name not in lists:
        raise Http404("There is no such codelist.")
    listed = lists[name]
    unseen = codebook.unseen_of(listed) if codebook.was_looked() else None
    context = {
        "title": listed.spec.title,
        "name": name,
        "listed": listed,
        "use": codebook.use_of(name),
        "versions": codebook.versions(name),
        "unseen": unseen,
        "may_propose": request.viewer.may_open("propose_codelist"),
        "systems": selectors.SYSTEM_TITLES,
    }
    return render(request, "definitions/codelist.html", context)


@require_POST
@page("propose_codelist")
def propose_codelist(request: HttpRequest) -> HttpResponse:
    """Take a CSV as a proposed version; its effect is worked out in the queue."""
    name = request.POST.get("name", "").strip()
    try:
        version = actions.propose(
            name=name,
            by=request.viewer.username,
            **_uploaded(request),
        )
    except actions.RefusedCodelistError as error:
        messages.error(request, str(error))
        known = name in in_force()
        back = reverse("codelist", args=[name]) if known else reverse("codelists")
        return HttpResponseRedirect(back)
    tasks.measure_codelist.delay_on_commit(version.pk)
    return HttpResponseRedirect(_address(version))


def _uploaded(request: HttpRequest) -> dict[str, Any]:
    file = request.FILES.get("file")
    if file is None:
        raise actions.RefusedCodelistError("Choose a CSV file first.")
    if file.size is None or file.size > MOST_BYTES:
        raise actions.RefusedCodelistError("The file is larger than five megabytes.")
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise actions.RefusedCodelistError(
            "The file is not text in UTF-8: save it from the spreadsheet as CSV UTF-8."
        ) from error
    given = {
        key: request.POST.get(key, "").replace("\0", "").strip()
        for key in ("why", "system", "match", "title", "source")
    }
    return given | {"text": text, "where": (file.name or "upload")[:120]}


@require_safe
@page("codelists")
def codelist_version(request: HttpRequest, name: str, version: int) -> HttpResponse:
    """One version: what changed, who would enter and leave, and the decision."""
    found = _version(name, version)
    viewer = request.viewer
    context = {
        "title": f"{found.title}: version {found.version}",
        "name": name,
        "version": found,
        "change": codebook.change_of(found),
        "effects": selectors.effects(viewer, found),
        "is_outdated": found in codebook.outdated(),
        "unseen": codebook.unseen_in(found) if codebook.was_looked() else None,
        "may_decide": viewer.may_open("decide_codelist")
        and found.proposed_by != viewer.username,
    }
    return render(request, "definitions/codelist_version.html", context)


@require_POST
@page("decide_codelist")
def decide_codelist(request: HttpRequest, name: str, version: int) -> HttpResponse:
    """Accept or decline a proposed version."""
    found = _version(name, version)
    decide = actions.accept if request.POST.get("choice") == "accept" else None
    decide = decide or actions.decline
    try:
        decide(version_id=found.pk, by=request.viewer.username)
    except actions.RefusedCodelistError as error:
        messages.error(request, str(error))
    for each in codebook.outdated():
        tasks.measure_codelist.delay_on_commit(each.pk)
    return HttpResponseRedirect(_address(found))


def _version(name: str, version: int) -> "CodelistVersion":
    found = codebook.version_of(name, version)
    if found is None:
        raise Http404("There is no such version.")
    return found


def _address(version: "CodelistVersion") -> str:
    return reverse("codelist-version", args=[version.name, version.version])
