"""The board page, on screen and on paper."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboards.figures import PresentedFigure, presented
from dashboards.selectors import board as selectors
from dashboards.views.asking import asked_from, choices, no_release
from governance import access


@access.page("board")
@require_safe
def board(request: HttpRequest) -> HttpResponse:
    """Show what the board must look at: exceptions first, the rest in an annex."""
    spec = selectors.page("board")
    asked = asked_from(request)
    if asked is None:
        return no_release(request, spec.title)
    context = choices(request, asked)
    first, annex = selectors.items(asked, spec)
    context |= {
        "spec": spec,
        "title": f"{spec.title}: {asked.place.name}",
        "first": [(item, _figure(item, context["query"])) for item in first],
        "annex": [(item, _figure(item, context["query"])) for item in annex],
        "not_published": selectors.not_published(spec, [*first, *annex]),
    }
    return render(request, "dashboards/board.html", context)


def _figure(item: selectors.Item, query: dict[str, str]) -> PresentedFigure:
    return presented(
        item.figure,
        csv_href=reverse("indicator-csv", args=[item.name, item.csv_key], query=query),
        more_href=reverse("indicator", args=[item.name], query=query),
        more_title="Everything about this indicator",
    )
