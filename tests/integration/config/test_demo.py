"""The demo's order of stages, on real servers, with small programs as stages."""

import io
import json
import shutil
from functools import partial
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from config.runner import demo, tables
from config.runner.session import Session
from config.runner.stages import Result, Screen, Stage, StageFailed, StageRun
from config.runner.testing import throwaway_home

SAYS_ITS_ROLE = """
import json, os, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    role = connection.execute("SELECT current_user").fetchone()[0]
for part in ("one", "two"):
    stage = f"{part} as {role}"
    print(json.dumps({"stage": stage, "rows_in": 2, "rows_out": 2, "seconds": 0.1}))
"""
ACCOUNTS = """
import json
account = {"role": "Board", "user": "ada", "password": "pw1", "page": "/"}
print(json.dumps({"accounts": [account]}))
"""


@pytest.fixture
def home(monkeypatch):
    # The demo refuses to run on somebody's real servers, as which the tests' count.
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr(demo, "Session", partial(Session, throwaway=True))
    monkeypatch.setattr(demo.assets, "build", lambda **_: False)
    monkeypatch.setattr(demo, "schema_stages", list)
    monkeypatch.setattr(demo, "data_stages", stages)
    monkeypatch.setattr(demo, "registers_stage", registers)
    with throwaway_home() as folder:
        yield folder
        session = Session(folder)
        demo.stop_servers(session)


def registers():
    return Stage("registers", "Registers", "worker", ["-c", SAYS_ITS_ROLE])


def stages(home, wish):
    # A database keeps which demos were made in it: one row for each.
    made = (
        "import os, psycopg\n"
        "with psycopg.connect(os.environ['DATABASE_URL'], autocommit=True) as c:\n"
        "    c.execute('CREATE TABLE IF NOT EXISTS made (people int)')\n"
        f"    c.execute('INSERT INTO made VALUES ({wish.people})')\n"
    )
    yield Stage("make", "Make", "migrator", ["-c", made])
    yield Stage("load", "Load", "vault", ["-c", SAYS_ITS_ROLE])
    yield Stage("refresh", "Refresh", "worker", ["-c", SAYS_ITS_ROLE])
    yield Stage("accounts", "Accounts", "worker", ["-c", ACCOUNTS])


def made(home) -> list[int]:
    session = Session(home)
    with session, psycopg.connect(session.servers.role_url("migrator")) as connection:
        rows = connection.execute("SELECT people FROM made ORDER BY 1").fetchall()
    return [people for (people,) in rows]


def run(home, **asked) -> int:
    return demo.demo(demo.Options(home=home, serve=False, **asked))


def test_the_second_run_keeps_what_the_first_made(home, capsys) -> None:
    assert run(home, people=500) == 0
    shown = capsys.readouterr().out
    for part in ("one as loader", "two as loader", "two as worker"):
        assert part in shown
    assert run(home) == 0
    assert made(home) == [500]
    session = Session(home)
    assert demo.read_accounts(session)[0]["user"] == "ada"
    assert demo.accounts_file(session).stat().st_mode & 0o077 == 0


def test_another_wish_is_refused_until_rebuild_is_said(home, capsys) -> None:
    assert run(home, people=500) == 0
    assert run(home, people=600) == 2
    assert "--rebuild" in capsys.readouterr().out
    assert made(home) == [500]
    assert run(home, people=600, rebuild=True) == 0
    assert made(home) == [600]


@pytest.fixture
def failed(home, monkeypatch):
    """A demo of 500 people whose second stage failed."""

    def fails(folder, wish):
        yield next(iter(stages(folder, wish)))
        yield Stage("load", "Bad stage", "worker", ["-c", "raise SystemExit(7)"])

    monkeypatch.setattr(demo, "data_stages", fails)
    with pytest.raises(StageFailed, match="Bad stage"):
        run(home, people=500)
    assert Session(home).servers.postgres.pid() is None
    monkeypatch.setattr(demo, "data_stages", stages)
    return home


def test_a_failed_demo_goes_on_where_it_stopped(failed, capsys) -> None:
    assert run(failed, people=500) == 0
    assert "was done before" in capsys.readouterr().out
    assert made(failed) == [500]


def test_what_nothing_needs_runs_beside_the_rest(home, monkeypatch, capsys) -> None:
    meeting = home / "meeting"
    # Each of the two ends only once the other has begun.
    meets = (
        "import pathlib, sys, time\n"
        f"here, there = (pathlib.Path({str(meeting)!r} + n) for n in sys.argv[1:])\n"
        "here.touch()\n"
        "while not there.exists():\n"
        "    time.sleep(0.01)\n"
    )

    def side_by_side(folder, wish):
        yield next(iter(stages(folder, wish)))
        yield Stage("one", "One", "worker", ["-c", meets, "1", "2"], beside=True)
        yield Stage("two", "Two", "worker", ["-c", meets, "2", "1"])

    monkeypatch.setattr(demo, "data_stages", side_by_side)
    assert run(home, people=500) == 0
    shown = capsys.readouterr().out
    assert "One" in shown
    assert "Two" in shown


def test_a_failure_beside_the_rest_is_a_failure(home, monkeypatch) -> None:
    def fails(folder, wish):
        yield Stage("bad", "Bad", "worker", ["-c", "raise SystemExit(7)"], beside=True)
        yield from stages(folder, wish)

    monkeypatch.setattr(demo, "data_stages", fails)
    with pytest.raises(StageFailed, match="Bad"):
        run(home, people=500)
    assert made(home) == [500]
    # What the others did stands; only the failed one is done again.
    monkeypatch.setattr(demo, "data_stages", stages)
    assert run(home, people=500) == 0
    assert made(home) == [500]


def test_what_ran_beside_a_failure_is_not_done_again(home, monkeypatch) -> None:
    trace = home / "trace"
    writes = ["-c", f"open({str(trace)!r}, 'a').write('x')"]

    def fails(folder, wish):
        yield Stage("good", "Good", "worker", writes, beside=True)
        fail = ["-c", "raise SystemExit(7)"]
        yield Stage("bad", "Bad", "worker", fail, waits=True)

    monkeypatch.setattr(demo, "data_stages", fails)
    for _ in range(2):
        with pytest.raises(StageFailed, match="Bad"):
            run(home, people=500)
        assert trace.read_text() == "x"


def test_an_unfinished_demo_gives_way_to_another_wish(failed) -> None:
    assert run(failed, people=600) == 0
    assert made(failed) == [600]


def test_notes_of_databases_that_are_gone_are_forgotten(home) -> None:
    assert run(home, people=500) == 0
    shutil.rmtree(Session(home).servers.postgres.data)
    assert run(home, people=500) == 0
    assert made(home) == [500]


def test_a_demo_never_touches_real_servers(home, monkeypatch, capsys) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://real/store")
    assert run(home) == 2
    assert "unset DATABASE_URL" in capsys.readouterr().out


def test_the_stages_stand_in_the_order_of_the_road(tmp_path, monkeypatch) -> None:
    monkeypatch.undo()
    (tmp_path / "demo").mkdir()
    manifest = {"as_of": "2026-09-30"}
    (tmp_path / "demo" / "manifest.json").write_text(json.dumps(manifest))
    found = list(demo.data_stages(tmp_path, demo.Wish(reference="/real")))
    assert [(stage.name, stage.process) for stage in found] == [
        ("synthetic", None),
        ("reference", "vault"),
        ("landing", "vault"),
        ("links", "vault"),
        ("linkage", "vault"),
        ("accounts", "worker"),
        ("registers", "worker"),
        ("factor", "web"),
        ("refresh", "worker"),
        ("approvals", "worker"),
    ]
    beside = [stage.name for stage in found if stage.beside]
    assert beside == ["links", "linkage", "accounts", "registers", "factor"]
    assert [stage.name for stage in found if stage.waits] == ["approvals"]
    assert found[0].arguments[-2:] == ["--reference", "/real"]
    assert all("2026-09-30" in found[at].arguments for at in (3, 8))
    # What a stage prints is read by machine, each in the words its command knows.
    for stage in found:
        assert stage.arguments[-2:] == ["--progress", "json"] or (
            stage.name in ("synthetic", "factor", "linkage")
        )
    by_name = {stage.name: stage for stage in found}
    assert by_name["linkage"].arguments[-1] == "--json"


def test_the_report_shows_the_links_and_counts_every_row() -> None:
    parts = {
        "synthetic": [Result("delivered", 1.0, rows_out=10)],
        "landing": [
            Result("gp", 1.0, rows_in=10, rows_out=7, rest={"quarantined": 3}),
            Result("people", 1.0, rows_in=4, rows_out=4),
        ],
        "linkage": [],
    }
    found = {"feed": "gp", "tier": "names", "precision": 0.9987, "recall": None}
    runs = [
        StageRun(Stage(name, name, None, ()), 1.0, part, [found])
        for name, part in parts.items()
    ]
    screen = Screen(Console(file=io.StringIO(), width=100))
    demo.report(screen, runs, 3.0, 10.0, "http://localhost:8000/")
    shown = screen.console.file.getvalue()
    for word in ("Links", "gp", "0.9987", "–", "Every row is accounted for"):
        assert word in shown
    assert "HELD" not in shown
    assert " held" not in shown
    runs[1].parts[0].rest["quarantined"] = 2
    assert "MISSING" in tables.accounted(runs[0], runs[1])


def test_a_held_file_is_named_with_where_to_decide_about_it() -> None:
    held = {"held": "gp_202609.csv", "run": 7, "problem": "Far smaller than usual."}
    landing = [
        Result("gp", 1.0, rows_in=10, rows_out=6, rest={"held": 4}),
        Result("people", 1.0, rows_in=4, rows_out=4),
    ]
    delivered = [Result("delivered", 1.0, rows_out=10)]
    runs = [
        StageRun(Stage("synthetic", "Made", None, ()), 1.0, delivered, []),
        StageRun(Stage("landing", "Landed", None, ()), 1.0, landing, [held]),
    ]
    screen = Screen(Console(file=io.StringIO(), width=200))
    demo.report(screen, runs, 3.0, 10.0, demo.address_of(demo.Options(home=Path("x"))))
    shown = screen.console.file.getvalue()
    assert "Every row is accounted for: 10 rows delivered, 10 read = 6 loaded" in shown
    assert "+ 4 held." in shown
    assert (
        "HELD: gp_202609.csv was not taken in (Far smaller than usual.) Decide about it"
        " at http://localhost:8000/feeds/runs/7/" in shown
    )


@pytest.mark.parametrize(
    ("answer", "rebuild"), [("", False), ("k", False), ("r", True), ("Rebuild", True)]
)
def test_at_a_terminal_it_asks(tmp_path, monkeypatch, capsys, answer, rebuild) -> None:
    asked = []
    monkeypatch.setattr(demo.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or answer)
    options = demo.Options(home=tmp_path, people=600)
    assert demo.ask_rebuild(options, demo.Wish(people=500)) is rebuild
    assert "rebuild" in asked[0]
    shown = capsys.readouterr().out
    assert "500" in shown
    assert "600" in shown


def test_without_a_terminal_nothing_is_asked(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(demo.sys.stdin, "isatty", lambda: False, raising=False)
    options = demo.Options(home=tmp_path, people=600)
    assert demo.ask_rebuild(options, demo.Wish(people=500)) is False


def test_what_was_delivered_is_summed_over_feeds_and_files(tmp_path) -> None:
    files = {"gp": [{"rows": 3}, {"rows": 4}], "deaths": [{"rows": 5}]}
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "manifest.json").write_text(json.dumps({"files": files}))
    assert demo.delivered(tmp_path) == 12


def test_another_run_leaves_the_home_of_one_that_goes_on(home) -> None:
    """Between two uses its servers are down, and it is not a killed run's for that."""
    assert run(home, people=500) == 0
    with throwaway_home():
        assert (home / "secrets").is_dir()
    assert run(home, people=500) == 0
