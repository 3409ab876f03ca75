"""Who is linked and how well; and the few pairs that only people can settle."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from dashboards.figures import csv_response, presented
from dashboards.selectors import linkage as selectors
from governance.access import page
from linkage.reveal import RevealRefusedError, VaultUnavailableError, ask

VERDICTS = {
    "link": "The same person",
    "not_link": "Two people",
    "unsure": "Cannot say",
}
SETTLED = {
    "link": "The records are one person now.",
    "not_link": "They stay two people, whatever the rules find later.",
    "unsure": "Noted that it cannot be said. They stay as they are.",
    "second": "Thank you. A second person will read this pair too.",
    "disagreed": "Reviewers disagree, so nothing was changed.",
}


@require_safe
@page("linkage")
def report(request: HttpRequest) -> HttpResponse:
    """The linkage report: population, identifiers, methods, error, for whom."""
    found = selectors.report(request.viewer)
    figures = [
        presented(spec, csv_href=reverse("linkage-csv", args=[spec.key]))
        for spec in (found.figures if found else ())
    ]
    title = found.headline if found else "The links have not been checked yet"
    return render(
        request,
        "linkage/report.html",
        {"title": title, "report": found, "figures": figures},
    )


@require_safe
@page("linkage")
def report_csv(request: HttpRequest, key: str) -> HttpResponse:
    """One figure of the report as CSV."""
    spec = selectors.figure_by_key(request.viewer, key)
    if spec is None:
        raise Http404("There is no such figure.")
    return csv_response(spec)


@require_safe
@page("linkage_review")
def queue(request: HttpRequest) -> HttpResponse:
    """Pairs that wait for this reviewer, those with most facts first."""
    found: dict[str, Any] = {}
    problem = ""
    try:
        found = ask(request.viewer, "review_queue")
    except (VaultUnavailableError, RevealRefusedError) as error:
        problem = str(error)
    pairs = found.get("pairs", [])
    title = f"{len(pairs)} pairs wait for you" if pairs else "No pair waits for you"
    return render(
        request,
        "linkage/queue.html",
        {
            "title": problem and "The queue cannot be shown" or title,
            "pairs": pairs,
            "states": found.get("states", {}),
            "agreement": found.get("agreement"),
            "problem": problem,
        },
        status=503 if problem else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page("linkage_review")
def pair(request: HttpRequest, pair_id: int) -> HttpResponse:
    """One pair side by side; POST takes the reviewer's verdict."""
    problem = ""
    if request.method == "POST":
        verdict = request.POST.get("verdict", "")
        try:
            outcome = ask(
                request.viewer,
                "review_judge",
                id=pair_id,
                verdict=verdict,
                reason=request.POST.get("reason", ""),
            )
            messages.success(request, SETTLED[outcome["state"]])
            return HttpResponseRedirect(reverse("linkage-queue"))
        except (VaultUnavailableError, RevealRefusedError) as error:
            problem = str(error)
    try:
        found = ask(request.viewer, "review_pair", id=pair_id)
    except RevealRefusedError as error:
        raise Http404("There is no such pair.") from error
    except VaultUnavailableError as error:
        found, problem = {}, str(error)
    return render(
        request,
        "linkage/pair.html",
        {
            "title": "Are these one person?",
            "pair": found,
            "verdicts": VERDICTS,
            "problem": problem,
            "reason": request.POST.get("reason", ""),
            "chosen": request.POST.get("verdict", ""),
        },
        status=400 if problem and found else (503 if problem else 200),
    )
