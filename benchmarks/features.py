"""Every feature, register, segment and lens of a million people, beside the raw read.

Scale 1 is 1,000,000 people with about 60 events and 15 activities each, in the store's
own partitions on the embedded server. Two worker processes of one thread share the
sixteen shards and do what a refresh does of each: read, derive, assign, keep the parts.
`features.read_ratio` sets that beside the same two processes only reading the same
rows, in the same run.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
from rich.console import Console

from benchmarks.figures import Figure
from config.runner.demo import server_pids
from config.runner.manage import migrate
from config.runner.memory import Sampler
from config.runner.session import Session

PEOPLE = 1_000_000
AS_OF = date(2026, 9, 30)
SHARDS, WORKERS = 16, 2
LIMITS = {"seconds": 240, "peak_mb": 4096, "read_ratio": 5}


def run(scale: float) -> Iterable[Figure]:
    """Fill a store of its own with people × scale, then read it and derive from it."""
    people = max(2_000, int(PEOPLE * scale))
    screen = Console(stderr=True, highlight=False)
    with home() as folder, Session(folder / "home", throwaway=True) as session:
        if migrate(session, ["--verbosity", "0"]):
            raise RuntimeError("the migrations failed")
        screen.print(f"Filling the store with {people:,} people …")
        reference = str(folder / "reference")
        one(session, "worker", "reference", str(people), reference)
        filled = one(session, "migrator", "fill", str(people), reference)
        count(session)
        screen.print(f"Reading {filled['rows']:,} rows …")
        raw = both(session, "read")
        release = one(session, "worker", "open")["release"]
        screen.print("Deriving …")
        with Sampler(also=lambda: server_pids(session)) as sampler:
            made = both(session, "derive", str(release))
    seconds = made["seconds"]
    beside = {"people": people, "rows": made["rows"], "raw_read_s": raw["seconds"]}
    yield Figure(
        "features.seconds",
        round(seconds, 1),
        "s",
        beside
        | {
            "rows_per_core_minute": round(made["rows"] / seconds * 60 / WORKERS),
            # The workers' own; the server's come on top. A busy machine stretches
            # seconds and not these.
            "worker_cpu_s": round(made["cpu"], 1),
        },
    )
    yield Figure("features.peak_mb", round(sampler.peak_mb), "MiB", limit("peak_mb"))
    yield Figure(
        "features.read_ratio",
        round(seconds / raw["seconds"], 2),
        "x",
        limit("read_ratio"),
    )
    yield counted()


def limit(name: str) -> dict[str, float | int | str]:
    return {"limit": LIMITS[name]}


def counted() -> Figure:
    """How many features there are: the same measure over other windows counts once."""
    from linkage.feature_definitions import FEATURES
    from linkage.feature_specs import Register

    measures = {spec.measure or name for name, spec in FEATURES.items()}
    registers = [n for n, s in FEATURES.items() if isinstance(s.rule, Register)]
    return Figure(
        "features.count",
        len(measures),
        "features",
        {
            "definitions": len(FEATURES),
            "columns": sum(len(s.columns(n)) for n, s in FEATURES.items()),
            "registers": len(registers),
        },
    )


@contextmanager
def home() -> Iterator[Path]:
    """A folder that the server's own user may enter, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="catchment-bench-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def count(session: Session) -> None:
    """Touch every row once, as the server's housekeeping does after a load."""
    assert session.servers is not None
    with psycopg.connect(session.servers.role_url("migrator")) as connection:
        for shard in range(SHARDS):
            for table in ("event", "activity", "person", "registration", "residence"):
                connection.execute(f"SELECT count(*) FROM {table}_p{shard:02d}")


def one(session: Session, process: str, *words: str) -> dict[str, int]:
    """Run one child to its end as a process, and return what it says."""
    found: dict[str, int] = json.loads(_said(_child(session, process, words)))
    return found


def both(session: Session, what: str, *words: str) -> dict[str, float]:
    """Share the shards between the workers; seconds from first to last work."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    children = []
    for worker in range(WORKERS):
        mine = ",".join(str(shard) for shard in range(worker, SHARDS, WORKERS))
        children.append(_child(session, "worker", [what, mine, *words]))
    told = [json.loads(_said(child)) for child in children]
    began, ended = min(t["began"] for t in told), max(t["ended"] for t in told)
    return {
        "seconds": ended - began,
        "rows": sum(t["rows"] for t in told),
        "cpu": sum(t["cpu"] for t in told),
    }


def _child(
    session: Session, process: str, words: Sequence[str]
) -> "subprocess.Popen[str]":
    arguments = ["-m", "benchmarks.features", *words]
    return session.popen(process, arguments, stdout=subprocess.PIPE)


def _said(child: "subprocess.Popen[str]") -> str:
    said, _ = child.communicate()
    if child.returncode:
        raise RuntimeError("a worker of the benchmark failed; its words stand above")
    return said.strip().splitlines()[-1]


def work(what: str, *words: str) -> dict[str, float]:
    """What a child does: reference, fill, open, read or derive; says what it did."""
    import django

    django.setup()
    from benchmarks import filling
    from linkage.release import actions, store
    from segmentation.actions import assign_segments

    if what == "reference":
        return {"areas": filling.places(int(words[0]), Path(words[1]))}
    if what == "fill":
        return {"rows": filling.fill(int(words[0]), Path(words[1]), AS_OF)}
    if what == "open":
        # Nothing arrived, so the release is of this date and of no batches.
        return {"release": actions.start_refresh(as_of=AS_OF, by="benchmark").pk}
    rows = 0
    began, used = time.monotonic(), time.process_time()
    for shard in map(int, words[0].split(",")):
        if what == "read":
            rows += store.read_shard(shard, until=AS_OF).rows
        else:
            rows += actions.derive_features(int(words[1]), shard).rows_in
            assign_segments(int(words[1]), shard)
    used = time.process_time() - used
    return {"began": began, "ended": time.monotonic(), "rows": rows, "cpu": used}


if __name__ == "__main__":
    print(json.dumps(work(*sys.argv[1:])))
