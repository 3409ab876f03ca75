"""One person's page, reached from a list by a reference made for this team."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from dashboards.selectors import person as selectors
from dashboards.selectors import reveals, rights
from dashboards.selectors.worklist import person_behind
from governance import pseudonym
from governance.access import Viewer, page
from governance.sign_in import confirmed
from linkage.release import selectors as release
from linkage.reveal import RevealRefusedError, VaultUnavailableError
from risk import decisions, tasks


@require_safe
@page("person")
def person(request: HttpRequest, reference: str) -> HttpResponse:
    """What happened to this person, in the lanes that the viewer's role may see."""
    viewer = request.viewer
    found = selectors.life(viewer, _person_no(viewer, reference))
    if found is None:
        raise PermissionDenied("No such person among your own.")
    context = {
        "life": found,
        "segment": selectors.why_segment(viewer, found.person_no),
        "reference": reference,
        "short": pseudonym.short(reference),
        "reasons": reveals.REASONS,
        "named": None,
        "reveal_problem": "",
        "may_reveal": viewer.may_open("reveal") and found.is_current,
        "may_object": viewer.may_open("objection"),
        "objects": rights.objects_to_risk(found.person_no),
        "may_ask_rights": viewer.may_open("rights_review"),
        "rights": rights.KINDS,
        "sources": rights.sources(viewer),
    }
    standing = reveals.standing(request.session, reference)
    if standing and context["may_reveal"]:
        try:
            revealed = reveals.names(
                viewer,
                programme="person",
                reason=standing,
                person_nos=[found.person_no],
            )
            context["named"] = revealed.names.get(found.person_no)
            context["reveal_problem"] = revealed.refused.get(found.person_no, "")
        except (VaultUnavailableError, RevealRefusedError) as error:
            context["reveal_problem"] = str(error)
    return render(request, "lists/person.html", context)


@require_POST
@page("person")
def explain_person(request: HttpRequest, reference: str) -> HttpResponse:
    """Have worked out what this person's figures rest on, where it is not kept."""
    viewer, live = request.viewer, release.current()
    person_no = _person_no(viewer, reference)
    if live is None or selectors.own(viewer, person_no) is None:
        raise PermissionDenied("No such person among your own.")
    decisions.ask_why(person_no=person_no, release_id=live.id, by=viewer)
    tasks.explain.delay_on_commit(live.id, tasks.named(person_no))
    messages.success(
        request,
        "The reasons are being worked out: open this page again in a moment. Of a model"
        " that has been renewed since the last refresh they come with the next.",
    )
    return HttpResponseRedirect(reverse("person", args=[reference]))


@require_POST
@page("reveal")
@confirmed
def reveal_person(request: HttpRequest, reference: str) -> HttpResponse:
    """Show this person's name for a quarter of an hour, for a reason."""
    _person_no(request.viewer, reference)
    reason = request.POST.get("reason", "")
    if reason in reveals.REASONS:
        reveals.open_for(request.session, reference, reason)
    else:
        reveals.close(request.session, reference)
    return HttpResponseRedirect(reverse("person", args=[reference]))


def _person_no(viewer: Viewer, reference: str) -> int:
    try:
        return person_behind(viewer, reference)
    except pseudonym.UnknownReferenceError as error:
        raise PermissionDenied("No such person among your own.") from error
