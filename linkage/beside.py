"""Files loaded beside each other, in processes of their own.

Threads of one process share the interpreter and Polars' pool of workers: a lane that
asks a thousand small questions a file then waits at each of them for the other lane's
long ones. Processes are scheduled by the system, which lets the short ones through.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import date
from multiprocessing.connection import wait
from pathlib import Path
from typing import NamedTuple

COUNTS = ("rows_in", "loaded", "quarantined", "excluded", "duplicate", "facts")


class Taken(NamedTuple):
    """What became of a file: its run, that run's state, and counts of rows (COUNTS)."""

    run_id: int
    state: str
    problem: str
    counts: dict[str, int]


Take = Callable[[str, Path, date | None], Taken]


def take(feed: str, path: Path, received_on: date | None) -> Taken:
    """Load one file, in this process; UnreadableFileError where it cannot be read."""
    from linkage import actions  # needs Django, which a new process sets up first

    run = actions.load_feed_file(
        feed=feed, path=path, by="landing", received_on=received_on, settle=False
    )
    counts = {name: getattr(run, name) for name in COUNTS}
    return Taken(run.pk, run.state, run.problem, counts)


@contextmanager
def processes(most: int) -> Iterator[Take]:
    """Give a `take` that runs in one of up to `most` further processes.

    Each starts when it is first needed and lives until the end, so that what it has
    looked up of one file serves the next. They end with this process, however it ends.
    """
    spawn = multiprocessing.get_context("spawn")  # Polars in a forked child hangs
    with ProcessPoolExecutor(most, spawn, initializer=_begin) as pool:
        yield lambda *file: pool.submit(take, *file).result()


def _begin() -> None:
    import django

    django.setup()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)  # a load that is cut short is taken up again, as after any kill
