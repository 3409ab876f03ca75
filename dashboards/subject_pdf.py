"""A person's record as a tagged PDF, set by typst."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import typst

from dashboards.steps.subject_record import Section
from dashboards.wording import day

TEMPLATE = Path(__file__).with_name("typst") / "subject_record.typ"


def as_pdf(record: Mapping[str, Section], request_id: int, on: date) -> bytes:
    """Return the record as a PDF, one table a section.

    The values go in as data, never as markup: nothing in a record can run.
    """
    told = {
        "request": str(request_id),
        "on": day(on),
        "sections": list(record.values()),
    }
    made: bytes = typst.compile(
        str(TEMPLATE), sys_inputs={"told": json.dumps(told)}, format="pdf"
    )
    return made
