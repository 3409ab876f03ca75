"""One person's page, reached from a list by a reference made for this team."""

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
from linkage.reveal import RevealRefusedError, VaultUnavailableError


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
