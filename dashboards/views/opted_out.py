"""How many people are missing from these figures, where, and of which groups."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboards.selectors.opted_out import missing_from
from dashboards.views.asking import asked_from, choices, no_release
from governance import access


@require_safe
@access.page("overview")
def opted_out(request: HttpRequest) -> HttpResponse:
    """Show who is missing by an opt-out that this purpose honours, protected."""
    asked = asked_from(request)
    title = "Who is missing from these figures?"
    if asked is None:
        return no_release(request, title)
    context = choices(request, asked)
    context |= {"title": title, "tables": missing_from(asked)}
    return render(request, "governance/opted_out.html", context)
