"""Deliver a file and see what becomes of it: pieces in, a run's page out."""

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from dashboards import hand_over
from dashboards.selectors import feed_runs as selectors
from governance.access import page
from linkage.definitions import FEEDS
from linkage.reveal import RevealRefusedError, VaultUnavailableError, ask

MOST_PLAIN_BYTES = 2_000_000  # a form's file is held in memory, as a piece is
UPLOAD = "upload"


@require_http_methods(["GET", "HEAD", "POST"])
@page("deliver")
def deliver(request: HttpRequest) -> HttpResponse:
    """The form; without script it sends a small file whole, with it one of any size."""
    problem = ""
    if request.method == "POST":
        run_id, problem = _whole(request)
        if not problem:
            return HttpResponseRedirect(reverse("feed-run", args=[run_id]))
    mends = request.GET.get("mends", "") or request.POST.get("mends", "")
    mended = selectors.run(int(mends)) if mends.isdigit() else None
    chosen = request.POST.get("feed") or request.GET.get("feed", "")
    return render(
        request,
        "feeds/deliver.html",
        {
            "title": "Deliver a file",
            "feeds": selectors.feeds_to_choose(),
            "chosen": mended.feed if mended else chosen,
            "mended": mended,
            "newest": selectors.newest(),
            "state_words": selectors.state_words,
            "problem": problem,
            "piece_bytes": hand_over.PIECE_BYTES,
        },
        status=400 if problem else 200,
    )


def _whole(request: HttpRequest) -> tuple[int, str]:
    """Hand a form's file over; returns its run, or what went wrong in words."""
    file = request.FILES.get("file")
    if file is None or not file.name:
        return 0, "Choose a file."
    if file.size is None or file.size > MOST_PLAIN_BYTES:
        return 0, (
            "Without script a file may have two megabytes. Allow script for this page,"
            " or put the file into the landing folder."
        )
    told = _told(request.POST, file.name, file.size)
    try:
        begun = hand_over.begin(request.viewer, **told)
        found = hand_over.hand_over(
            request.viewer, begun, file.chunks(hand_over.PIECE_BYTES)
        )
    except (RevealRefusedError, VaultUnavailableError) as error:
        return 0, str(error)
    return int(found["run_id"]), ""


def _told(given: Mapping[str, Any], name: str, size: int) -> dict[str, Any]:
    mends = str(given.get("mends") or "")
    return {
        "way": UPLOAD,
        "file_name": name,
        "size": size,
        "feed": str(given.get("feed") or ""),
        "supplier": str(given.get("supplier") or "")[:20],
        "mends": int(mends) if mends.isdigit() else None,
        "key": str(given.get("key") or "")[:200],
    }


Answering = Callable[..., dict[str, Any]]


def _json(view: Answering) -> Callable[..., HttpResponse]:
    """Answer with JSON, a refusal with its words and status."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return JsonResponse(view(request, *args, **kwargs))
        except RevealRefusedError as error:
            return JsonResponse({"problem": str(error)}, status=409)
        except VaultUnavailableError as error:
            return JsonResponse({"problem": str(error)}, status=503)
        except (ValueError, KeyError, TypeError):
            return JsonResponse({"problem": "The request is not right."}, status=400)

    return answered


@require_POST
@page("deliver")
@_json
def begin(request: HttpRequest) -> dict[str, Any]:
    """Begin, or find where to go on: {id, offset, run_id}."""
    given = json.loads(request.body)
    told = _told(given, str(given["file_name"]), int(given["size"]))
    found = hand_over.begin(request.viewer, **told)
    return {name: found[name] for name in ("id", "offset", "run_id")}


@require_http_methods(["PUT"])
@page("deliver")
@_json
def piece(request: HttpRequest, delivery_id: int) -> dict[str, Any]:
    """Take one piece (the body) that begins at ?offset=: {offset} of the next."""
    offset = int(request.GET["offset"])
    return {
        "offset": hand_over.piece(request.viewer, delivery_id, offset, request.body)
    }


@require_POST
@page("deliver")
@_json
def finish(request: HttpRequest, delivery_id: int) -> dict[str, Any]:
    """The whole has come: {href} of its run."""
    told = json.loads(request.body or b"{}")
    found = hand_over.finish(
        request.viewer, delivery_id, str(told.get("sha256") or "")[:64]
    )
    return {"href": reverse("feed-run", args=[found["run_id"]])}


@require_http_methods(["GET", "HEAD"])
@page("feeds")
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """What became of one file: rows by fate and rule, and what may be done about it."""
    found = selectors.run(run_id)
    if found is None or found.feed not in FEEDS:
        raise Http404("There is no such run.")
    return render(
        request,
        "feeds/run.html",
        {
            "title": f"{found.file_name}: {selectors.state_words(found)}",
            "run": found,
            "spec": FEEDS[found.feed],
            "waiting": selectors.is_waiting(found),
            "gate": found.detail.get("gate", {}),
            "faults": selectors.faults(run_id=run_id),
            "blanked": selectors.blanked(found),
            "decides": request.viewer.may_open("decide_feed"),
        },
    )


@require_POST
@page("decide_feed")
def decide(request: HttpRequest, run_id: int) -> HttpResponse:
    """Release, refuse, replay or roll back a run; the vault does it and writes it down.

    A roll-back needs its own tick as well as a reason.
    """
    act, reason = request.POST.get("act", ""), request.POST.get("reason", "").strip()
    here = HttpResponseRedirect(reverse("feed-run", args=[run_id]))
    asked: dict[str, tuple[str, dict[str, Any], str]] = {
        "release": ("run_decide", {"release": True}, "Released: it is taken in now."),
        "refuse": ("run_decide", {"release": False}, "Refused: nothing is taken in."),
        "replay": ("run_replay", {}, "The held rows are read once more."),
        "roll_back": ("run_roll_back", {}, "The run is being rolled back."),
    }
    if act not in asked:
        raise Http404("There is no such decision.")
    if act != "replay" and not reason:
        messages.error(request, "Give a reason: it is kept with the run.")
        return here
    if act == "roll_back" and request.POST.get("sure") != "yes":
        messages.error(request, "Tick that you have read what a roll-back does.")
        return here
    what, more, done = asked[act]
    try:
        ask(request.viewer, what, run_id=run_id, reason=reason, **more)
    except (RevealRefusedError, VaultUnavailableError) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return here
