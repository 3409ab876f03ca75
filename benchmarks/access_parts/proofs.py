"""The proofs of access in full, run as tests, and what they counted."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure
from config.runner.session import PYTHON, ROOT

PROOFS = ("tests/integration/proofs", "tests/guards/test_assurance.py")
UNITS = {
    "access.matrix_cells": "cells",
    "access.undeclared": "addresses",
    "access.mutants": "mutants",
    "access.mutants_killed": "mutants",
    "access.canary_hits": "hits",
    "access.interference": "answers that differ",
    "access.asvs_rows": "rows",
    "access.asvs_automated": "rows",
}
BESIDE = {"access.interference": "access.interference_compared"}


def figures() -> Iterable[Figure]:
    """Run the proofs with every cell and mutant. RuntimeError where one fails."""
    with TemporaryDirectory(prefix="catchment-proofs-") as folder:
        kept = Path(folder) / "figures.json"
        given = {"CATCHMENT_PROOFS": "full", "CATCHMENT_FIGURES": str(kept)}
        # What the tests say goes beside the figures, not between them.
        done = subprocess.run(
            [PYTHON, "-m", "config.runner", "test", *PROOFS, "-q", "-n", "0"],
            cwd=ROOT,
            env=os.environ | given,
            stdout=sys.stderr,
            check=False,
        )
        if done.returncode:
            raise RuntimeError("a proof of access failed; its report is above")
        found = json.loads(kept.read_text())
    for name, unit in UNITS.items():
        beside = BESIDE.get(name)
        more = {"compared": found[beside]} if beside else {}
        yield Figure(name, found[name], unit, more)
