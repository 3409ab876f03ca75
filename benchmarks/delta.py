"""A delta refresh beside a full one, and a pushed event on its way to a worklist.

Scale 1 is 200,000 people. Their histories are filled into the store, the last full
refresh trains nothing (its models are in use already), then one person in a hundred
gets a new fact and a delta follows, by the same worker process: `delta.ratio` is its
time over the full refresh's, both from the first task to the flip of the pointer.
After that one blood pressure arrives as a file by the vault's queue, with worker, vault
worker and clock running as the product runs them, and is awaited on the list.
"""

import json
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date

import psycopg

from benchmarks.figures import Figure
from benchmarks.pipeline import home
from config.runner import services
from config.runner.manage import migrate
from config.runner.session import Session

PEOPLE = 200_000
AS_OF = date(2026, 9, 30)
SHARE = 0.01
# The people of the road have the numbers below.
AFTER = 1_000
PROGRAMME = "undiagnosed_hypertension"
LIMITS = {"ratio": round(1 / 15, 4), "event_to_list_seconds": 60}
PATIENCE_SECONDS = 300.0


def run(scale: float) -> Iterable[Figure]:
    """Measure at 200,000 × scale people, in a folder of its own."""
    people = max(2_000, int(PEOPLE * scale))
    with home() as folder, Session(folder, throwaway=True) as session:
        assert session.servers is not None
        if migrate(session, ["--verbosity", "0"]):
            raise RuntimeError("the migrations failed")
        reference = str(folder.parent / "reference")
        say(session, "worker", "places", str(people), reference)
        rows = say(session, "migrator", "fill", str(people), reference)["rows"]
        say(session, "vault", "deliver", str(folder.parent))
        url = session.servers.role_url("worker")
        with services.Running(session, services.worker(), logs=True):
            first = refresh(session, url, "--as-of", AS_OF.isoformat())
            full = refresh(session, url, "--as-of", AS_OF.isoformat())
            of_full = slowest(url)
            say(session, "vault", "touch", "1", "1")
            single = refresh(session, url, "--delta")
            few = say(session, "vault", "touch", str(int(people * SHARE)), "2")
            delta = refresh(session, url, "--delta")
            of_delta = slowest(url)
        with pushed(session) as began:
            seconds = listed_after(url, began)
    yield Figure("delta.people", people, "people", {"rows": rows})
    yield Figure(
        "delta.ratio",
        round(delta / full, 4),
        "x",
        {
            "delta_s": round(delta, 2),
            "full_s": round(full, 1),
            "full_with_training_s": round(first, 1),
            "touched": few["people"],
            "delta_of_one_person_s": round(single, 2),
            "slowest_of_delta": of_delta,
            "slowest_of_full": of_full,
            "limit": LIMITS["ratio"],
        },
    )
    yield Figure(
        "delta.event_to_list_seconds",
        round(seconds, 1),
        "s",
        {"limit": LIMITS["event_to_list_seconds"]},
    )


def refresh(session: Session, url: str, *words: str) -> float:
    """Run the command beside the worker; seconds from its first task to its flip."""
    asked = ["manage.py", "refresh", "--progress", "json", *words]
    # What it says would stand among the figures.
    if session.popen("worker", asked, stdout=subprocess.DEVNULL).wait():
        raise RuntimeError("the refresh failed; its words stand above")
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT extract(epoch FROM r.published_at - min(t.started_at))"
            " FROM release r JOIN release_pointer p ON p.release_id = r.id"
            " JOIN stage_task t ON t.release_id = r.id GROUP BY r.id"
        ).fetchone()
    assert row is not None
    return float(row[0])


def slowest(url: str, stages: int = 5) -> str:
    """The stages of the published release that took longest, in seconds."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT t.stage, extract(epoch FROM max(finished_at) - min(started_at))"
            " FROM stage_task t JOIN release_pointer p USING (release_id)"
            " GROUP BY t.stage ORDER BY 2 DESC LIMIT %s",
            [stages],
        ).fetchall()
    return ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in rows)


@contextmanager
def pushed(session: Session) -> Iterator[float]:
    """Everything running, send one file to the vault's queue; when it was sent."""
    several = [*services.worker(), *services.beat(session), services.vault(session)[1]]
    with services.Running(session, several, logs=True):
        said = say(session, "vault", "push", str(session.home.parent))
        yield said["sent_at"]


def listed_after(url: str, began: float) -> float:
    """Wait until the list that readers see holds the person of the pushed event."""
    with psycopg.connect(url, autocommit=True) as connection:
        while time.time() - began < PATIENCE_SECONDS:
            found = connection.execute(
                "SELECT FROM list_entry e JOIN release_pointer p USING (release_id)"
                " WHERE e.programme = %s AND e.person_no < %s",
                [PROGRAMME, AFTER],
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
