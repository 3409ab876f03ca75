"""Downloads that hold rows of people: made as the user, audited before they leave."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpResponse

from dashboards.charts.table import disarmed
from dashboards.definitions import FILES
from dashboards.list_specs import FileSpec
from dashboards.selectors import reveals
from dashboards.selectors.worklist import Card, Worklist
from governance import audit
from governance.access import Viewer
from linkage.reveal import Revealed


def export_list(
    viewer: Viewer, made: Worklist, practice: str, reason: str, form: str = "full"
) -> HttpResponse:
    """Return one practice's part of a list as CSV.

    With a reason, NHS numbers are asked of the vault and written as text, one person
    a row, in the columns of `form` (lists/files). Without one the column of numbers
    is empty, and the sealed reference stands for the person where the form has it.
    """
    columns = FILES[form]
    cards = [
        c
        for c in (*made.today, *made.decided)
        if c.practice_code == practice
        and (columns.only == "everyone" or (c.decision and c.decision.state == "done"))
    ]
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
        seen=[card.person_no for card in cards],
        practice=practice,
        with_numbers=bool(reason),
        form=form,
    )
    name = f"{made.programme}_{practice}_{made.as_of.isoformat()}.csv"
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    response.write(
        csv_text(
            [column.header for column in columns.columns],
            (_row(card, revealed, made, columns) for card in cards),
        )
    )
    return response


def _row(
    card: Card, revealed: Revealed, made: Worklist, form: FileSpec
) -> Sequence[Any]:
    named = revealed.names.get(card.person_no)
    decided = card.decision
    held: dict[str, Any] = {
        "nhs_number": (named.nhs_number or "") if named else "",
        "reference": card.short,
        "practice_code": card.practice_code,
        "programme": made.spec.title,
        "data_to": made.as_of.isoformat(),
        "rank": card.rank,
        "reasons": "; ".join([*card.reasons, *_not_told(card)]),
        "next_step": card.step.title,
        # Of somebody decided on, what they were offered: it may be another step.
        "code": decided.code if decided else card.step.code,
        "decision": decided.choice if decided else "",
        "decided_on": decided.at.date().isoformat() if decided else "",
        "done_on": decided.done_on.isoformat() if decided and decided.done_on else "",
    }
    return [held[column.holds] for column in form.columns]


def _not_told(card: Card) -> list[str]:
    """Say that something is kept from the reader, so that silence is not read as no."""
    if not card.hidden:
        return []
    what = "reason is" if card.hidden == 1 else "reasons are"
    return [f"{card.hidden} {what} outside what your role may see"]


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write rows as CSV that a spreadsheet will not run as formulas."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([disarmed(value) for value in row] for row in rows)
    return buffer.getvalue()
