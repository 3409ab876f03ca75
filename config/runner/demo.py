"""`./run demo`: from nothing to a running product with invented people in it."""

import json
import shutil
import sys
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from config import assets
from config.embedded.keys import write_closed
from config.runner import services, tables
from config.runner.demo_notes import PEOPLE, SEED, Notes, Wish
from config.runner.manage import migrate_arguments, process_for
from config.runner.memory import Sampler
from config.runner.session import Session, uses_real_servers
from config.runner.stages import (
    Beside,
    Result,
    Screen,
    Stage,
    StageRun,
    run_inside,
    run_stage,
)

JSON_LINES = ("--progress", "json")
# Below this a sixteenth of the people is so few that a shard's fixed cost rules.
FEW_PEOPLE = 100_000
FEW_SHARDS = 4


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
    notes = trusted_notes(session)
    made = notes.made()
    rebuild = options.rebuild
    if made is not None and not rebuild:
        rebuild = ask_rebuild(options, made)
        if not rebuild and options.differs_from(made) and not sys.stdin.isatty():
            print(
                f"{options.home} holds another demo ({made}). Nothing was changed: "
                "--rebuild replaces it, --home makes a second one beside it."
            )
            return 2
    if rebuild or notes.unfinished() not in (None, options.wish()):
        wipe(session, notes)
    begun = time.monotonic()
    with Sampler(also=lambda: server_pids(session)) as sampler:
        runs = build(session, options, screen, notes)
    seconds = time.monotonic() - begun
    try:
        report(screen, runs, seconds, sampler.peak_mb, address_of(options))
        if options.serve:
            return serve(session, options, screen)
        show_accounts(session, screen)
        return 0
    finally:
        stop_servers(session)


def build(
    session: Session, options: Options, screen: Screen, notes: Notes
) -> list[StageRun]:
    """Run every stage that is needed; servers are left running.

    An unfinished demo goes on after its last finished stage. Raises StageFailed, with
    the servers stopped.
    """
    runs = [
        run_inside("assets", "Web assets", lambda: assets.build(say=screen.say), screen)
    ]
    assert session.servers is not None
    if options.wish().people < FEW_PEOPLE and not session.servers.exist():
        session.servers.cut_into(FEW_SHARDS)
    runs.append(
        run_inside("servers", "PostgreSQL and Valkey", session.servers.start, screen)
    )
    try:
        for stage in schema_stages():
            runs.append(run_stage(session, stage, screen))
        if notes.made() is None:
            runs += build_data(session, options.wish(), screen, notes)
        else:
            # One made by an earlier version may have empty registers: nothing opens.
            runs.append(run_stage(session, registers_stage(), screen))
        return runs
    except BaseException:
        session.servers.stop()
        raise


def build_data(
    session: Session, wish: Wish, screen: Screen, notes: Notes
) -> list[StageRun]:
    """Run the stages that make this demo's data and are not finished yet."""
    finished = notes.stages()
    notes.begin(wish, finished)
    runs = []
    one_at_a_time = Lock()

    def ended(run: StageRun) -> None:
        with one_at_a_time:
            runs.append(run)
            if run.stage.name == "accounts":
                keep_accounts(session, run)
            if run.stage.name == "factor":
                keep_secret(session, run)
            finished.append(run.stage.name)
            notes.begin(wish, finished)

    def beside(stage: Stage) -> None:
        # Noted at once: what it said is lost if another stage fails meanwhile.
        ended(run_stage(session, stage, Beside(screen)))

    with ThreadPoolExecutor(1) as side:
        waiting = []
        for stage in data_stages(session.home, wish):
            if stage.waits:
                all_done(waiting)
            if stage.name in finished:
                screen.say(f"{stage.title:<44} was done before")
            elif stage.beside:
                waiting.append(side.submit(beside, stage))
            else:
                ended(run_data_stage(session, stage, screen))
        all_done(waiting)
    notes.finish(wish)
    return runs


def all_done(waiting: Iterable[Future[None]]) -> None:
    """Wait for stages that run beside others; raises what the first of them raised."""
    for each in waiting:
        each.result()


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
    yield _manage(
        "links", "Links checked", "check_links", "--as-of", as_of, beside=True
    )
    truth = ["manage.py", "evaluate_linkage", str(folder / "truth"), "--json"]
    yield Stage("linkage", "Links against truth", "vault", truth, beside=True)
    yield _manage("accounts", "Demo sign-ins", "demo_accounts", beside=True)
    yield replace(registers_stage(), beside=True)
    factor = ["manage.py", "demo_second_factor"]
    yield Stage("factor", "A second step", "web", factor, beside=True)
    yield _manage("refresh", "Features to release", "refresh", "--as-of", as_of)
    approvals = _manage(
        "approvals", "Models approved, lists in order", "demo_approvals"
    )
    yield replace(approvals, waits=True)


def registers_stage() -> Stage:
    """Legal bases, agreements and policies agreed, and who has opted out gathered."""
    return _manage("registers", "Registers agreed", "demo_registers")


def _manage(
    name: str, title: str, command: str, *words: object, beside: bool = False
) -> Stage:
    arguments = ["manage.py", command, *map(str, words), *JSON_LINES]
    return Stage(name, title, process_for(command), arguments, beside)


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


def address_of(options: Options) -> str:
    """Where the product is to be found once it is served."""
    return f"http://localhost:{options.port}/"


def report(
    screen: Screen, runs: list[StageRun], seconds: float, peak_mb: float, address: str
) -> None:
    """The closing tables; `seconds` is by the clock, since stages run side by side."""
    tables.print_stages(screen.console, runs, seconds, peak_mb)
    by_name = {run.stage.name: run for run in runs}
    if "synthetic" in by_name and "landing" in by_name:
        screen.say(tables.accounted(by_name["synthetic"], by_name["landing"]))
    if "landing" in by_name:
        for line in tables.waiting(by_name["landing"], address):
            screen.say(line)
    if "linkage" in by_name:
        tables.print_rows(
            screen.console, "Links against the truth", by_name["linkage"].said
        )


def serve(session: Session, options: Options, screen: Screen) -> int:
    """Start everything that runs for long, say where, wait for Ctrl-C."""
    address = address_of(options)
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
        show_accounts(session, screen)
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
    print(f"{options.home} holds a demo: {made}.")
    if options.differs_from(made):
        print(f"You asked for: {options.wish()}.")
    answer = input("Keep it, or rebuild it from nothing? [K/r] ")
    return answer.strip().lower().startswith("r")


def trusted_notes(session: Session) -> Notes:
    """The home's notes; forgotten where the databases they speak of are gone."""
    assert session.servers is not None
    notes = Notes(session.home)
    if not session.servers.exist():
        notes.forget()
    return notes


def wipe(session: Session, notes: Notes) -> None:
    """Remove the demo's data and both databases.

    Raises ServersInUse while another command uses them.
    """
    assert session.servers is not None
    session.servers.refuse_if_used()
    notes.forget()
    session.servers.wipe()
    shutil.rmtree(demo_folder(session.home), ignore_errors=True)


def keep_accounts(session: Session, run: StageRun) -> None:
    """Keep the sign-ins where only the person who made the demo can read them."""
    found = [heard["accounts"] for heard in run.said if "accounts" in heard]
    if found:
        write_closed(accounts_file(session), json.dumps(found[-1], indent=2))


def keep_secret(session: Session, run: StageRun) -> None:
    """Keep the app's secret of the account that has a second factor beside it."""
    accounts = read_accounts(session)
    for heard in run.said:
        for account in accounts:
            if account["user"] == heard["user"]:
                account["app_secret"] = heard["app_secret"]
    write_closed(accounts_file(session), json.dumps(accounts, indent=2))


def show_accounts(session: Session, screen: Screen) -> None:
    """The sign-ins, and where they are kept."""
    tables.print_accounts(screen.console, read_accounts(session))
    kept = accounts_file(session)
    screen.say(f"They are kept in {kept}, with the partner's token for the API.")


def read_accounts(session: Session) -> list[dict[str, Any]]:
    """The kept sign-ins, or none."""
    path = accounts_file(session)
    return json.loads(path.read_text()) if path.exists() else []


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
