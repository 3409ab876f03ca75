"""`./run`: one door to the demo, the tests, the checks and the processes."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from config.assets import AssetBuildError
from config.embedded.binaries import ServerMissing
from config.embedded.process import ServerFailed
from config.embedded.servers import ServersInUse
from config.runner import bench, checks, demo, deployment, manage, services, testing
from config.runner.arguments import parser
from config.runner.session import (
    NOWHERE,
    PYTHON,
    ROOT,
    Session,
    child_environment,
    end_on_signals,
)
from config.runner.stages import StageFailed

INTERRUPTED = 130
# What went wrong in a way the message explains; anything else keeps its traceback.
EXPECTED = (ServerFailed, ServerMissing, ServersInUse, StageFailed, AssetBuildError)


def main(words: list[str]) -> int:
    """Run one command; returns the exit code."""
    end_on_signals()
    if words[:1] == ["test"] and words[1:] not in (["-h"], ["--help"]):
        # pytest's own options go to pytest untouched.
        return testing.test(words[1:])
    top = parser()
    given = top.parse_args(words)
    if given.command is None:
        top.print_help()
        return 0
    if given.command in ("check", "fix"):
        return getattr(checks, given.command)()
    if given.command == "docs":
        return subprocess.call(
            [PYTHON, "-m", "config.runner.docs"],
            cwd=ROOT,
            env=child_environment(NOWHERE),
        )
    if given.command == "bench":
        return bench.bench(
            given.name,
            scale=given.scale,
            as_json=given.json,
            seed=given.seed,
            start=from_caller(given.start) if given.start else None,
        )
    if given.command == "link" and not given.against_index:
        from config.runner.link import link

        return link(
            given,
            from_caller(given.records),
            from_caller(given.out),
            from_caller(given.truth) if given.truth else None,
        )
    if given.command == "roles":
        if given.into is None:
            return deployment.print_roles()
        return deployment.write_secrets(
            from_caller(given.into),
            database_host=given.database_host,
            broker_host=given.broker_host,
        )
    home = from_caller(given.home) if "home" in given else ROOT / ".local"
    if given.command == "demo":
        return demo.demo(demo_options(given, home))
    with Session(home) as session:
        return with_servers(session, given)


def with_servers(session: Session, given: argparse.Namespace) -> int:
    """The commands that need databases but are not the demo."""
    if given.command in ("load", "refresh", "web", "worker", "beat", "vault"):
        # A new home of our own servers has no tables yet; on servers of yours the
        # schema is yours to move (docs/deploy.md).
        code = manage.migrate_if_new(session)
        if code != 0:
            return code
    match given.command:
        case "manage":
            return manage.manage(session, given.words, given.process)
        case "load":
            paths = [str(from_caller(path)) for path in given.paths]
            # Reference data is no feed: it has no rows of persons, and a folder's
            # files are read together.
            loader = ["load_reference"] if given.feed == "reference" else ["load"]
            feed = [] if given.feed == "reference" else [given.feed]
            return manage.manage(session, [*loader, *feed, *paths])
        case "link":
            words = [str(from_caller(path)) for path in (given.records, given.out)]
            words += ["--columns", given.columns] if given.columns else []
            words += ["--json"] if given.json else []
            return manage.manage(session, ["link_list", *words])
        case "refresh":
            words = ["refresh"] + (["--as-of", given.as_of] if given.as_of else [])
            words += ["--delta"] if given.delta else []
            with services.Running(session, services.worker(), logs=True):
                return manage.manage(session, words)
        case "web":
            return services.serve(session, services.web(given.port, given.host))
        case "worker":
            return services.serve(session, services.worker())
        case "beat":
            return services.serve(session, services.beat(session))
        case "vault":
            return services.serve(session, services.vault(session, given.bind))
    raise AssertionError(f"no such command: {given.command}")


def demo_options(given: argparse.Namespace, home: Path) -> demo.Options:
    """The demo's options as asked for."""
    return demo.Options(
        home=home,
        people=given.people,
        seed=given.seed,
        reference=from_caller(given.reference) if given.reference else None,
        serve=not given.no_serve,
        port=given.port,
        rebuild=given.rebuild,
    )


def from_caller(path: Path) -> Path:
    """A path as the caller meant it: `./run` itself works in the checkout."""
    return (Path(os.environ.get("CATCHMENT_CALLED_FROM", ".")) / path).resolve()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EXPECTED as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
