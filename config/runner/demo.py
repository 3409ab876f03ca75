"""`./run demo`: from nothing to a running product with invented people in it."""

import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from config import assets
from config.embedded.keys import write_closed
from config.runner import services, tables
from config.runner.manage import migrate_arguments, process_for
from config.runner.memory import Sampler
from config.runner.session import Session, uses_real_servers
from config.runner.stages import Result, Screen, Stage, StageRun, run_inside, run_stage

PEOPLE = 20_000
SEED = 1
JSON_LINES = ("--progress", "json")


@dataclass(frozen=True)
class Wish:
    """What decides which demo it is; the same wish finds the same data."""

    people: int = PEOPLE
    seed: int = SEED
    reference: str | None = None


@dataclass(frozen=True)
class Options:
    """What the person at the terminal asked for. None in a wish: not asked."""

    home: Path
    people: int | None = None
    seed: int | None = None
    reference: Path | None = None
    serve: bool = True
    port: int = 8000
    rebuild: bool = False

    def wish(self) -> Wish:
        """The asked demo, with defaults where nothing was asked."""
        return Wish(
            people=PEOPLE if self.people is None else self.people,
            seed=SEED if self.seed is None else self.seed,
            reference=str(self.reference) if self.reference else None,
        )

    def differs_from(self, made: Wish) -> bool:
        """Whether something was asked for that `made` is not."""
        return any(
            asked is not None and asked != has
            for asked, has in (
                (self.people, made.people),
                (self.seed, made.seed),
                (str(self.reference) if self.reference else None, made.reference),
            )
        )


def demo(options: Options) -> int:
    """Make the demo or find it made, then serve it; returns the exit code."""
    if uses_real_servers():
        print("The demo makes servers of its own: unset DATABASE_URL first.")
        return 2
    if options.serve and not services.port_is_free(options.port):
        print(f"Port {options.port} is taken; choose another with --port.")
        return 2
    screen = Screen()
    session = Session(options.home)
    made = made_before(options.home)
    rebuild = options.rebuild
    if made is not None and not rebuild:
        rebuild = ask_rebuild(options, made)
        if not rebuild and options.differs_from(made) and not sys.stdin.isatty():
            print(
                f"{options.home} holds another demo ({described(made)}). Nothing was "
                "changed: --rebuild replaces it, --home makes a second one beside it."
            )
            return 2
    if rebuild or (made is None and begun_file(options.home).exists()):
        # Data of an unfinished demo is taken away too: it says nothing for sure.
        wipe(session)
        made = None
    with Sampler(also=lambda: server_pids(session)) as sampler:
        runs, said = build(session, options, screen, fresh=made is None)
    try:
        report(screen, runs, said, sampler.peak_mb)
        if options.serve:
            return serve(session, options, screen)
        tables.print_accounts(screen.console, read_accounts(session))
        return 0
    finally:
        stop_servers(session)


def build(
    session: Session, options: Options, screen: Screen, *, fresh: bool
) -> tuple[list[StageRun], list[dict[str, Any]]]:
    """Run every stage that is needed; servers are left running.

    Raises StageFailed, with the servers stopped.
    """
    wish = options.wish()
    runs = [
        run_inside("assets", "Web assets", lambda: assets.build(say=screen.say), screen)
    ]
    assert session.servers is not None
    runs.append(
        run_inside("servers", "PostgreSQL and Valkey", session.servers.start, screen)
    )
    try:
        for stage in schema_stages():
            runs.append(run_stage(session, stage, screen))
        if fresh:
            begin(options.home, wish)
            for stage in data_stages(options.home, wish):
                runs.append(run_data_stage(session, stage, screen))
                if stage.name == "accounts":
                    keep_accounts(session, runs[-1])
            finish(options.home)
        return runs, runs[-1].said if fresh else []
    except BaseException:
        session.servers.stop()
        raise


def schema_stages() -> list[Stage]:
    """Both databases brought to the newest schema; quick when they are."""
    return [
        Stage(f"migrate-{name}", title, "migrator", migrate_arguments(name))
        for name, title in (("default", "Store's tables"), ("vault", "Vault's tables"))
    ]


def data_stages(home: Path, wish: Wish) -> Iterable[Stage]:
    """From invented people to a published release. Lazy: the later ones need the
    manifest that the first one writes.
    """
    folder = demo_folder(home)
    words = ["-m", "synthetic", "--people", str(wish.people), "--seed", str(wish.seed)]
    words += ["--out", str(folder), *JSON_LINES]
    words += ["--reference", wish.reference] if wish.reference else []
    yield Stage("synthetic", "Invented people and feeds", None, words)
    yield _manage("reference", "Reference data", "load_reference", folder / "reference")
    yield _manage("landing", "Feeds to store", "load_landing", folder / "landing")
    as_of = manifest(home)["as_of"]
    yield _manage("refresh", "Features to release", "refresh", "--as-of", as_of)
    yield _manage("accounts", "Demo sign-ins", "demo_accounts")
    yield _manage(
        "linkage", "Links against truth", "evaluate_linkage", folder / "truth"
    )


def _manage(name: str, title: str, command: str, *words: object) -> Stage:
    arguments = ["manage.py", command, *map(str, words), *JSON_LINES]
    return Stage(name, title, process_for(command), arguments)


def run_data_stage(session: Session, stage: Stage, screen: Screen) -> StageRun:
    """Run a stage; the refresh has a worker beside it that does its shards."""
    if stage.name == "refresh":
        with services.Running(session, services.worker(), logs=True):
            return run_stage(session, stage, screen)
    run = run_stage(session, stage, screen)
    if stage.name == "synthetic":
        rows = delivered(session.home)
        run.parts.append(Result("delivered", run.seconds, rows_out=rows))
    return run


def delivered(home: Path) -> int:
    """How many rows the generator says it wrote into the feeds."""
    files = manifest(home)["files"].values()
    return sum(file["rows"] for written in files for file in written)


def manifest(home: Path) -> dict[str, Any]:
    """What the generator says of what it made."""
    return json.loads((demo_folder(home) / "manifest.json").read_text())


def report(
    screen: Screen,
    runs: list[StageRun],
    said: list[dict[str, Any]],
    peak_mb: float,
) -> None:
    """The closing tables."""
    tables.print_stages(screen.console, runs, peak_mb)
    for heard in said:
        for title, rows in heard.items():
            if isinstance(rows, list):
                tables.print_rows(screen.console, title.capitalize(), rows)


def serve(session: Session, options: Options, screen: Screen) -> int:
    """Start everything that runs for long, say where, wait for Ctrl-C."""
    address = f"http://localhost:{options.port}/"
    wanted = [
        *services.vault(session),
        *services.worker(),
        *services.beat(session),
        *services.web(options.port),
    ]
    with services.Running(session, wanted, logs=True) as running:
        if not services.wait_for_port(options.port, running):
            screen.say(f"A service did not start; its log is in {session.home}/logs.")
            return 1
        tables.print_accounts(screen.console, read_accounts(session))
        screen.say(f"The product runs at {address} — Ctrl-C stops it.")
        try:
            return running.watch()
        except KeyboardInterrupt:
            screen.say("Stopping …")
            return 0


def ask_rebuild(options: Options, made: Wish) -> bool:
    """At a terminal, whether to make the demo anew; elsewhere it is kept."""
    if not sys.stdin.isatty():
        return False
    print(f"{options.home} holds a demo: {described(made)}.")
    if options.differs_from(made):
        print(f"You asked for: {described(options.wish())}.")
    answer = input("Keep it, or rebuild it from nothing? [K/r] ")
    return answer.strip().lower().startswith("r")


def described(wish: Wish) -> str:
    """A wish in words."""
    where = f"on {wish.reference}" if wish.reference else "in the fictional ICS"
    return f"{wish.people:,} people {where}, seed {wish.seed}"


def wipe(session: Session) -> None:
    """Remove the demo's data and both databases.

    Raises ServersInUse while another command uses them.
    """
    assert session.servers is not None
    session.servers.refuse_if_used()
    if done_file(session.home).exists():
        # Interrupted here, the next run must take it for unfinished, not for whole.
        done_file(session.home).replace(begun_file(session.home))
    session.servers.wipe()
    shutil.rmtree(demo_folder(session.home), ignore_errors=True)
    begun_file(session.home).unlink(missing_ok=True)


def keep_accounts(session: Session, run: StageRun) -> None:
    """Keep the sign-ins where only the person who made the demo can read them."""
    found = [heard["accounts"] for heard in run.said if "accounts" in heard]
    if found:
        write_closed(accounts_file(session), json.dumps(found[-1], indent=2))


def read_accounts(session: Session) -> list[dict[str, Any]]:
    """The kept sign-ins, or none."""
    path = accounts_file(session)
    return json.loads(path.read_text()) if path.exists() else []


def made_before(home: Path) -> Wish | None:
    """The finished demo in `home`, or None."""
    try:
        return Wish(**json.loads(done_file(home).read_text()))
    except FileNotFoundError:
        return None


def begin(home: Path, wish: Wish) -> None:
    """Note that a demo is being made, so that half a one is not taken for whole."""
    demo_folder(home).mkdir(mode=0o700, exist_ok=True)
    begun_file(home).write_text(json.dumps(asdict(wish)))


def finish(home: Path) -> None:
    """Note that the demo is whole."""
    begun_file(home).replace(done_file(home))


def begun_file(home: Path) -> Path:
    """There while a demo is being made: its wish."""
    return home / "demo-begun.json"


def done_file(home: Path) -> Path:
    """There once a demo is whole: its wish."""
    return home / "demo-done.json"


def demo_folder(home: Path) -> Path:
    """Where the invented feeds and their truth lie."""
    return home / "demo"


def accounts_file(session: Session) -> Path:
    """Where the sign-ins lie, beside the other secrets."""
    return session.home / "secrets" / "accounts.json"


def server_pids(session: Session) -> list[int | None]:
    """The embedded servers, for the memory they take."""
    if session.servers is None:
        return []
    return [session.servers.postgres.pid(), session.servers.valkey.pid()]


def stop_servers(session: Session) -> None:
    """Leave the embedded servers; the last user stops them."""
    if session.servers is not None:
        session.servers.stop()
