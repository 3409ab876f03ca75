"""How far the generator has come, for people at a terminal or for a progress bar."""

import json
import sys
import time
from dataclasses import dataclass, field
from typing import TextIO


@dataclass
class Progress:
    """Prints what is being made and how much of it is done.

    With `as_json` one object a line: {"stage", "done", "total", "unit"}.
    """

    as_json: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    quiet: bool = False
    _begun: dict[str, float] = field(default_factory=dict)

    def __call__(self, stage: str, done: int, total: int, unit: str) -> None:
        """Say that `done` of `total` `unit` of `stage` are made."""
        if self.quiet:
            return
        begun = self._begun.setdefault(stage, time.perf_counter())
        if self.as_json:
            line = json.dumps(
                {"stage": stage, "done": done, "total": total, "unit": unit}
            )
        else:
            seconds = time.perf_counter() - begun
            line = (
                f"{stage:<28} {done:>12,} of {total:>12,} {unit:<10} {seconds:7.1f} s"
            )
        print(line, file=self.out, flush=True)
