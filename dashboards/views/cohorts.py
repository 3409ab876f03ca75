"""The cohort builder: criteria in the address, counts and characterisation beside them.

Every state of the builder is an address, so that it works without script, can be
sent to a colleague (who sees what *they* may), and goes back with the back button.
"""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboards import cohort_form as form
from dashboards.figures import PresentedFigure, presented
from dashboards.selectors.cohorts import apart, counts, figures, naming
from dashboards.selectors.cohorts.asking import CohortAsked
from dashboards.selectors.cohorts.counts import Answer
from dashboards.selectors.cohorts.outside import told
from dashboards.views.asking import asked_from, choices, no_release
from governance import access
from linkage import imported
from linkage.release.catalogue import Catalogue
from linkage.vocabulary import SYSTEMS
from segmentation.cohorts import selectors as saved
from segmentation.cohorts.searches import search_of
from segmentation.cohorts.selectors import UnknownCohortError
from segmentation.cohorts.specs import Coded, Who, criteria

NEW_GROUP = "new"
# How many values are boxes to tick; more are a list to choose from.
MOST_BOXES = 24


@access.page("cohorts")
@require_safe
def cohort_list(request: HttpRequest) -> HttpResponse:
    """List the cohorts that the viewer may open, and offer a new one."""
    found = saved.cohorts(request.viewer)
    context = {
        "title": "Cohorts",
        "mine": [c for c in found if c.owner_id == request.viewer.user_id],
        "shared": [c for c in found if c.owner_id != request.viewer.user_id],
        "may_save": request.viewer.may_open("cohort_save"),
    }
    return render(request, "cohorts/cohorts.html", context)


@access.page("cohorts")
@require_safe
def build(request: HttpRequest) -> HttpResponse:
    """Show the criteria of the address, how many match, and who they are."""
    asked = asked_from(request)
    if asked is None:
        return no_release(request, "Build a cohort")
    catalogue = asked.release.catalogue
    draft = form.draft_of(request.GET)
    if "do" in request.GET or "add" in request.GET:
        return HttpResponseRedirect(_acted(request, draft, catalogue))
    target = request.htmx.target if request.htmx else None
    if target == "found":
        return render(request, "cohorts/_found.html", _found(request, catalogue))
    who, problems = form.who_of(draft, catalogue)
    edited = _edited(request)
    cohort = CohortAsked(asked, who, edited.title if edited else "This cohort")
    context = choices(request, asked) | answered(
        request, cohort, with_figures=target != "answer"
    )
    context |= {
        "edited": edited,
        "definition": who.model_dump_json(exclude_none=True),
        "may_save": request.viewer.may_open("cohort_save"),
        "here": request.get_full_path(),
        "part_href": request.get_full_path(),
    }
    if target == "answer":
        return render(request, "cohorts/_answer.html", context)
    if target == "who":
        return render(request, "cohorts/_who.html", context)
    context |= _found(request, catalogue) | {
        "title": context["answer"].headline,
        "draft": draft,
        "problems": problems,
        "joins": form.JOIN_WORDS,
        "controls": {
            row.number: _control(row, cohort, catalogue) for row in draft.rows
        },
        "codelists": sorted(naming.codelist_titles().items(), key=lambda e: e[1]),
        "systems": list(SYSTEMS),
        "focus": request.GET.get("focus", ""),
        "not_recorded": form.NOT_RECORDED,
    }
    return render(request, "cohorts/build.html", context)


def answered(
    request: HttpRequest, cohort: CohortAsked, *, with_figures: bool
) -> dict[str, Any]:
    """Return the counts of a cohort and, where there are any, its figures."""
    answer = counts.answer(cohort)
    cohort.note("cohort_counted", steps=len(answer.steps))
    has_figures = with_figures and bool(answer.steps) and not _is_empty(answer)
    context: dict[str, Any] = {
        "cohort": cohort,
        "answer": answer,
        "figures": [],
        "apart": None,
        "waiting_asked": answer.waiting is not None and _is_asked(cohort),
    }
    if has_figures:
        context["figures"] = shown(cohort)
        context["apart"] = apart.as_table(apart.representation(cohort), cohort)
    return context


def shown(cohort: CohortAsked) -> list[PresentedFigure]:
    """Return a cohort's figures ready for the page; downloads are of saved ones."""
    return [presented(spec, csv_href="") for _, spec in figures.figures(cohort)]


def _is_empty(answer: Answer) -> bool:
    return answer.total is None or answer.total.is_hidden or not answer.total.count


def _is_asked(cohort: CohortAsked) -> bool:
    return all(
        search_of(each, cohort.asked.release) is not None
        for each in criteria(cohort.who)
        if isinstance(each, Coded)
    )


def _edited(request: HttpRequest) -> Any:
    """Return the saved cohort that the builder changes, if the address names one."""
    number = request.GET.get("of", "")
    if not number.isdecimal():
        return None
    try:
        return saved.cohort_of(request.viewer, int(number))
    except UnknownCohortError as error:
        raise PermissionDenied(str(error)) from error


def address(draft: form.Draft, **more: Any) -> str:
    """Return the builder's address for a draft."""
    kept = {key: value for key, value in more.items() if value}
    return reverse("cohort-build", query=draft.as_query() | kept)


def address_of(who: Who, catalogue: Catalogue, **more: Any) -> str:
    """Return the builder's address for a definition."""
    return address(form.draft_from(who, catalogue), **more)


def _acted(request: HttpRequest, draft: form.Draft, catalogue: Catalogue) -> str:
    """Return where a press of "add" or "remove" leads: the same builder, changed."""
    kept = {name: request.GET.get(name, "") for name in ("place", "basis", "of")}
    given = request.GET.get("do", "")
    if "add" in request.GET:
        given = f"add:feature:{request.GET['add']}"
    verb, _, subject = given.partition(":")
    if verb == "remove" and subject.isdecimal():
        return address(draft.without(int(subject)), **kept, focus="find")
    kind, _, name = subject.partition(":")
    if verb == "add" and kind in form.KINDS:
        group = _group(request, draft)
        changed = draft.with_row(kind, name, group)
        if group not in draft.groups and group > 1:
            changed = form.Draft(changed.rows, {**draft.joins, group: "any_of"})
        focus = f"c{changed.rows[-1].number}"
        return address(changed, **kept, focus=focus)
    return address(draft, **kept)


def _group(request: HttpRequest, draft: form.Draft) -> int:
    wanted = request.GET.get("to", "")
    if wanted == NEW_GROUP:
        return max([1, *draft.groups]) + 1
    return int(wanted) if wanted.isdecimal() and int(wanted) < 100 else 1


def _found(request: HttpRequest, catalogue: Catalogue) -> dict[str, Any]:
    """Return what the words in the find box may mean."""
    words = request.GET.get("q", "")[:100]
    viewer = request.viewer
    others = []
    for cohort in saved.cohorts(viewer) if words else []:
        if words.lower() in cohort.title.lower():
            others.append((f"cohort:{cohort.pk}.{cohort.latest}", cohort.title))
    for each in imported.lists(viewer) if words else []:
        if words.lower() in each.title.lower():
            others.append((f"list:{each.pk}", each.title))
    return {
        "q": words,
        "matches": [
            attribute
            for attribute in form.matching(told(viewer, catalogue), words)
            if viewer.sees_sensitive or not attribute.sensitive
        ],
        "others": others[:6],
    }


def _control(
    row: form.Row, cohort: CohortAsked, catalogue: Catalogue
) -> dict[str, Any]:
    """Return what the template needs to draw one criterion's fields."""
    made: dict[str, Any] = {"kind": row.kind, "title": row.name, "values": []}
    if row.kind == "feature" and row.name in catalogue:
        attribute = catalogue[row.name]
        made |= {
            "kind": attribute.kind,
            "title": attribute.title,
            "unit": attribute.unit,
            "values": (
                naming.choices(attribute, cohort.asked)
                if attribute.kind in {"flag", "category"}
                else []
            ),
        }
        made["many"] = len(made["values"]) > MOST_BOXES
        made["ticked"] = row.all("is") or (["yes"] if attribute.kind == "flag" else [])
        return made
    try:
        made["title"] = cohort.words(form.KINDS[row.kind](row, catalogue))
    except ValueError:
        made["title"] = {"codes": "A code in the record"}.get(row.kind, "A criterion")
    if row.kind == "codes":
        made["title"] = "A code in the record between two dates"
    return made
