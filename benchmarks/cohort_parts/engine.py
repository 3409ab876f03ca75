"""Run as the web: the engine in a process of its own, from cold to two hundred cohorts.

`python -m benchmarks.cohort_parts.engine STARTED QUESTIONS SEED` prints one JSON
object: seconds of each question, of characterisations and cross-tabulations, how many
people each cohort has, and the process's memory. STARTED is the clock at its start.
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
from linkage.release import selectors as release  # noqa: E402
from segmentation.cohorts.index import index_of  # noqa: E402
from segmentation.cohorts.selectors import Reader  # noqa: E402
from segmentation.cohorts.specs import Outside, Who  # noqa: E402
from segmentation.cohorts.steps.characterise import characterise, crosstab  # noqa: E402
from segmentation.cohorts.steps.members import members  # noqa: E402


def nowhere(criterion: Outside) -> Any:
    raise LookupError("questions name no list, search or cohort")


def run(count: int, seed: int) -> dict[str, Any]:
    before = memory_mb("VmRSS")
    view = release.current()
    assert view is not None
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
    print(json.dumps(run(int(sys.argv[2]), int(sys.argv[3]))))
