"""Stages of a long command: each a child with its own role, seen through its lines.

A child prints JSON lines. `{"stage", "done", "total", "unit"}` moves the bar;
`{"stage", "rows_in", "rows_out", "seconds"}` is a result, of which a child may print
several (one per feed); NOT_OUT beside these say where the other rows went.
Anything else it prints goes to the stage's log.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from config.embedded.process import tail
from config.runner.session import Session, stop

NOT_OUT = ("quarantined", "excluded", "duplicate", "held", "refused", "undone")
LOG_WIDTH = 120  # characters, where no terminal says how wide it is
QUIET_SECONDS = 10.0  # between two lines where no bar can be drawn


class StageFailed(RuntimeError):
    """A stage's child failed; the message says which, its last lines and what to do."""


@dataclass(frozen=True)
class Stage:
    """`arguments` is what Python runs under the role of `process`, or of none.

    beside: it runs while the next stages do, after others that run beside them.
    waits: it needs what runs beside, and begins when all of that has ended.
    """

    name: str
    title: str
    process: str | None
    arguments: Sequence[str]
    beside: bool = False
    waits: bool = False


@dataclass
class Result:
    """One line of the closing table. Rows are None where a stage moves none."""

    name: str
    seconds: float
    rows_in: int | None = None
    rows_out: int | None = None
    rest: dict[str, int] = field(default_factory=dict)


@dataclass
class StageRun:
    """What a stage gave: seconds, results by part, and other JSON it printed."""

    stage: Stage
    seconds: float
    parts: list[Result]
    said: list[dict[str, Any]]


class Screen:
    """Progress for people: a bar at a terminal, plain lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal:
            self.console.width = LOG_WIDTH
        self.live = self.console.is_terminal
        self._bar = Progress(
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )
        self._task: Any = None
        self._said = 0.0

    def say(self, text: str) -> None:
        """A line that stays."""
        self.console.print(text, markup=False, soft_wrap=True)

    def begin(self, title: str) -> None:
        """A stage begins."""
        self._said = time.monotonic()
        if self.live:
            self._bar.start()
            self._task = self._bar.add_task(title, total=None, unit="")
        else:
            self.say(f"{title} …")

    def move(self, title: str, done: int, total: int | None, unit: str) -> None:
        """The stage has done `done` of `total` `unit`."""
        if self.live:
            self._bar.update(
                self._task,
                description=title[:34],
                completed=done,
                total=total or None,
                unit=unit,
            )
        elif time.monotonic() - self._said > QUIET_SECONDS:
            self._said = time.monotonic()
            of = f" of {total:,}" if total else ""
            self.say(f"  {title}: {done:,}{of} {unit}")

    def end(self, title: str, seconds: float, failed: bool = False) -> None:
        """The stage has ended."""
        if self.live and self._task is not None:
            self._bar.stop()
            self._bar.remove_task(self._task)
            self._task = None
        self.say_ended(title, seconds, failed=failed)

    def say_ended(self, title: str, seconds: float, *, failed: bool) -> None:
        """The line that stays of a stage."""
        mark = "failed" if failed else "done"
        self.say(f"{title:<44} {mark:>6} {seconds:8.1f} s")


class Beside(Screen):
    """What is shown of a stage that runs beside others: its end, above their bar."""

    def __init__(self, screen: Screen) -> None:
        self.console = screen.console

    def begin(self, title: str) -> None:
        """The bar is another stage's."""

    def move(self, title: str, done: int, total: int | None, unit: str) -> None:
        """The bar is another stage's."""

    def end(self, title: str, seconds: float, failed: bool = False) -> None:
        """The stage has ended."""
        self.say_ended(title, seconds, failed=failed)


def run_stage(session: Session, stage: Stage, screen: Screen) -> StageRun:
    """Run one stage to its end. Raises StageFailed with advice."""
    logs = session.home / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    path = logs / f"{stage.name}.log"
    parts: list[Result] = []
    said: list[dict[str, Any]] = []
    begun = time.monotonic()
    screen.begin(stage.title)
    code = -1
    try:
        with path.open("w") as log:
            child = session.popen(
                stage.process, stage.arguments, stdout=-1, stderr=log, apart=True
            )
            try:
                assert child.stdout is not None
                for line in child.stdout:
                    heard = parse(line)
                    if heard is None:
                        log.write(line)
                        log.flush()
                    elif "done" in heard and "stage" in heard:
                        screen.move(
                            f"{stage.title}: {heard['stage']}",
                            int(heard["done"]),
                            heard.get("total"),
                            str(heard.get("unit", "")),
                        )
                    elif "rows_out" in heard:
                        parts.append(result(heard))
                    else:
                        said.append(heard)
                code = child.wait()
            finally:
                stop(child)
    finally:
        seconds = time.monotonic() - begun
        screen.end(stage.title, seconds, failed=code != 0)
    if code != 0:
        raise StageFailed(failure(stage, code, path))
    return StageRun(stage, seconds, parts, said)


def run_inside(name: str, title: str, work: Callable[[], object], screen: Screen):
    """Run a stage that is a call of ours; returns its StageRun."""
    begun = time.monotonic()
    screen.begin(title)
    done = False
    try:
        work()
        done = True
    finally:
        seconds = time.monotonic() - begun
        screen.end(title, seconds, failed=not done)
    return StageRun(Stage(name, title, None, ()), seconds, [], [])


def parse(line: str) -> dict[str, Any] | None:
    """The JSON object on a line, or None when the line is for the log."""
    if not line.startswith("{"):
        return None
    try:
        heard = json.loads(line)
    except ValueError:
        return None
    return heard if isinstance(heard, dict) else None


def result(heard: dict[str, Any]) -> Result:
    """A child's closing line as a Result."""
    rest = {name: int(heard[name]) for name in NOT_OUT if heard.get(name)}
    return Result(
        name=str(heard.get("stage", "")),
        seconds=float(heard.get("seconds", 0.0)),
        rows_in=heard.get("rows_in"),
        rows_out=heard.get("rows_out"),
        rest=rest,
    )


def failure(stage: Stage, code: int, log: Path) -> str:
    """What a person needs when a stage failed."""
    if code < 0:
        ended = f"was ended by signal {-code}"
        if code == -9:
            ended += " (often the system's, when memory ran out: try fewer --people)"
    else:
        ended = f"ended with code {code}"
    command = " ".join(stage.arguments)
    return (
        f"\nThe stage '{stage.title}' {ended}. Its last lines:\n\n{tail(log)}\n\n"
        f"All of it: {log}\n"
        f"It ran: {Path(sys.executable).name} {command}"
        f"{f'  (as {stage.process})' if stage.process else ''}\n"
        "Once the cause is gone, run the same command again: it goes on from here. "
        "With --rebuild it starts from nothing."
    )
