"""The page docs/feeds-real-data.md: what became of every sample file."""

from collections.abc import Sequence
from typing import Any

from linkage.feed_docs import as_markdown
from linkage.steps.tidy_series import RULES as SERIES_RULES
from linkage.steps.validate import RULES

HEAD = """\
# Sample data that others made, loaded

Written by `./run bench real_data` at scale 1 with `SAMPLE_DATA` set. Every file of
`person_level` and `series` is loaded as it was published, by the definition that knows
its name. Rows in are rows loaded, quarantined, left out or said again; the four add up
for each file.

- `hes_apc_artificial.csv` carries tokens whose owners nobody knows. Invented people
  with numbers that are never issued, and a crosswalk to them, are loaded before it;
  without them all its rows are left out and kept for replay.
- A FHIR bundle, a zip of them and a folder of NDJSON are one delivery each, and each
  resource is a row. Resources that the product does not use (claims, locations,
  practitioners …) are left out, and say so.
- `fake_1000_labels.csv` says which pairs of the linkage test set are one person: it is
  no delivery, and has no row here.
"""
FATES = {"quarantined": "quarantined", "excluded": "left out"}


def page(found: Sequence[dict[str, Any]]) -> str:
    """Return the page as Markdown."""
    header = ("File", "Definition", "Rows in", "Loaded", "Quarantined", "Left out")
    header += ("Said again", "Facts")
    rows = [
        (
            f"`{each['file']}`",
            f"`{each['definition']}`",
            *(
                f"{each[name]:,}"
                for name in (
                    "rows_in",
                    "loaded",
                    "quarantined",
                    "excluded",
                    "duplicate",
                    "facts",
                )
            ),
        )
        for each in found
    ]
    reasons = [
        (f"`{each['file']}`", FATES[fate], _words(rule, field), f"{many:,}")
        for each in found
        for fate, rule, field, many in each["reasons"]
    ]
    held = [(f"`{each['file']}`", each["held"]) for each in found if each["held"]]
    return "\n".join(
        [
            HEAD,
            as_markdown(header, rows),
            "",
            "## What the gate held",
            "",
            *_held(held),
            "",
            "## Why rows were not loaded",
            "",
            "A row that broke several rules stands under each.",
            "",
            as_markdown(("File", "Fate", "Reason", "Rows"), reasons),
            "",
        ]
    )


def _held(held: Sequence[tuple[str, str]]) -> list[str]:
    """What a person had to release; in words where it was nothing."""
    if not held:
        return ["No file waited for anybody: all were within their feed's limits."]
    return [
        "A person released each of these with a reason before it was loaded.",
        "",
        as_markdown(("File", "Held because"), held),
    ]


def _words(rule: str, field: str) -> str:
    said = (RULES | SERIES_RULES).get(rule, rule)
    return f"{said} (`{field}`)" if field else said
