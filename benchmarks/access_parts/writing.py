"""Requests that write an audit row each, as a process of the web does it.

`python -m benchmarks.access_parts.writing THREADS PEOPLE SECONDS GO`, with the web's
environment: each thread writes rows through `governance.audit.record`, one a call, and
waits for each as a page does. PEOPLE is how many a page shows. Prints "ready" once all
threads have written a row, waits until the file GO holds a clock time, writes from then
for so many seconds, and prints how many rows stood in the trail by the end.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import django


def write_for(seconds: float, people: range, everybody: Barrier, go: Path) -> int:
    """Write one row after the other once GO says so; returns how many were in time."""
    from governance import audit

    # The connection is open before the clock starts, as it is in the web.
    audit.record("list_viewed", None, subject="before")
    if everybody.wait() == 0:
        print("ready", flush=True)
    while not (told := go.read_text() if go.exists() else ""):
        time.sleep(0.005)
    time.sleep(max(0.0, float(told) - time.time()))
    end = float(told) + seconds
    written = 0
    while True:
        audit.record(
            "list_viewed",
            None,
            subject="proactive_care",
            persons=len(people),
            seen=people,
            release=12,
        )
        if time.time() > end:
            return written
        written += 1


def main() -> None:
    """Write as the command line says."""
    threads, people, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    django.setup()
    shown = range(1_000_000, 1_000_000 + 37 * people, 37)
    everybody = Barrier(threads)
    with ThreadPoolExecutor(threads) as pool:
        jobs = [
            pool.submit(write_for, seconds, shown, everybody, Path(sys.argv[4]))
            for _ in range(threads)
        ]
        print(sum(job.result() for job in jobs))


if __name__ == "__main__":
    main()
