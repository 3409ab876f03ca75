"""How many places a team has, what they yield, and whether they are shared fairly."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from dashboards.selectors import worklist_room as selectors
from dashboards.views.worklist import asked_room, spec_of
from governance.access import page


@require_http_methods(["GET", "POST"])
@page("worklist")
def room(request: HttpRequest, programme: str) -> HttpResponse:
    """Try a number of places; keep one for this week with POST."""
    spec = spec_of(programme)
    kept, _ = asked_room(request, programme)
    if request.method == "POST":
        rooms = dict(request.session.get("room", {}))
        known = {"fair", *(order.name for order in spec.other_orders)}
        wanted = request.POST.get("order", "")
        rooms[programme] = {
            "slots": _number(request.POST.get("slots", ""), kept),
            "order": wanted if wanted in known else "own",
        }
        request.session["room"] = rooms
        return HttpResponseRedirect(reverse("worklist", args=[programme]))
    slots = _number(request.GET.get("slots", ""), kept)
    context = {
        "programme": programme,
        "spec": spec,
        "slots": slots,
        "kept": kept,
        "most": selectors.MOST_SLOTS,
        "margin": selectors.MARGIN,
        "room": selectors.room(request.viewer, programme, slots),
        "share_words": selectors.share_words,
        "titles": selectors.TITLES,
        "group_words": selectors.group_words,
    }
    return render(request, "lists/room.html", context)


def _number(given: str, otherwise: int) -> int:
    if not given.isdecimal() or len(given) > 4:
        return otherwise
    return max(1, min(int(given), selectors.MOST_SLOTS))
