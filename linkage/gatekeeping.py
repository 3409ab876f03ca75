"""The load gate around a run: measured before it changes anything, judged by its feed.

Feeds that write to the person index are read and measured before the first row goes on;
one that only refers to people changes nothing outside its own transaction, so it is
measured on the way and judged at the end, without being read twice.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date

import polars as pl
from django.db.models import Q

from linkage.models import FeedRun
from linkage.specs import FeedSpec
from linkage.steps.gate import COMPARED_WITH, Earlier, Verdict, gate
from linkage.steps.measure import Measured, measure
from linkage.steps.validate import Checked, validate

LOOKED_AT = 60  # runs back; some are replays, or of the same delivery
Taken = tuple[pl.DataFrame, Checked | None]


@dataclass(frozen=True)
class Source:
    """Where a run's rows come from: batches as often as asked, and the headers."""

    batches: Callable[[], Iterator[pl.DataFrame]]
    headers: tuple[str, ...] = ()


class HeldError(RuntimeError):
    """A delivery that waits for a person; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(" ".join(verdict.held))
        self.verdict = verdict


class Gate:
    """The gate before one run. A replay, a run that a person has released and one that
    was published before (`again`) pass it unjudged."""

    def __init__(
        self, run: FeedRun, spec: FeedSpec, source: Source, received_on: date
    ) -> None:
        self.run = run
        self.spec = spec
        self.source = source
        self.received_on = received_on
        self.judges = not run.detail.keys() & {"replay_of", "released", "again"}

    def let_in(self) -> Iterator[Taken]:
        """Give the batches, each with what validation said where it was asked.

        Raises HeldError before the first, for a feed that writes to the index.
        """
        frames = self.source.batches()
        if self.spec.tier == "reference" or not self.judges:
            return ((frame, None) for frame in frames)
        found, only = Measured(), None
        for place, frame in enumerate(frames):
            checked = validate(frame, self.spec, self.received_on)
            found.add(measure(checked, frame.height))
            only = (frame, checked) if place == 0 else None
        self._judge(found)
        # Most deliveries are one batch; a larger one is read again, not held in memory.
        if only is not None:
            return iter([only])
        return ((frame, None) for frame in self.source.batches())

    def let_out(self, found: Measured) -> None:
        """Judge a run that was measured on its way. Raises HeldError."""
        if self.spec.tier == "reference" and self.judges:
            self._judge(found)

    def _judge(self, found: Measured) -> None:
        known = {name: c.headers for name, c in self.spec.expanded.items()}
        verdict = gate(
            found, self.source.headers, known, self._earlier(), self.spec.gate
        )
        self.run.detail = self.run.detail | {
            "gate": asdict(verdict),
            "headers": list(self.source.headers),
        }
        if verdict.held:
            self.run.rows_in = found.rows
            self.run.detail["faults"] = {
                "missing": dict(found.missing),
                "unusable": dict(found.unusable),
                "rejected": found.rejected,
            }
            raise HeldError(verdict)

    def _earlier(self) -> Earlier:
        """The supplier's published files: columns of the newest, volumes of other days.

        The years of one delivery's history are not each other's usual volume, but they
        have one layout.
        """
        runs = FeedRun.objects.filter(
            feed=self.run.feed,
            supplier=self.run.supplier,
            state=FeedRun.State.PUBLISHED,
        ).exclude(Q(pk=self.run.pk) | Q(way=FeedRun.ROLL_BACK))
        today = self.received_on.isoformat()
        files = [
            run.detail | {"rows": run.rows_in}
            for run in runs.order_by("-pk")[:LOOKED_AT]
            if "replay_of" not in run.detail
        ]
        headers = next((file["headers"] for file in files if "headers" in file), ())
        others = [file["rows"] for file in files if file.get("received_on") != today]
        return Earlier(tuple(others[:COMPARED_WITH]), tuple(headers))
