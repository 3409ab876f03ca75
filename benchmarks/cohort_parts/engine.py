"""Run as the web: the engine in a process of its own, from cold to two hundred cohorts.

`python -m benchmarks.cohort_parts.engine STARTED QUESTIONS SEED` prints one JSON
object: seconds of each question, of characterisations and cross-tabulations, how many
people each cohort has, and the process's memory. STARTED is the clock at its start;
after it `without`, and the release is that of a purpose that honours opt-outs.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

STARTED = float(sys.argv[1])

import django  # noqa: E402

django.setup()

from benchmarks.cohort_parts.questions import questions  # noqa: E402
from governance.registers import selectors as registers  # noqa: E402
from linkage.release import selectors as release  # noqa: E402
from linkage.release.for_purpose import Limits  # noqa: E402
from segmentation.cohorts.index import index_of  # noqa: E402
from segmentation.cohorts.selectors import Reader  # noqa: E402
from segmentation.cohorts.specs import Outside, Who  # noqa: E402
from segmentation.cohorts.steps.characterise import characterise, crosstab  # noqa: E402
from segmentation.cohorts.steps.members import members  # noqa: E402


def nowhere(criterion: Outside) -> Any:
    raise LookupError("questions name no list, search or cohort")


def as_asked(whole: release.ReleaseView, *, without: bool) -> release.ReleaseView:
    """Return the release, or the one without those who opted out of either kind."""
    if not without:
        return whole
    stamp = registers.opt_out_stamp({"national", "type1"})
    people = registers.opted_out(stamp)
    return release.narrowed(
        whole,
        Limits(stamp=stamp, gone=people["national"], gone_from_gp=people["type1"]),
    )


def run(count: int, seed: int, *, without: bool) -> dict[str, Any]:
    before, started = memory_mb("VmRSS"), time.time() - STARTED
    live = release.current()
    assert live is not None
    view = as_asked(live, without=without)
    index = index_of(view)
    reader = Reader(index, nowhere)
    scope = view.bitmap("is_registered")
    asked = [Who.model_validate(each.who) for each in questions(count, seed)]
    warm = [Who.model_validate(each.who) for each in questions(count, seed + 1)]
    first = members(warm[0], reader, scope)
    tables = characterise(first, index.tables())
    cold = time.time() - STARTED
    for who in warm:  # other questions, so that every number has its bins
        members(who, reader, scope)
    seconds: dict[str, list[float]] = {"cohort": [], "characterise": [], "crosstab": []}
    sizes = []
    for who in asked:
        began = time.perf_counter()
        cohort = members(who, reader, scope)
        size = len(cohort)
        seconds["cohort"].append(time.perf_counter() - began)
        sizes.append(size)
        began = time.perf_counter()
        characterise(cohort, index.tables())
        seconds["characterise"].append(time.perf_counter() - began)
        bands = dict(list(index.values("age_band").items())[:18])
        began = time.perf_counter()
        crosstab(cohort, bands, index.values("imd_decile"))
        seconds["crosstab"].append(time.perf_counter() - began)
    return {
        "cold_s": cold,
        "started_s": started,
        "tables": len(tables),
        "cells": sum(len(table.values) for table in tables),
        "seconds": seconds,
        "sizes": sizes,
        "before_mb": before,
        "rss_mb": memory_mb("VmHWM"),
    }


def memory_mb(field: str) -> float:
    """This process's memory as Linux counts it; VmHWM is the most it ever had."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    is_without = sys.argv[4:] == ["without"]
    print(json.dumps(run(int(sys.argv[2]), int(sys.argv[3]), without=is_without)))
