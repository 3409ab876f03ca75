"""A team's arrangements: who has what, who stands in for whom, word by e-mail."""

from datetime import date

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_http_methods, require_safe

from dashboards import tasks, wording
from dashboards.actions import cards, teams
from dashboards.actions import digest_proof as proofs
from dashboards.selectors import digest as digests
from dashboards.selectors import worklist_cover as covering
from dashboards.selectors import worklist_mine
from dashboards.selectors import worklist_work as work
from dashboards.team_models import Digest
from governance import audit
from governance.access import page


@require_http_methods(["GET", "POST"])
@page("decide")
def team(request: HttpRequest) -> HttpResponse:
    """Who has how many cards; handing them over, and standing in for who is away."""
    viewer = request.viewer
    problem = ""
    if request.method == "POST":
        try:
            messages.success(request, _arrange(request))
            return HttpResponseRedirect(reverse("list-team"))
        except cards.RefusedDecisionError as error:
            problem = str(error)
    audit.record("team_work_viewed", viewer, subject="cards")
    context = {
        "load": work.load(viewer),
        "colleagues": work.colleagues(viewer),
        "roles": work.team_roles(),
        "covers": covering.standing(viewer),
        "handovers": worklist_mine.handed_over(viewer),
        "today": timezone.localdate().isoformat(),
        "typed": request.POST,
        "problem": problem,
    }
    return render(request, "lists/team.html", context, status=400 if problem else 200)


@require_safe
@page("decide")
def mine(request: HttpRequest) -> HttpResponse:
    """The viewer's own cards over all lists, and those of whom they stand in for."""
    return render(
        request, "lists/mine.html", {"cards": worklist_mine.mine(request.viewer)}
    )


@require_http_methods(["GET", "POST"])
@page("worklist")
def digest(request: HttpRequest) -> HttpResponse:
    """Choose whether word of the lists comes by e-mail, and see what it would say."""
    viewer = request.viewer
    problem = ""
    if request.method == "POST":
        try:
            kept = teams.choose_digest(
                address=request.POST.get("address", "").strip(),
                how_often=request.POST.get("how_often", ""),
                by=viewer,
            )
            messages.success(request, _what_comes(kept))
            if kept and kept.proved_at is None:
                tasks.send_digest_proof.delay_on_commit(viewer.user_id)
            return HttpResponseRedirect(reverse("list-digest"))
        except cards.RefusedDecisionError as error:
            problem = str(error)
    chosen = digests.chosen(viewer)
    # The example counts the team's own rows, exactly.
    audit.record("digest_previewed", viewer, subject="own lists")
    context = {
        "chosen": chosen,
        "address": request.POST.get("address", chosen.address if chosen else ""),
        "how_often": request.POST.get("how_often", chosen.how_often if chosen else ""),
        "choices": [("", "Never"), *digests.HOW_OFTEN],
        "example": digests.of_member(viewer),
        "is_set_up": settings.MAIL_IS_SET_UP,
        "domains": settings.MAIL_DOMAINS,
        "problem": problem,
    }
    return render(request, "lists/digest.html", context, status=400 if problem else 200)


@require_http_methods(["GET", "POST"])
@page("worklist")
def digest_proof(request: HttpRequest, proof: str) -> HttpResponse:
    """Where the link in a message leads: the member says that the address is theirs.

    Opening it changes nothing by itself, for whatever opens links before people do.
    """
    problem = ""
    if request.method == "POST":
        try:
            kept = proofs.prove(link=proof, by=request.viewer)
            messages.success(request, _what_comes(kept))
            return HttpResponseRedirect(reverse("list-digest"))
        except cards.RefusedDecisionError as error:
            problem = str(error)
    context = {"chosen": digests.chosen(request.viewer), "problem": problem}
    status = 400 if problem else 200
    return render(request, "lists/digest_proof.html", context, status=status)


def _what_comes(kept: Digest | None) -> str:
    if kept is None:
        return "Nothing is sent to you now."
    if kept.proved_at is None:
        return "Open the link that is sent to the address: until then nothing else is."
    return "You will be sent word."


def _arrange(request: HttpRequest) -> str:
    """Do what the form asks and say what was done."""
    given, viewer = request.POST, request.viewer
    match given.get("do", ""):
        case "cover":
            made = teams.arrange_cover(
                away_user=_number(given.get("away_user")) or 0,
                cover_user=_number(given.get("cover_user")) or 0,
                from_on=_day(given.get("from_on", "")),
                to_on=_day(given.get("to_on", "")),
                by=viewer,
            )
            return f"Cover is arranged until {wording.day(made.to_on)}."
        case "end_cover":
            teams.end_cover(cover_id=_number(given.get("cover")) or 0, by=viewer)
            return "The cover has ended."
        case "take_back":
            back, stayed = teams.take_back(batch=given.get("batch", ""), by=viewer)
            words = f"Cards given back: {back}."
            if stayed:
                words += f" Worked on since, and so left where they are: {stayed}."
            return words
    moved = cards.hand_over(
        from_user=_number(given.get("from_user")) or 0,
        to_user=_number(given.get("to_user")),
        to_role=given.get("to_role", ""),
        by=viewer,
    )
    return f"Cards handed over: {moved}. You can take it back below."


def _number(given: str | None) -> int | None:
    # Longer than any key, and Postgres would call it the server's error.
    return int(given) if given and given.isdecimal() and len(given) < 10 else None


def _day(given: str) -> date:
    try:
        found = parse_date(given)
    except ValueError:
        found = None
    if found is None:
        raise cards.RefusedDecisionError("Give each day, such as 2026-03-31.")
    return found
