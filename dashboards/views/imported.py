"""Bring a list of people: identifiers go to the vault, counts and a set come back."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from dashboards.wording import count
from governance.access import page
from linkage import imported
from linkage.reveal import RevealRefusedError, VaultUnavailableError, ask

MOST_BYTES = 2_000_000


@require_http_methods(["GET", "HEAD", "POST"])
@page("import_list")
def lists(request: HttpRequest) -> HttpResponse:
    """The viewer's own lists, and the form that brings another."""
    problem = ""
    if request.method == "POST":
        problem = _import(request)
        if not problem:
            return HttpResponseRedirect(reverse("imported-lists"))
    return render(
        request,
        "linkage/lists.html",
        {
            "title": "Bring a list of people",
            "lists": imported.lists(request.viewer),
            "problem": problem,
            "given": request.POST.get("title", ""),
        },
        status=400 if problem else 200,
    )


def _import(request: HttpRequest) -> str:
    """Send the list on to the vault; returns what went wrong, in words."""
    file = request.FILES.get("list")
    title = request.POST.get("title", "").strip()
    if not title:
        return "Give the list a title that names nobody."
    if file is None or not file.size:
        return "Choose a CSV file of at most two megabytes."
    if file.size > MOST_BYTES:
        return "The file is larger than two megabytes: ask for it to be made a feed."
    try:
        found = ask(request.viewer, "import_list", content=file.read(), title=title)
    except (VaultUnavailableError, RevealRefusedError) as error:
        return str(error)
    messages.success(request, told(found))
    return ""


def told(found: dict[str, Any]) -> str:
    """Say what became of a list's rows, in counts."""
    rows, matched = count(found["rows"]), count(found["matched"])
    words = [f"Of {rows} rows {matched} were matched, {count(found['unmatched'])} not"]
    if found["unusable"]:
        words.append(f"{count(found['unusable'])} did not say enough to look up")
    if found["repeated"]:
        words.append(f"{count(found['repeated'])} were of somebody already found")
    if found["opted_out"]:
        words.append(
            f"{count(found['opted_out'])} people have opted out and are left out"
        )
    return "; ".join(words) + f". The list holds {count(found['people'])} people."
