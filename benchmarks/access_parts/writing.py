"""Requests that write an audit row each, as a process of the web does it.

`python -m benchmarks.access_parts.writing THREADS PEOPLE BEGIN SECONDS`, with the web's
environment: each thread writes rows through `governance.audit.record`, one a call, from
the clock time BEGIN for so many seconds, and waits for each as a page does. PEOPLE is
how many a page shows. Prints how many rows were written.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import django


def write_until(end: float, begin: float, people: range) -> int:
    """Write one row after the other from one moment to another; returns how many."""
    from governance import audit

    # The connection is open before the clock starts, as it is in the web.
    audit.record("list_viewed", None, subject="before")
    time.sleep(max(0.0, begin - time.time()))
    written = 0
    while time.time() < end:
        audit.record(
            "list_viewed",
            None,
            subject="proactive_care",
            persons=len(people),
            seen=people,
            release=12,
        )
        written += 1
    return written


def main() -> None:
    """Write as the command line says."""
    threads, people, begin, seconds = map(float, sys.argv[1:5])
    django.setup()
    shown = range(1_000_000, 1_000_000 + 37 * int(people), 37)
    with ThreadPoolExecutor(int(threads)) as pool:
        jobs = [
            pool.submit(write_until, begin + seconds, begin, shown)
            for _ in range(int(threads))
        ]
        print(sum(job.result() for job in jobs))


if __name__ == "__main__":
    main()
