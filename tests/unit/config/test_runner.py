"""`./run`'s words, its children and what it shows."""

import io
import json
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from rich.console import Console

from benchmarks.figures import Figure
from config.environment import broker
from config.runner import bench, checks, demo, manage, services, tables, testing
from config.runner.arguments import parser
from config.runner.memory import Sampler
from config.runner.session import ROOT, child_environment, start, stop
from config.runner.stages import (
    Screen,
    Stage,
    StageFailed,
    StageRun,
    parse,
    result,
    run_stage,
)
from tests.own_databases import own


class AnyProcess:
    """Stands for a Session whose children need no servers."""

    def __init__(self, home) -> None:
        self.home = home
        self.asked: list[str | None] = []

    def popen(self, process, arguments, **options):
        self.asked.append(process)
        return start(arguments, child_environment({}), **options)


@pytest.fixture
def plain() -> Screen:
    return Screen(Console(file=io.StringIO(), width=120))


def shown(screen: Screen) -> str:
    return screen.console.file.getvalue()


def test_help_names_every_command_of_the_issue() -> None:
    text = parser().format_help()
    for word in (
        *("demo", "test", "check", "fix", "web", "worker", "beat", "vault", "load"),
        *("refresh", "bench", "manage", "roles", "DATABASE_URL"),
    ):
        assert re.search(rf"\b{word}\b", text)


@pytest.mark.parametrize("place", ["before", "after"])
def test_home_may_stand_before_or_after_the_command(place: str) -> None:
    words = ["--home", "/x", "demo"] if place == "before" else ["demo", "--home", "/x"]
    assert str(parser().parse_args(words).home) == "/x"


def test_people_are_written_as_people_write_numbers() -> None:
    assert parser().parse_args(["demo", "--people", "20,000"]).people == 20_000
    with pytest.raises(SystemExit):
        parser().parse_args(["demo", "--people", "0"])


@pytest.mark.parametrize(
    ("command", "process"),
    [
        ("migrate", "migrator"),
        ("load_landing", "vault"),
        ("evaluate_linkage", "vault"),
        ("refresh", "worker"),
        ("demo_accounts", "worker"),
    ],
)
def test_commands_run_under_the_role_they_need(command: str, process: str) -> None:
    assert manage.process_for(command) == process


def test_a_child_inherits_no_process_secret(monkeypatch) -> None:
    monkeypatch.setenv("VAULT_DATABASE_URL", "postgresql://vault:secret@/vault")
    monkeypatch.setenv("CATCHMENT_SECRET_KEY_FILE", "/somewhere")
    monkeypatch.setenv("LANG", "C")
    known = child_environment({"DATABASE_URL": "mine"})
    assert "VAULT_DATABASE_URL" not in known
    assert "CATCHMENT_SECRET_KEY_FILE" not in known
    assert known["DATABASE_URL"] == "mine"
    assert known["LANG"] == "C"


def test_a_child_starts_no_threads_of_blas_unless_told(monkeypatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert child_environment({})["OPENBLAS_NUM_THREADS"] == "1"
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "8")
    assert child_environment({})["OPENBLAS_NUM_THREADS"] == "8"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends orphans")
def test_a_child_ends_when_its_parent_is_killed() -> None:
    code = (
        "import sys, time\n"
        "from config.runner.session import start, child_environment\n"
        "child = start(['-c', 'import time; time.sleep(60)'], child_environment({}))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    child = int(parent.stdout.readline())
    # Give the child the moment it needs to ask for the signal.
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    for _ in range(100):
        if not is_alive(child):
            break
        time.sleep(0.05)
    assert not is_alive(child)


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_command_told_to_end_says_so_and_stays_under_nohup() -> None:
    program = (
        "import time; from config.runner.session import end_on_signals;"
        " end_on_signals(); print('ready', flush=True); time.sleep(60)"
    )

    def ended(*signals: signal.Signals, nohup: bool) -> tuple[int, str]:
        before = signal.getsignal(signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN if nohup else signal.SIG_DFL)
        try:
            child = subprocess.Popen(
                [sys.executable, "-c", program],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            signal.signal(signal.SIGHUP, before)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        for each in signals:
            child.send_signal(each)
        _, said = child.communicate(timeout=60)
        return child.returncode, said

    hung_up = ended(signal.SIGHUP, nohup=False)
    assert hung_up == (128 + signal.SIGHUP, "Told to end by SIGHUP.\n")
    stayed = ended(signal.SIGHUP, signal.SIGTERM, nohup=True)
    assert stayed == (128 + signal.SIGTERM, "Told to end by SIGTERM.\n")


def test_stop_kills_a_child_that_will_not_end(monkeypatch) -> None:
    monkeypatch.setattr("config.runner.session.GRACE_SECONDS", 0.3)
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('ready', flush=True); time.sleep(60)"
    )
    child = start(["-c", stubborn], child_environment({}), stdout=subprocess.PIPE)
    assert child.stdout.readline() == "ready\n"
    stop(child)
    assert child.returncode == -signal.SIGKILL


def test_a_stage_gives_its_parts_and_what_it_said(tmp_path, plain) -> None:
    code = """
import json
print("a word for the log")
print(json.dumps({"stage": "gp", "done": 5, "total": 10, "unit": "rows"}))
print(json.dumps({"stage": "gp", "rows_in": 10, "rows_out": 8, "seconds": 1.5,
                  "quarantined": 2, "duplicate": 0}))
print(json.dumps({"accounts": [{"role": "lead"}]}))
"""
    session = AnyProcess(tmp_path)
    run = run_stage(session, Stage("load", "Loading", "vault", ["-c", code]), plain)
    assert session.asked == ["vault"]
    [part] = run.parts
    assert (part.name, part.rows_in, part.rows_out) == ("gp", 10, 8)
    assert part.rest == {"quarantined": 2}
    assert run.said == [{"accounts": [{"role": "lead"}]}]
    assert "a word for the log" in (tmp_path / "logs" / "load.log").read_text()


def test_a_failed_stage_says_which_and_shows_its_last_lines(tmp_path, plain) -> None:
    code = (
        "import sys\n"
        "for n in range(50): print(f'line {n}.', file=sys.stderr)\n"
        "sys.exit(3)"
    )
    stage = Stage("load", "Loading feeds", "vault", ["-c", code])
    with pytest.raises(StageFailed) as failed:
        run_stage(AnyProcess(tmp_path), stage, plain)
    text = str(failed.value)
    assert "Loading feeds" in text
    assert "code 3" in text
    assert "line 49." in text
    assert "line 29." not in text
    assert "failed" in shown(plain)


def test_a_stage_killed_for_memory_says_so(tmp_path, plain) -> None:
    code = "import os; os.kill(os.getpid(), 9)"
    with pytest.raises(StageFailed, match="memory"):
        run_stage(AnyProcess(tmp_path), Stage("x", "X", None, ["-c", code]), plain)


@pytest.mark.parametrize("line", ["plain text\n", '{"broken": \n', "[1, 2]\n", "{}x\n"])
def test_what_is_not_a_json_object_goes_to_the_log(line: str) -> None:
    assert parse(line) is None


def test_a_result_keeps_only_counts_beside_the_rows() -> None:
    heard = {"stage": "x", "rows_in": 3, "rows_out": 1, "seconds": 2, "excluded": 2}
    assert result(heard | {"note": "words"}).rest == {"excluded": 2}


def test_the_closing_table_shows_each_part_and_the_total(plain) -> None:
    parts = [
        result({"stage": name, "rows_in": 1000, "rows_out": 990, "seconds": 1.0})
        for name in ("gp", "sus")
    ]
    runs = [
        StageRun(Stage("a", "Feeds", None, ()), 2.5, parts, []),
        StageRun(Stage("b", "Release", None, ()), 1.5, [], []),
    ]
    tables.print_stages(plain.console, runs, 3.5, peak_mb=2048.4)
    text = shown(plain)
    for word in ("Feeds", "gp", "sus", "1,000", "990", "3.5", "2,048 MiB"):
        assert word in text


def test_accounts_are_shown_with_their_page(plain) -> None:
    account = {"role": "Board", "user": "ada", "password": "pw1", "page": "/board/"}
    tables.print_accounts(plain.console, [account])
    for word in account.values():
        assert word in shown(plain)


def test_memory_counts_children_and_servers() -> None:
    code = "x = bytearray(60_000_000); import time; time.sleep(1.6)"
    with Sampler() as sampler:
        child = subprocess.Popen([sys.executable, "-c", code])
        child.wait()
    assert sampler.peak_mb > 50


def test_workers_never_fork(tmp_path) -> None:
    class Home:
        home = tmp_path
        servers = None

    wanted = [*services.worker(), *services.vault(Home(), "unix:/x")]
    pools = [
        service.arguments[service.arguments.index("--pool") + 1]
        for service in wanted
        if "celery" in service.arguments
    ]
    assert pools == ["threads", "solo"]


def test_a_taken_port_is_seen() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert not services.port_is_free(taken.getsockname()[1])


@pytest.mark.parametrize(
    ("asked", "differs"),
    [
        ({}, False),
        ({"people": 500}, False),
        ({"people": 501}, True),
        ({"seed": 2}, True),
    ],
)
def test_only_what_was_asked_for_can_differ(tmp_path, asked, differs) -> None:
    options = demo.Options(home=tmp_path, **asked)
    assert options.differs_from(demo.Wish(people=500)) is differs


def test_a_figure_reads_back_as_the_issue_says() -> None:
    figure = Figure("pipeline.load_ratio", 2.1, "x", {"raw_copy_s": 0.8})
    assert json.loads(figure.as_json()) == {
        "figure": "pipeline.load_ratio",
        "value": 2.1,
        "unit": "x",
        "beside": {"raw_copy_s": 0.8},
    }


def test_a_benchmark_is_told_only_what_it_takes(capsys) -> None:
    assert bench.bench("scores", scale=1, as_json=True, seed=3) == 2
    assert "scores takes no seed." in capsys.readouterr().out


def test_an_unknown_benchmark_is_refused(capsys) -> None:
    assert bench.bench("no_such", scale=1, as_json=True) == 2
    assert "no_such" in capsys.readouterr().out


def test_a_file_over_the_limit_is_named(tmp_path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "long.py").write_text("x = 1\n" * (checks.LONGEST_FILE + 1))
    (tmp_path / "short.py").write_text("x = 1\n")
    subprocess.run(["git", "-C", str(tmp_path), "add", "."], check=True)
    [(path, lines)] = checks.long_files(tmp_path)
    assert (str(path), lines) == ("long.py", checks.LONGEST_FILE + 1)


@pytest.mark.parametrize(
    ("given", "spelt"),
    [
        (
            "unix://:pw@/run/v.sock?db=2",
            "redis+socket://:pw@/run/v.sock?virtual_host=2",
        ),
        ("redis://:pw@host:6379/1", "redis://:pw@host:6379/1"),
    ],
)
def test_the_broker_is_spelt_as_celery_spells_it(given: str, spelt: str) -> None:
    assert broker(given) == spelt


@pytest.mark.parametrize(
    ("words", "without"),
    [
        ([], False),
        (["-x"], False),
        (["tests/unit"], True),
        (["-k", "name", "tests/unit/config/test_runner.py::test_x"], True),
        (["tests/unit", "tests/integration"], False),
        (["tests"], False),
    ],
)
def test_servers_are_started_unless_no_named_test_needs_them(words, without) -> None:
    assert testing.needs_no_servers(words) is without


@pytest.mark.parametrize(
    ("words", "shared"),
    [([], True), (["-q"], True), (["--pdb"], False), (["tests/unit/config"], False)],
)
def test_only_the_whole_suite_is_shared_among_workers(
    words, shared, monkeypatch
) -> None:
    monkeypatch.setattr(testing.os, "cpu_count", lambda: 8)
    assert testing.worker_count(words) == (testing.MOST_WORKERS if shared else 1)


@pytest.mark.parametrize(("asked", "workers"), [("0", 1), ("1", 1), ("2", 2)])
def test_whoever_asks_for_workers_gets_databases_for_each(asked, workers) -> None:
    words = ["tests/integration", "-n", asked]
    assert testing.worker_count(words) == workers


def test_a_worker_has_databases_queue_and_folder_of_its_own() -> None:
    given = {
        "DATABASE_URL": "postgresql://migrator:pw@/store?host=/s",
        "TEST_VAULT_DATABASE_URL": "postgresql://vault:pw@/vault?host=/vault",
        "REDIS_URL": "unix://:pw@/s/valkey.sock?db=0",
        "CATCHMENT_HOME": "/home",
        "VAULT_SERVICE_URL": "http+unix:///home/vault/vault.sock",
        "LANG": "C",
    }
    assert own(given, "gw1") == {
        "DATABASE_URL": "postgresql://migrator:pw@/store_gw1?host=/s",
        "TEST_VAULT_DATABASE_URL": "postgresql://vault:pw@/vault_gw1?host=/vault",
        "REDIS_URL": "unix://:pw@/s/valkey.sock?db=2",
        "CATCHMENT_HOME": "/home/gw1",
        "VAULT_SERVICE_URL": "http+unix:///home/vault/gw1.sock",
    }
