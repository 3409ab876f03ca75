"""A team's list as FHIR R4: a Group of who is on it, a List of it in its order.

People are named by the sealed reference of this team and purpose: no NHS number, no
name, and no note leaves this way.
"""

import json
from typing import Any

from django.http import HttpResponse

from dashboards.selectors.worklist import Card, Worklist
from governance import audit
from governance.access import Viewer

REFERENCE_SYSTEM = "urn:catchment:sealed-reference"


def fhir_list(viewer: Viewer, made: Worklist) -> HttpResponse:
    """Return the list as a Bundle of one Group and one List; audited first."""
    cards = [*made.today, *made.decided]
    audit.record(
        "list_exported",
        viewer,
        subject=made.programme,
        persons=len(cards),
        seen=[card.person_no for card in cards],
        with_numbers=False,
        form="fhir",
    )
    response = HttpResponse(
        json.dumps(bundle(made, cards)), content_type="application/fhir+json"
    )
    name = f"{made.programme}_{made.as_of.isoformat()}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


def bundle(made: Worklist, cards: list[Card]) -> dict[str, Any]:
    """Return the Bundle as plain values."""
    group = {
        "resourceType": "Group",
        "id": f"{made.programme.replace('_', '-')}-group",
        "type": "person",
        "actual": True,
        "name": made.spec.title,
        "quantity": len(cards),
        "member": [{"entity": _who(card)} for card in cards],
    }
    listed = {
        "resourceType": "List",
        "id": f"{made.programme.replace('_', '-')}-list",
        "status": "current",
        "mode": "working",
        "title": made.spec.title,
        "date": made.as_of.isoformat(),
        "note": [{"text": made.spec.why_order}],
        "entry": [{"item": _who(card), "flag": _flag(card)} for card in cards],
    }
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": group}, {"resource": listed}],
    }


def _who(card: Card) -> dict[str, Any]:
    return {
        "type": "Patient",
        "identifier": {"system": REFERENCE_SYSTEM, "value": card.reference},
        "display": f"Person {card.short}",
    }


def _flag(card: Card) -> dict[str, str]:
    return {"text": card.decision.choice if card.decision else "To decide"}
