"""A delta refresh beside a full one, and a pushed event on its way to a worklist.

Scale 1 is 200,000 people. Their histories are filled into the store and refreshed
fully, then one person in a hundred gets a new fact and a delta follows, by the same
worker process: `delta.ratio` is its time over the full refresh's, both from the first
task to the flip of the pointer, without the stages that deltas leave out (training).
After that one blood pressure arrives as a file by the vault's queue, with worker, vault
worker and clock running as the product runs them, and is awaited on the list.

`--from HOME` begins with a copy of the home of a demonstration instead, with its people
and models; the scale counts for nothing then.
"""

import json
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg

from benchmarks.figures import Figure
from benchmarks.pipeline import home
from config.runner import services
from config.runner.manage import migrate
from config.runner.session import Session
from config.schedule import LEFT_OUT_OF_DELTAS

PEOPLE = 200_000
AS_OF = date(2026, 9, 30)
SHARE = 0.01
PROGRAMME = "undiagnosed_hypertension"
LIMITS = {"ratio": round(1 / 15, 4), "event_to_list_seconds": 60}
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Stood:
    """What is measured on: so many people and rows, as at a day."""

    people: int
    rows: int
    as_of: date


@dataclass(frozen=True)
class Took:
    """What a refresh took, and its stages as the command tells it, in seconds."""

    seconds: float
    stages: dict[str, float]

    @property
    def learning(self) -> float:
        """What it spent on the stages that deltas leave out."""
        return sum(self.stages.get(name, 0.0) for name in LEFT_OUT_OF_DELTAS)

    def slowest(self, stages: int = 5) -> str:
        """The stages that took longest."""
        found = sorted(self.stages.items(), key=lambda each: -each[1])[:stages]
        return ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in found)


def run(scale: float, start: Path | None = None) -> Iterable[Figure]:
    """Measure at 200,000 × scale people, in a folder of its own.

    Or at those of the home `start`, in a copy of it.
    """
    with home() as folder:
        if start is not None:
            copy_home(start, folder)
        with Session(folder, throwaway=True) as session:
            yield from measured(session, scale, filled=start is not None)


def measured(session: Session, scale: float, *, filled: bool) -> Iterator[Figure]:
    """Refresh fully, then by deltas; push an event and wait for it."""
    assert session.servers is not None
    if migrate(session, ["--verbosity", "0"]):
        raise RuntimeError("the migrations failed")
    folder, url = str(session.home.parent), session.servers.role_url("worker")
    stood = stands(url) if filled else fill(session, max(2_000, int(PEOPLE * scale)))
    day = stood.as_of.isoformat()
    awaited = touched_by(url, int(say(session, "vault", "deliver", folder, day)["run"]))
    with services.Running(session, services.worker(), logs=True):
        whole = refresh(session, url, "--as-of", day)
        full = whole.seconds - whole.learning
        say(session, "vault", "touch", "1", "1", day)
        single = refresh(session, url, "--delta")
        asked = str(int(stood.people * SHARE))
        few = say(session, "vault", "touch", asked, "2", day)
        delta = refresh(session, url, "--delta")
    with pushed(session, day) as began:
        seconds = listed_after(url, began, awaited)
    yield Figure("delta.people", stood.people, "people", {"rows": stood.rows})
    yield Figure(
        "delta.ratio",
        round(delta.seconds / full, 4),
        "x",
        {
            "delta_s": round(delta.seconds, 2),
            "full_s": round(full, 1),
            "full_with_training_s": round(whole.seconds, 1),
            "touched": few["people"],
            "delta_of_one_person_s": round(single.seconds, 2),
            "slowest_of_delta": delta.slowest(),
            "slowest_of_full": whole.slowest(),
            "limit": LIMITS["ratio"],
        },
    )
    yield Figure(
        "delta.event_to_list_seconds",
        round(seconds, 1),
        "s",
        {"limit": LIMITS["event_to_list_seconds"]},
    )


def fill(session: Session, people: int) -> Stood:
    """Fill the store with so many invented histories."""
    reference = str(session.home.parent / "reference")
    say(session, "worker", "places", str(people), reference)
    rows = say(session, "migrator", "fill", str(people), reference)["rows"]
    return Stood(people, int(rows), AS_OF)


def copy_home(start: Path, folder: Path) -> None:
    """Copy databases and keys of a home that nobody uses, owners and all."""
    if not (start / "servers" / "postgres").is_dir():
        raise RuntimeError(f"{start} holds no databases")
    if (start / "servers" / "postgres" / "postmaster.pid").exists():
        raise RuntimeError(f"the servers of {start} run; stop them first")
    folder.mkdir()
    folder.chmod(0o711)
    for name in ("servers", "secrets", "vault"):
        subprocess.run(["cp", "-a", str(start / name), str(folder)], check=True)


def stands(url: str) -> Stood:
    """How many people and facts the live release has, and as at which day."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT r.people, r.as_of, (SELECT sum(facts) FROM feed_run)"
            " FROM release_pointer p JOIN release r ON r.id = p.release_id"
        ).fetchone()
    if row is None:
        raise RuntimeError("no release is published there")
    return Stood(row[0], int(row[2] or 0), row[1])


def touched_by(url: str, run: int) -> int:
    """The one person whom a run was about."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT DISTINCT person_no FROM touched_person WHERE run_id = %s", [run]
        ).fetchall()
    if len(rows) != 1:
        raise RuntimeError(f"{len(rows)} people were touched, not one")
    return int(rows[0][0])


def refresh(session: Session, url: str, *words: str) -> Took:
    """Run the command beside the worker: from its first task to its flip."""
    asked = ["manage.py", "refresh", "--progress", "json", *words]
    child = session.popen("worker", asked, stdout=subprocess.PIPE)
    told, _ = child.communicate()
    if child.returncode:
        raise RuntimeError("the refresh failed; its words stand above")
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT extract(epoch FROM r.published_at - min(t.started_at))"
            " FROM release r JOIN release_pointer p ON p.release_id = r.id"
            " JOIN stage_task t ON t.release_id = r.id GROUP BY r.id"
        ).fetchone()
    assert row is not None
    ended = {line["stage"]: line["seconds"] for line in lines if "seconds" in line}
    return Took(float(row[0]), ended)


@contextmanager
def pushed(session: Session, day: str) -> Iterator[float]:
    """Everything running, send one file to the vault's queue; when it was sent."""
    several = [*services.worker(), *services.beat(session), services.vault(session)[1]]
    with services.Running(session, several, logs=True):
        said = say(session, "vault", "push", str(session.home.parent), day)
        yield said["sent_at"]


def listed_after(url: str, began: float, awaited: int) -> float:
    """Wait until the list that readers see holds the person of the pushed event."""
    with psycopg.connect(url, autocommit=True) as connection:
        while time.time() - began < PATIENCE_SECONDS:
            found = connection.execute(
                "SELECT FROM list_entry e JOIN release_pointer p USING (release_id)"
                " WHERE e.programme = %s AND e.person_no = %s",
                [PROGRAMME, awaited],
            ).fetchone()
            if found is not None:
                return time.time() - began
            time.sleep(0.1)
    raise RuntimeError(f"the event was on no list after {PATIENCE_SECONDS:.0f} seconds")


def say(session: Session, process: str, *words: str) -> dict[str, float]:
    """Run one child to its end as a process, and return what it says."""
    child = session.popen(process, ["-m", "benchmarks.delta_parts", *words], stdout=-1)
    told, _ = child.communicate()
    if child.returncode:
        raise RuntimeError(f"{words[0]} failed; its words stand above")
    found: dict[str, float] = json.loads(told.strip().splitlines()[-1])
    return found
