"""A saved cohort: its page, its versions and settings, its files, its list."""

import json
import logging
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import yaml
from celery.exceptions import OperationalError
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe
from pydantic import ValidationError

from dashboards import cohort_files as files
from dashboards.definitions import INDICATORS
from dashboards.figures import presented
from dashboards.selectors.asked import Asked
from dashboards.selectors.cohorts import counts, course, figures, overlaps
from dashboards.selectors.cohorts import people as people_selectors
from dashboards.selectors.cohorts.asking import CohortAsked
from dashboards.selectors.cohorts.guarded import guarded
from dashboards.selectors.cohorts.outside import outside
from dashboards.views.asking import asked_from, choices, no_release
from dashboards.views.cohorts import address_of, answered
from governance import access
from linkage.release import selectors as release
from risk.standing import halted_behind
from segmentation import tasks
from segmentation.cohorts import actions
from segmentation.cohorts import selectors as saved
from segmentation.cohorts.actions import RefusedCohortError
from segmentation.cohorts.selectors import UnknownCohortError
from segmentation.cohorts.specs import Coded, CohortSpec, Who, criteria

if TYPE_CHECKING:
    from segmentation.models import CohortVersion

REVIEW_AFTER = timedelta(days=365)
MOST_BYTES = 100_000
log = logging.getLogger("catchment.cohorts")


@access.page("cohorts")
@require_safe
def cohort(request: HttpRequest, cohort_id: int) -> HttpResponse:
    """Show a saved cohort: how many, who, together with what, and its course."""
    version = _version(request, cohort_id)
    asked = asked_from(request)
    if asked is None:
        return no_release(request, version.cohort.title)
    made = _asked(asked, version)
    context = choices(request, asked) | answered(request, made, with_figures=True)
    answer = context["answer"]
    if context["figures"]:
        laid = overlaps.together(made, request.GET.getlist("set"))
        if laid is not None:
            context["overlap"] = presented(laid, csv_href="")
        context["flags"] = overlaps.flags(made)
        context["laid"] = overlaps.chosen(made, request.GET.getlist("set"))
        context["most_sets"] = overlaps.most_sets(made)
    viewer = request.viewer
    context |= {
        "title": f"{version.cohort.title}: {answer.headline.lower()}",
        "saved": version.cohort,
        "version": version,
        "versions": version.cohort.versions.order_by("-number"),
        "is_mine": version.cohort.owner_id == viewer.user_id,
        "may_save": viewer.may_open("cohort_save"),
        "may_list": viewer.may_open("cohort_people") and viewer.sees_rows(),
        "edit_href": _edit_href(asked, version),
        "sharings": saved.SHARINGS,
        "everys": saved.EVERYS,
        "is_overdue": version.cohort.review_by < timezone.localdate(),
        "course": []
        if answer.waiting or answer.problem
        else course.course(made, version),
        "others": [c for c in saved.cohorts(viewer) if c.pk != cohort_id],
        "indicators": list(INDICATORS.items()),
        "may_indicators": viewer.may_open("indicator"),
        "here": request.get_full_path(),
        "definition": json.dumps(version.who),
    }
    return render(request, "cohorts/cohort.html", context)


def _asked(asked: Asked, version: "CohortVersion") -> CohortAsked:
    return CohortAsked(asked, saved.who_of(version), version.cohort.title)


def _version(request: HttpRequest, cohort_id: int) -> "CohortVersion":
    number = request.GET.get("version", "")
    try:
        return saved.version_of(
            request.viewer, cohort_id, int(number) if number.isdecimal() else None
        )
    except UnknownCohortError as error:
        raise Http404(str(error)) from error


def _edit_href(asked: Asked, version: "CohortVersion") -> str:
    is_mine = version.cohort.owner_id == asked.viewer.user_id
    return address_of(
        saved.who_of(version),
        asked.release.catalogue,
        of=str(version.cohort_id) if is_mine else "",
        place=asked.place.code,
        basis=asked.geography.basis,
    )


@access.page("cohort_save")
@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Keep what the builder shows: as a new cohort, or as a new version of one."""
    try:
        who = Who.model_validate_json(request.POST.get("definition", ""))
        edited = request.POST.get("of", "")
        if edited.isdecimal() and "as_version" in request.POST:
            made = actions.save_version(
                cohort_id=int(edited),
                who=who,
                note=request.POST.get("note", ""),
                by=request.viewer,
            ).cohort
        else:
            made = actions.save_cohort(
                title=request.POST.get("title", ""),
                who=who,
                why=request.POST.get("why", ""),
                review_by=_day(request.POST.get("review_by", "")),
                today=timezone.localdate(),
                by=request.viewer,
            )
    except (RefusedCohortError, UnknownCohortError, ValidationError) as error:
        words = "The definition cannot be read."
        messages.error(
            request, words if isinstance(error, ValidationError) else str(error)
        )
        return _back(request, reverse("cohort-build"))
    messages.success(request, f"“{made.title}” is saved.")
    return HttpResponseRedirect(reverse("cohort", args=[made.pk]))


@access.page("cohort_save")
@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Take a definition file into the builder, where it is seen before it is kept."""
    live = release.current()
    file = request.FILES.get("definition")
    if live is None or file is None or file.size > MOST_BYTES:
        messages.error(request, "Choose a definition file of at most 100 kilobytes.")
        return HttpResponseRedirect(reverse("cohorts"))
    try:
        spec = CohortSpec.model_validate(yaml.safe_load(file.read()))
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        where = error.errors()[0]["msg"] if isinstance(error, ValidationError) else ""
        messages.error(request, f"This is no definition of a cohort. {where}".strip())
        return HttpResponseRedirect(reverse("cohorts"))
    return HttpResponseRedirect(address_of(spec.who, live.catalogue))


@access.page("cohort_save")
@require_POST
def settle(request: HttpRequest, cohort_id: int) -> HttpResponse:
    """Set who may open a cohort, how often it is counted, and its review date."""
    try:
        actions.settle_cohort(
            cohort_id=cohort_id,
            sharing=request.POST.get("sharing", ""),
            every=request.POST.get("every", ""),
            review_by=_day(request.POST.get("review_by", "")),
            today=timezone.localdate(),
            by=request.viewer,
        )
        messages.success(request, "The settings are saved.")
    except (RefusedCohortError, UnknownCohortError) as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("cohort", args=[cohort_id]))


@access.page("cohort_save")
@require_POST
def copy(request: HttpRequest, cohort_id: int) -> HttpResponse:
    """Make one's own copy of a cohort."""
    version = _version(request, cohort_id)
    today = timezone.localdate()
    try:
        made = actions.fork_cohort(
            cohort_id=cohort_id,
            number=version.number,
            review_by=today + REVIEW_AFTER,
            today=today,
            by=request.viewer,
        )
    except (RefusedCohortError, UnknownCohortError) as error:
        messages.error(request, f"No copy was made: {str(error).rstrip('.')}.")
        return HttpResponseRedirect(reverse("cohort", args=[cohort_id]))
    messages.success(request, "This is your own copy; the original stays as it is.")
    return HttpResponseRedirect(reverse("cohort", args=[made.pk]))


@access.page("cohort_save")
@require_POST
def retire(request: HttpRequest, cohort_id: int) -> HttpResponse:
    """Take one's cohort out of the lists."""
    try:
        actions.retire_cohort(cohort_id=cohort_id, by=request.viewer)
        messages.success(request, "The cohort is retired; its versions stay on record.")
    except (RefusedCohortError, UnknownCohortError) as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("cohorts"))


@access.page("cohorts")
@require_POST
def search(request: HttpRequest) -> HttpResponse:
    """Start the search for the codes that a definition names, over every shard."""
    live = release.current()
    try:
        who = Who.model_validate_json(request.POST.get("definition", ""))
    except ValidationError:
        messages.error(request, "The definition cannot be read.")
        return _back(request, reverse("cohort-build"))
    if live is None:
        return _back(request, reverse("cohort-build"))
    if words := outside(request.viewer, who, live.catalogue):
        raise PermissionDenied(f"{'; '.join(words)}, which your role does not see.")
    named = guarded(request.viewer, who, live.catalogue)
    if named and not request.viewer.sees_sensitive:
        raise PermissionDenied("Your role and purpose do not see these codes.")
    for each in criteria(who):
        if isinstance(each, Coded):
            started = actions.ask_search(asked=each, view=live, by=request.viewer)
            transaction.on_commit(lambda pk=started.pk: _dispatch(pk))
    return _back(request, reverse("cohort-build"))


def _dispatch(search_id: int) -> None:
    """Queue the search now; without a queue the beat finds it within minutes."""
    try:
        tasks.dispatch(search_id)
    except OperationalError:
        log.warning("no queue: search %s waits for the beat", search_id)


@access.page("cohorts")
@require_safe
def definition(request: HttpRequest, cohort_id: int) -> HttpResponse:
    """Send a cohort's definition as YAML."""
    described = actions.describe(_version(request, cohort_id), request.viewer)
    return files.as_yaml(described, f"cohort-{cohort_id}")


@access.page("cohorts")
@require_safe
def download(request: HttpRequest, cohort_id: int, kind: str) -> HttpResponse:
    """Send a cohort's figures; protected but for direct care of one's own list."""
    version = _version(request, cohort_id)
    asked = asked_from(request, leaves=True)
    if asked is None:
        raise Http404("there is no release yet")
    made = _asked(asked, version)
    answer = counts.answer(made)
    if answer.total is None:
        raise PermissionDenied(
            f"{answer.headline}: {'; '.join(answer.refusals) or 'try again later'}."
        )
    made.note("cohort_downloaded", version=version.number, kind=kind)
    specs = [counts.attrition_figure(made), *(s for _, s in figures.figures(made))]
    name = f"cohort-{cohort_id}-v{version.number}-{asked.release.as_of.isoformat()}"
    if kind == "csv":
        return files.figures_csv(specs, name)
    about = [
        ("Cohort", version.cohort.title),
        ("Why", version.cohort.why),
        ("Version", f"{version.number}, definition {version.digest[:12]}"),
        ("Place", asked.place.name),
        ("Data to", asked.release.as_of.isoformat()),
        ("Release", str(asked.release.id)),
        ("Disclosure", answer.kind),
        *((f"Step {n}", step.words) for n, step in enumerate(answer.steps, 1)),
    ]
    return files.figures_xlsx(specs, about, name)


@access.page("indicator")
@require_safe
def as_denominator(request: HttpRequest, cohort_id: int) -> HttpResponse:
    """Lead to an indicator among the people of a cohort."""
    name = request.GET.get("indicator", "")
    if name not in INDICATORS:
        raise Http404("no such indicator")
    query = {"cohort": str(cohort_id)}
    return HttpResponseRedirect(reverse("indicator", args=[name], query=query))


@access.page("cohort_people")
@require_safe
def people(request: HttpRequest, cohort_id: int) -> HttpResponse:
    """Show a team's own people who are in a cohort: the cohort as a list."""
    version = _version(request, cohort_id)
    asked = asked_from(request)
    if asked is None:
        return no_release(request, version.cohort.title)
    if not request.viewer.sees_rows():
        raise PermissionDenied("Your role sees no rows of people.")
    made = _asked(asked, version)
    answer = counts.answer(made)
    first = request.GET.get("from", "0")
    context: dict[str, Any] = {
        "title": version.cohort.title,
        "saved": version.cohort,
        "answer": answer,
        "page": None,
        "steps": [made.words(step.rule) for step in made.steps] if answer.total else [],
    }
    if answer.total is not None:
        context["halted"] = halted_behind([people_selectors.ORDER])
        context["page"] = people_selectors.people(
            made, first=int(first) if first.isdecimal() else 0
        )
    return render(request, "cohorts/people.html", context)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise RefusedCohortError("Give the review date as a date.") from error


def _back(request: HttpRequest, otherwise: str) -> HttpResponseRedirect:
    """Return to the page that the form stood on, if it is one of ours."""
    wanted = request.POST.get("next", "")
    is_ours = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, None)
    return HttpResponseRedirect(wanted if is_ours else otherwise)
