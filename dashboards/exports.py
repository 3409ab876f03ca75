"""Downloads that hold rows of people: made as the user, audited before they leave."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpResponse

from dashboards.charts.table import disarmed
from dashboards.selectors import reveals
from dashboards.selectors.worklist import Card, Worklist
from governance import audit
from governance.access import Viewer
from linkage.reveal import Revealed


def export_list(
    viewer: Viewer, made: Worklist, practice: str, reason: str
) -> HttpResponse:
    """Return one practice's part of a list as CSV.

    With a reason, NHS numbers are asked of the vault and written as text, one person
    a row, in the form that GP systems import. Without one the sealed reference
    stands in their place.
    """
    cards = [c for c in (*made.today, *made.decided) if c.practice_code == practice]
    revealed = Revealed({}, {})
    if reason and cards:
        revealed = reveals.names(
            viewer,
            programme=made.programme,
            reason=reason,
            person_nos=[c.person_no for c in cards],
        )
    audit.record(
        "list_exported",
        viewer,
        subject=made.programme,
        persons=len(cards),
        practice=practice,
        with_numbers=bool(reason),
    )
    name = f"{made.programme}_{practice}_{made.as_of.isoformat()}.csv"
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    response.write(csv_text(HEADER, (_row(c, revealed, made) for c in cards)))
    return response


HEADER = (
    "nhs_number",
    "reference",
    "practice_code",
    "programme",
    "data_to",
    "rank",
    "reasons",
    "suggested_next_step",
    "decision",
    "decided_on",
)


def _row(card: Card, revealed: Revealed, made: Worklist) -> Sequence[Any]:
    named = revealed.names.get(card.person_no)
    decided = card.decision
    return (
        (named.nhs_number or "") if named else "",
        card.short,
        card.practice_code,
        made.spec.title,
        made.as_of.isoformat(),
        card.rank,
        "; ".join(card.reasons),
        card.step.title,
        decided.choice if decided else "",
        decided.at.date().isoformat() if decided else "",
    )


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write rows as CSV that a spreadsheet will not run as formulas."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([disarmed(value) for value in row] for row in rows)
    return buffer.getvalue()
