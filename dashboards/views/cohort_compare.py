"""Two saved cohorts beside each other."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboards.figures import presented
from dashboards.selectors.asked import Asked
from dashboards.selectors.cohorts import comparing, counts
from dashboards.selectors.cohorts.asking import CohortAsked
from dashboards.views.asking import asked_from, choices, no_release
from governance import access
from segmentation.cohorts import selectors as saved
from segmentation.cohorts.selectors import UnknownCohortError


@access.page("cohorts")
@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Show whom two cohorts share and in what they differ."""
    asked = asked_from(request)
    if asked is None:
        return no_release(request, "Compare two cohorts")
    found = saved.cohorts(request.viewer)
    wanted = [request.GET.get(name, "") for name in ("a", "b")]
    context = choices(request, asked) | {
        "title": "Compare two cohorts",
        "cohorts": [(str(c.pk), c.title) for c in found],
        "a": wanted[0],
        "b": wanted[1],
        "figures": [],
        "answers": [],
    }
    if all(each.isdecimal() for each in wanted):
        pair = [_cohort(asked, int(each)) for each in wanted]
        answers = [(each.title, counts.answer(each)) for each in pair]
        context["answers"] = answers
        for each in pair:
            each.note("cohort_counted", compared=True)
        if all(answer.total is not None for _, answer in answers):
            context["figures"] = [
                presented(spec, csv_href="") for spec in comparing.figures(*pair)
            ]
        if context["figures"]:
            context["title"] = context["figures"][0].title
    return render(request, "cohorts/compare.html", context)


def _cohort(asked: Asked, cohort_id: int) -> CohortAsked:
    try:
        version = saved.version_of(asked.viewer, cohort_id)
    except UnknownCohortError as error:
        raise Http404(str(error)) from error
    return CohortAsked(asked, saved.who_of(version), version.cohort.title)
