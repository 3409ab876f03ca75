"""`manage.py refresh --as-of 2026-09-30`: build a release beside the live one.

Workers do the units; this command watches the ledger and says how far they are.
The release is published in the end, and old ones are let go.
"""

import json
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count, DurationField, F, Max, Min, Q, Sum
from django.utils import timezone

from linkage.models import Release, StageTask
from linkage.release import actions, ledger, tasks
from linkage.release.stages import alike, stages

LOOK_SECONDS = 0.5
LAST_LOOKS = 10
RESUME_SECONDS = 30
# A worker takes some seconds to start; one that works answers within this many.
PING_SECONDS = 20.0


class Command(BaseCommand):
    help = "Derive, segment, score, index and publish a new release."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", type=date.fromisoformat, help="default: today")
        parser.add_argument(
            "--inline",
            action="store_true",
            help="work in this process, without a queue",
        )
        parser.add_argument(
            "--delta",
            action="store_true",
            help="only who was touched since the last full release, as at its date",
        )
        parser.add_argument("--progress", choices=["lines", "json"], default="lines")
        parser.add_argument("--by", default="command")

    def handle(self, *_: Any, **given: Any) -> None:
        self.as_json = given["progress"] == "json"
        self.said: dict[str, tuple[int, int]] = {}
        self.ended: set[str] = set()
        release = self._start(given)
        if release is None:
            self._say({"release": None, "people": 0})
            return
        if given["inline"]:
            self._inline(release)
        else:
            self._watch(release)
        release.refresh_from_db()
        self._say(
            {
                "release": release.pk,
                "people": release.people,
                "as_of": str(release.as_of),
            }
        )

    def _start(self, given: dict[str, Any]) -> Release | None:
        """Open what was asked for; None where a delta would hold nobody."""
        if not given["delta"]:
            as_of = given["as_of"] or timezone.localdate()
            return actions.start_refresh(as_of=as_of, by=given["by"])
        if given["as_of"]:
            raise CommandError("A delta is as at the date of the last full release.")
        try:
            return actions.start_delta(by=given["by"])
        except actions.NoDeltaError as reason:
            raise CommandError(str(reason)) from reason

    def _inline(self, release: Release) -> None:
        try:
            actions.run_inline(release.pk, lambda _: self._tell(release))
        except RuntimeError as error:
            raise CommandError(str(error)) from error
        actions.retire_releases()

    def _watch(self, release: Release) -> None:
        tasks.dispatch(release.pk)
        told, resumed = dict(self.said), time.monotonic()
        while release.state == Release.State.BUILDING:
            time.sleep(LOOK_SECONDS)
            self._tell(release)
            if time.monotonic() - resumed > RESUME_SECONDS:
                if self.said == told and not _worker_answers():
                    raise CommandError(
                        "No worker answers, and nothing has moved for"
                        f" {RESUME_SECONDS} seconds. Start one with ./run worker (its"
                        " log says why it ended); the refresh goes on where it is."
                    )
                # Beat may not be running beside a first refresh.
                tasks.resume_stalled()
                told, resumed = dict(self.said), time.monotonic()
            release.refresh_from_db(fields=["state"])
        # Readers see the flip a moment before its own task is noted as done.
        for _ in range(LAST_LOOKS):
            if not release.tasks.filter(state=StageTask.State.RUNNING).exists():
                break
            time.sleep(LOOK_SECONDS)
        self._tell(release)
        if release.state != Release.State.PUBLISHED:
            raise CommandError(self._problem(release))
        actions.retire_releases()

    def _tell(self, release: Release) -> None:
        """Say what changed since the last look: units done, stages finished."""
        for row in _progress(release):
            name, done, total = row["stage"], row["done"], row["total"]
            if self.said.get(name) != (done, total):
                self.said[name] = (done, total)
                self._say(
                    {"stage": name, "done": done, "total": total, "unit": "tasks"}
                )
            if row["seconds"] is not None and name not in self.ended:
                self.ended.add(name)
                self._say(
                    {
                        "stage": name,
                        "rows_in": row["rows_in"],
                        "rows_out": row["rows_out"],
                        "seconds": round(row["seconds"], 1),
                    }
                )

    def _say(self, line: dict[str, Any]) -> None:
        if self.as_json:
            self.stdout.write(json.dumps(line))
        else:
            self.stdout.write(
                "  ".join(f"{key} {value}" for key, value in line.items())
            )
        self.stdout.flush()

    def _problem(self, release: Release) -> str:
        task = release.tasks.filter(state=StageTask.State.FAILED).first()
        if task is None:
            return f"Release {release.pk} was given up for another refresh."
        return f"{task.stage} {task.shard}: {task.problem.strip()}"


def _progress(release: Release) -> Iterator[dict[str, Any]]:
    """The ledger of a release by stage, in the order of the schedule.

    `seconds` when it has ended. Stages that each shard goes through by itself end
    together: their time is shared out by how long each was worked on.
    """
    worked = Sum(F("finished_at") - F("started_at"), output_field=DurationField())
    rows = {
        row["stage"]: row
        for row in release.tasks.values("stage").annotate(
            total=Count("pk"),
            done=Count("pk", filter=Q(state=StageTask.State.DONE)),
            rows_in=Sum("rows_in"),
            rows_out=Sum("rows_out"),
            began=Min("started_at"),
            ended=Max("finished_at"),
            worked=worked,
        )
    }
    delta = release.delta_of_id is not None
    told = [each for each in stages(delta=delta) if each.name in rows]
    for stage in told:
        if stage.per == "shard":
            # Of a later one not every task is there yet.
            rows[stage.name]["total"] = len(ledger.units(release, stage))
    for stage in told:
        group = [rows.get(each.name) for each in alike(stage.name, delta=delta)]
        yield rows[stage.name] | {"seconds": _seconds(rows[stage.name], group)}


def _seconds(row: dict[str, Any], group: list[dict[str, Any] | None]) -> float | None:
    """A stage's share of the time that stages worked together took; None before."""
    ended = [each for each in group if each and each["done"] == each["total"]]
    if len(ended) < len(group):
        return None
    took = max(e["ended"] for e in ended) - min(e["began"] for e in ended)
    worked = sum((e["worked"] for e in ended), timedelta())
    return float(took.total_seconds() * (row["worked"] / worked if worked else 1.0))


def _worker_answers() -> bool:
    """Whether any worker says that it is there; the first answer is enough."""
    return bool(current_app.control.ping(timeout=PING_SECONDS, limit=1))
