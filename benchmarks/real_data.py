"""Every file of the sample data that others made, loaded as it is: what became of it.

All files of `person_level` and `series` under SAMPLE_DATA, each by the definition that
knows its name, into databases of their own. The artificial HES comes with tokens that
no crosswalk holds, so invented people and a crosswalk to them are loaded before it. At
scale 1 the table is written to docs/feeds-real-data.md.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from benchmarks.pipeline import home
from benchmarks.real_data_parts.page import page
from config.runner.manage import migrate_arguments
from config.runner.session import ROOT, Session

QUIET = ("--verbosity", "0")
PAGE = ROOT / "docs" / "feeds-real-data.md"


def run(scale: float) -> Iterable[Figure]:
    """Load everything; the scale only says whether the page is written (1)."""
    folder = Path(os.environ.get("SAMPLE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        raise RuntimeError(f"no sample data at {folder} (set SAMPLE_DATA)")
    with home() as place, Session(place) as session:
        for database in ("default", "vault"):
            if session.run("migrator", [*migrate_arguments(database), *QUIET]):
                raise RuntimeError("the databases could not be made")
        answer = place.parent / "loaded.json"
        words = ["-m", "benchmarks.real_data_parts.load", str(folder), str(answer)]
        if session.run("vault", words):
            raise RuntimeError("the sample data could not be loaded")
        found: list[dict[str, Any]] = json.loads(answer.read_text(encoding="utf-8"))
    if scale == 1:
        PAGE.write_text(page(found), encoding="utf-8")
    rows = sum(each["rows_in"] for each in found)
    yield Figure("real_data.files", len(found), "files")
    yield Figure("real_data.rows_in", rows, "rows")
    for fate in ("loaded", "quarantined", "excluded", "duplicate"):
        yield Figure(f"real_data.{fate}", sum(each[fate] for each in found), "rows")
    lost = sum(
        each["rows_in"]
        - sum(each[f] for f in ("loaded", "quarantined", "excluded", "duplicate"))
        for each in found
    )
    yield Figure("real_data.lost", lost, "rows", {"limit": 0})
