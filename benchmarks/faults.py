"""A hundred kills at random moments: the store and the release equal a clean run's.

Scale 1 is 100 seeded faults. A small ICS goes the whole road once in peace: files to
store, a full refresh, a late file, a delta refresh. Then again and again on fresh
copies of the empty databases, while the loader, the worker, the refresh or a server's
backend is killed with signal 9, the server is killed or stopped, the queue loses all it
held, the disk fills up. Whatever ended is begun again as an operator would begin it.
Afterwards every fact, link, run, rejected row, bitmap, column, part and list entry is
held against the clean run's, and a reader has looked at the live release all along.
"""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from benchmarks.fault_parts.acts import Acts, small_disk, stand
from benchmarks.fault_parts.copies import Copy, copied
from benchmarks.fault_parts.pictures import orphans, rows_of, shown_by
from benchmarks.figures import Figure
from benchmarks.pipeline import home
from config.runner.manage import migrate
from config.runner.session import Session, stop

KILLS = 100
PEOPLE = 400
SEED = 2026
A_ROUND = 10  # faults in one going of the road
LATE = "gp_observation_*.parquet"
PATIENCE_SECONDS = 600.0
LOOK_SECONDS = 0.1


@dataclass
class Step:
    """One command of the road; `seconds` is what it took in peace."""

    process: str
    words: Sequence[str]
    with_worker: bool = False
    seconds: float = 1.0


@dataclass
class Found:
    """What differed from the clean run, over all rounds."""

    lost: int = 0
    duplicated: int = 0
    wrong: int = 0
    orphans: int = 0
    looks: int = 0
    examples: list[str] = field(default_factory=list)

    def told(self) -> str:
        return (
            f"{self.lost} lost, {self.duplicated} duplicated, {self.wrong} wrong,"
            f" {self.orphans} orphans"
        )


def run(scale: float, seed: int = SEED) -> Iterable[Figure]:
    """Let 100 × scale things go wrong, in a folder of its own.

    Of another `seed` other moments; the people are the same.
    """
    kills = max(5, round(KILLS * scale))
    with home() as folder, small_disk(folder.parent / "disk") as mounted:
        disk = folder.parent / "disk"
        with Session(disk / "home") as session:
            acts = Acts(Random(seed), disk if mounted else None)
            found, clean = measured(session, acts, kills)
    beside: dict[str, float | int | str] = {**acts.counts}
    if not mounted:
        beside["disk"] = "not tried: this machine lets nobody mount a small one"
    yield Figure("faults.kills", acts.done, "faults", beside)
    yield Figure("faults.lost", found.lost, "rows", {"of": clean, "limit": 0})
    yield Figure("faults.duplicated", found.duplicated, "rows", {"limit": 0})
    looks: dict[str, float | int | str] = {"looks": found.looks, "limit": 0}
    if found.examples:
        looks["such_as"] = "; ".join(found.examples[:3])
    yield Figure("faults.wrong_publishes", found.wrong, "looks and releases", looks)
    yield Figure("faults.orphans", found.orphans, "tables and files", {"limit": 0})


def measured(session: Session, acts: Acts, kills: int) -> tuple[Found, int]:
    """Go the road in peace, then until enough went wrong; what differed, rows held."""
    begin(session)
    found = Found()
    steps = road(session.home)
    with copied(session, "clean") as copy:
        for step in steps:
            began = time.monotonic()
            go(copy, step)
            step.seconds = time.monotonic() - began
            say(f"in peace, {step.words[1]}: {step.seconds:.0f} s")
        rows, shown = rows_of(copy), shown_by(copy)
    while acts.done < kills:
        with copied(session, "round") as copy:
            with watched(copy, found):
                for step in steps:
                    left = kills - acts.done
                    harassed(copy, step, acts, min(left, A_ROUND // len(steps) + 1))
            compare(copy, rows, shown, found)
        say(f"{acts.done} of {kills} faults: {found.told()}")
    return found, rows.total()


def say(words: str) -> None:
    """How far it is, beside the figures, which come at the end of hours."""
    print(words, file=sys.stderr, flush=True)


def begin(session: Session) -> None:
    """Make the databases that every round begins with: places, and no people."""
    if migrate(session, ["--verbosity", "0"]):
        raise RuntimeError("the migrations failed")
    delivery = session.home / "delivery"
    words = ["-m", "synthetic", "--people", str(PEOPLE), "--seed", "7"]
    quietly(session, None, [*words, "--out", str(delivery)])
    reference = str(delivery / "reference")
    quietly(session, "vault", ["manage.py", "load_reference", reference])
    late = delivery / "late" / "landing"
    late.mkdir(parents=True)
    shutil.copy(delivery / "manifest.json", late.parent)
    newest = sorted((delivery / "landing").glob(LATE))[-1]
    newest.rename(late / newest.name)


def quietly(session: Session, process: str | None, words: Sequence[str]) -> None:
    """Run a program of ours; what it says would stand among the figures."""
    if session.popen(process, words, stdout=subprocess.DEVNULL).wait():
        raise RuntimeError(f"{' '.join(words)} failed; its words stand above")


def road(home: Path) -> list[Step]:
    """The road of a day: what arrived, the night, what came late, its delta."""
    delivery = home / "delivery"
    late = delivery / "late" / "landing"
    as_of = json.loads((delivery / "manifest.json").read_text())["as_of"]
    refresh = ["manage.py", "refresh", "--progress", "json"]
    return [
        Step("vault", ["manage.py", "load_landing", str(delivery / "landing")]),
        Step("worker", [*refresh, "--as-of", as_of], with_worker=True),
        Step("vault", ["manage.py", "load_landing", str(late)]),
        Step("worker", [*refresh, "--delta"], with_worker=True),
    ]


def go(copy: Copy, step: Step) -> None:
    """One step in peace."""
    worker = copy.worker() if step.with_worker else None
    try:
        copy.run(step.process, *step.words)
    finally:
        stop(*([worker] if worker else []))


def harassed(copy: Copy, step: Step, acts: Acts, faults: int) -> None:
    """One step, begun anew until it ends well, with so many faults in its way."""
    until = time.monotonic() + PATIENCE_SECONDS
    worker = copy.worker() if step.with_worker else None
    child = copy.start(step.process, *step.words)
    try:
        while True:
            delay = acts.rng.uniform(0.0, step.seconds) if faults > 0 else None
            with suppress(subprocess.TimeoutExpired):
                if child.wait(delay or max(0.1, until - time.monotonic())) == 0:
                    return
            if time.monotonic() > until:
                raise RuntimeError(f"{step.words[1]}: {copy.told(step.words)}")
            if child.poll() is None and faults > 0:
                acts.one(copy, child, worker)
                faults -= 1
            if worker is not None and worker.poll() is not None:
                worker = copy.worker()
            if child.poll() is not None:
                child = copy.start(step.process, *step.words)
    finally:
        stop(child, *([worker] if worker else []))


@contextmanager
def watched(copy: Copy, found: Found) -> Iterator[None]:
    """Look at the published release all the while: is it ever half of one?"""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            with suppress(psycopg.Error), psycopg.connect(copy.url("worker")) as reader:
                while not over.wait(LOOK_SECONDS):
                    found.looks += 1
                    wrong = reader.execute(WRONG).fetchall()
                    reader.rollback()
                    found.wrong += len(wrong)
                    found.examples += [str(row) for row in wrong[:1]]

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()


# The pointer's release must be published, whole in its stages, its people, its lists.
WRONG = """
SELECT r.id, r.state, r.people FROM release_pointer p JOIN release r
    ON r.id = p.release_id
WHERE r.state <> 'published' OR r.people = 0
   OR EXISTS (SELECT FROM stage_task t WHERE t.release_id = r.id
              AND t.state <> 'done' AND t.stage <> 'publish_release')
   OR NOT EXISTS (SELECT FROM list_run l WHERE l.release_id = r.id)
   OR r.people <> (SELECT b.people FROM attribute_bitmap b WHERE b.release_id = r.id
                   AND b.attribute = 'everyone')
"""


def compare(copy: Copy, rows: Any, shown: dict[str, Any], found: Found) -> None:
    """Hold a copy against the clean run's."""
    stand(copy)
    now = rows_of(copy)
    gone, more = rows - now, now - rows
    found.lost += gone.total()
    found.duplicated += more.total()
    found.examples += [row[:120] for row in [*gone, *more][:2]]
    picture = shown_by(copy)
    for release, told in picture.items():
        clean = shown[release]
        differ = [k for k in told | clean if told.get(k) != clean.get(k)]
        found.wrong += bool(differ)
        found.examples += [f"{release}: {', '.join(differ[:4])}"] if differ else []
    left = orphans(copy)
    found.orphans += len(left)
    found.examples += left[:2]
