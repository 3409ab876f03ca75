"""`./run`: one door to the demo, the tests, the checks and the processes."""

import argparse
import os
import sys
from pathlib import Path

from config.embedded.binaries import ServerMissing
from config.embedded.process import ServerFailed
from config.runner import manage, testing
from config.runner.session import ROOT, Session, end_on_signals


def parser() -> argparse.ArgumentParser:
    """Every command and its options; `./run` without words prints it."""
    top = argparse.ArgumentParser(
        prog="./run", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument(
        "--home",
        type=Path,
        help="where the data, the embedded servers and the secrets live (.local)",
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("test", help="run the tests: ./run test [pytest's arguments]")
    managed = commands.add_parser("manage", help="a Django command, under its role")
    managed.add_argument("--as", dest="process", help="web, worker, vault, migrator")
    managed.add_argument("words", nargs=argparse.REMAINDER)
    return top


def main(words: list[str]) -> int:
    """Run one command; returns the exit code."""
    top = parser()
    # pytest's own options go to pytest untouched, not through our parser.
    extra: list[str] = []
    if "test" in words[:1]:
        words, extra = words[:1], words[1:]
    given = top.parse_args(words)
    if given.command is None:
        top.print_help()
        return 0
    end_on_signals()
    home = (
        (Path(os.environ.get("CATCHMENT_CALLED_FROM", ".")) / given.home).resolve()
        if given.home
        else ROOT / ".local"
    )
    if given.command == "test":
        return testing.test(extra)
    with Session(home) as session:
        return manage.manage(session, given.words, given.process)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (ServerFailed, ServerMissing) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
