"""The words of `./run`, and what `./run` without words explains."""

import argparse
from pathlib import Path

EXAMPLES = """\
first steps:
  ./run demo                    a whole invented ICS, running, with sign-ins
  ./run test                    every test, on servers made for it
  ./run check                   style, types, layers, definitions

Without DATABASE_URL in the environment, PostgreSQL and Valkey of the product's own
run under --home (.local). With DATABASE_URL, VAULT_DATABASE_URL and REDIS_URL the
same commands work on servers of yours: docs/deploy.md.
"""


def parser() -> argparse.ArgumentParser:
    """Every command and its options."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--home",
        type=Path,
        default=argparse.SUPPRESS,
        help="where data, embedded servers and secrets live (default: .local)",
    )
    top = argparse.ArgumentParser(
        prog="./run",
        description="Catchment: population health intelligence, in one command.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[shared])

    _demo(add("demo", "make the demo ICS and run the product on it"))
    add("test", "run the tests; what follows goes to pytest")
    add("check", "style, format, types, layers, definitions, file length")
    add("docs", "write the pages that are drawn from definitions")
    add("fix", "repair style and format where a tool can")
    _address(add("web", "run the web process: pages and API"))
    add("worker", "run a worker of the store's queue")
    add("beat", "run the clock that starts the nightly order")
    vault = add("vault", "run the vault's service and its worker")
    vault.add_argument("--bind", help="where the service listens, as gunicorn says it")
    load = add("load", "load files of one feed: ./run load FEED PATH…")
    load.add_argument("feed")
    load.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    _link(add("link", "find the records of one person in a file, or in the index"))
    refresh = add("refresh", "derive, segment, score and publish a new release")
    refresh.add_argument("--as-of", metavar="YYYY-MM-DD", help="the day it describes")
    refresh.add_argument(
        "--delta", action="store_true", help="only who was touched since the last one"
    )
    bench = add("bench", "run a benchmark; without a name, list them")
    bench.add_argument("name", nargs="?")
    bench.add_argument("--json", action="store_true", help="one object a line")
    bench.add_argument("--scale", type=float, default=1.0, help="size; 0.1 for a try")
    bench.add_argument("--seed", type=int, help="another seed than its own (faults)")
    bench.add_argument(
        "--from",
        dest="start",
        type=Path,
        metavar="HOME",
        help="begin with a copy of a demo's home instead of filling one (delta)",
    )
    manage = add("manage", "a Django command, under the role it needs")
    manage.add_argument(
        "--as",
        dest="process",
        choices=("web", "worker", "beat", "vault", "migrator", "auditor"),
        help="the process whose role it runs under",
    )
    manage.add_argument("words", nargs=argparse.REMAINDER, metavar="WORDS")
    made = add("roles", "print the SQL that makes roles and databases on your server")
    made.add_argument(
        "--into", type=Path, metavar="DIR", help="write all secrets there"
    )
    made.add_argument("--database-host", default="postgres", metavar="HOST")
    made.add_argument("--broker-host", default="valkey", metavar="HOST")
    return top


def _demo(demo: argparse.ArgumentParser) -> None:
    demo.add_argument("--people", type=_count, help="how many people (20,000)")
    demo.add_argument("--seed", type=int, help="the same seed, the same people (1)")
    demo.add_argument(
        "--reference", type=Path, metavar="DIR", help="a real ICS's files"
    )
    demo.add_argument("--no-serve", action="store_true", help="make it and stop")
    demo.add_argument("--rebuild", action="store_true", help="wipe and make it anew")
    demo.add_argument("--port", type=int, default=8000)


def _link(link: argparse.ArgumentParser) -> None:
    link.add_argument("records", type=Path, help="CSV or Parquet, a record a row")
    link.add_argument("--out", type=Path, required=True, metavar="LINKS")
    link.add_argument("--truth", type=Path, help="record_id and person_id, to measure")
    link.add_argument("--json", action="store_true", help="the summary as one object")
    link.add_argument(
        "--columns",
        default="",
        metavar="NAME=HEADER,…",
        help="headers other than record_id, nhs_number, forename, surname, dob, sex,"
        " postcode; NAME= for what the file lacks",
    )
    link.add_argument(
        "--against-index", action="store_true", help="find people of the index instead"
    )
    link.add_argument(
        "--engine",
        choices=("auto", "duckdb", "frames"),
        default="auto",
        help="what scores pairs: Splink on DuckDB, or NumPy (auto: by their number)",
    )
    link.add_argument(
        "--train",
        action="store_true",
        help="write a model trained on these records to LINKS instead",
    )


def _address(web: argparse.ArgumentParser) -> None:
    web.add_argument("--port", type=int, default=8000)
    web.add_argument("--host", default="127.0.0.1", help="0.0.0.0 inside a container")


def _count(text: str) -> int:
    number = int(text.replace(",", "").replace("_", ""))
    if number < 1:
        raise argparse.ArgumentTypeError("at least one person is needed")
    return number
