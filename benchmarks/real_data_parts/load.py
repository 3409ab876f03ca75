"""Run as the vault: load every sample file, and write down what became of its rows.

`python -m benchmarks.real_data_parts.load FOLDER ANSWER` loads `person_level` and
`series` of FOLDER and writes one JSON object per delivery to ANSWER.
"""

import csv
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import numpy as np
import polars as pl

django.setup()

from django.db.models import Count  # noqa: E402

from linkage import actions, feed_actions, series_actions  # noqa: E402
from linkage.definitions import FEEDS  # noqa: E402
from linkage.landing import is_of  # noqa: E402
from linkage.models import FeedRun, RejectedRow  # noqa: E402
from synthetic.nhs_numbers import nhs_numbers  # noqa: E402

BY = "sample data"
# Why what the gate holds is let through, as a data manager would say it.
REASONS = {
    "fhir_r4": "Examples of resources: most say one thing each, and lack the rest",
    "hes_apc": "Extract of before 2001: categories that today's list does not know",
}
# What is no delivery: which pairs of a test set are truly one person.
NOT_DATA = {"fake_1000_labels.csv": "truth of the linkage test set; no rows of its own"}


def deliveries(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each delivery with the name of its feed or series, people first."""
    found = []
    for part in sorted((folder / "person_level").iterdir()):
        if any(part.glob("*.ndjson")):
            found.append(("fhir_r4", part))  # a bulk export is one delivery
            continue
        for path in sorted(part.iterdir()):
            if path.name in NOT_DATA:
                continue
            if path.suffix == ".zip":
                found.append(("fhir_r4", path))
            elif feed := next((name for name in FEEDS if is_of(name, path)), None):
                found.append((feed, path))
            else:
                found.append((_series(path), path))
    found.sort(key=lambda each: FEEDS[each[0]].order if each[0] in FEEDS else 1000)
    yield from found
    for path in sorted((folder / "series").iterdir()):
        yield _series(path), path


def _series(path: Path) -> str:
    name = series_actions.series_of(path)
    if name is None:
        raise SystemExit(f"{path.name} is of no known feed or series")
    return name


def owners(folder: Path, path: Path) -> list[tuple[str, Path]]:
    """Invented people for the file's tokens, with numbers that are never issued, and
    the crosswalk that says whose each token is."""
    tokens = pl.read_csv(path, infer_schema=False, columns=["PSEUDO_HESID"])
    distinct = tokens["PSEUDO_HESID"].drop_nulls().unique().sort()
    numbers = nhs_numbers(len(distinct), np.random.default_rng(2026))
    made = folder / "pseudonym_crosswalk_hes.csv"
    with made.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["namespace", "token", "nhs_number"])
        rows = zip(distinct, numbers, strict=True)
        writer.writerows(["hes", token, str(number)] for token, number in rows)
    listed = folder / "registered_list_hes.csv"
    pl.DataFrame({"NHS Number": [str(number) for number in numbers]}).with_row_index(
        "n"
    ).select(
        "NHS Number",
        pl.lit("Sample").alias("Family Name"),
        _letters(pl.col("n")).alias("Given Name"),
        pl.date(1930, 1, 1).dt.offset_by(pl.format("{}d", "n")).alias("Date of Birth"),
        pl.lit("2000-01-01").alias("Usual Address Business Effective From Date"),
        pl.lit("Z99998").alias("Primary Care Provider"),
        pl.lit("2000-01-01").alias(
            "Primary Care Provider Business Effective From Date"
        ),
    ).write_csv(listed)
    return [("registered_list", listed), ("pseudonym_crosswalk", made)]


def _letters(number: pl.Expr) -> pl.Expr:
    """A name of four letters for a number: no two alike."""
    return number.map_elements(
        lambda n: "".join(chr(ord("A") + n // 26**k % 26) for k in range(4)),
        return_dtype=pl.String,
    )


def outcome(name: str, path: Path, run: FeedRun, folder: Path) -> dict[str, Any]:
    """What became of one delivery's rows, with the reasons."""
    reasons = (
        RejectedRow.objects.filter(run=run)
        .values_list("fate", "rule", "field")
        .annotate(rows=Count("row_number", distinct=True))
        .order_by("-rows", "rule", "field")
    )
    return {
        "file": str(path.relative_to(folder)),
        "definition": name,
        "rows_in": run.rows_in,
        "loaded": run.loaded,
        "quarantined": run.quarantined,
        "excluded": run.excluded,
        "duplicate": run.duplicate,
        "facts": run.facts,
        "reasons": [list(row) for row in reasons],
        "blanked": run.detail.get("blanked", {}),
    }


def main(folder: Path, answer: Path) -> None:
    found = []
    for name, path in deliveries(folder):
        if name in FEEDS:
            if FEEDS[name].token == "hes":
                with tempfile.TemporaryDirectory() as made:
                    for feed, given in owners(Path(made), path):
                        actions.load_feed_file(feed=feed, path=given, by=BY)
            run = actions.load_feed_file(feed=name, path=path, by=BY, settle=False)
        else:
            run = series_actions.load_series_file(series=name, path=path, by=BY)
        held = run.problem if run.state == FeedRun.State.HELD else ""
        if held:
            feed_actions.decide(
                run_id=run.pk, release=True, reason=REASONS[name], by=BY
            )
            run = feed_actions.load_run(run_id=run.pk)
        if run.state != FeedRun.State.PUBLISHED:
            raise SystemExit(f"{path.name} was not published: {run.problem}")
        found.append(outcome(name, path, run, folder) | {"held": held})
    actions.settle_people()
    answer.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
