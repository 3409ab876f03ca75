"""Worklists of 1.5 million people: pages and decisions of twenty teams at once.

Scale 1 is 1,500,000 people in forty networks, all sixteen programmes' lists written
directly. Twenty teams open their list and decide over HTTP, with some seconds to read
in between. Then two members of each team press at the same moment, the web is killed
with signal 9 in the middle of decisions and the worker in the middle of a list:
everything that was answered with "kept" must be in the store afterwards.
"""

import os
import re
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil

import httpx
import numpy as np
import psycopg

from benchmarks.figures import Figure
from benchmarks.pipeline import home
from benchmarks.worklist_parts.coverage import coverage
from benchmarks.worklist_parts.names import PROGRAMME, TEAMS, user_of
from config import assets
from config.runner import services
from config.runner.manage import migrate_arguments
from config.runner.session import Session

PEOPLE = 1_500_000
ROUNDS = 12
# What somebody takes to read a page at the very least; teams are not in step.
READING_SECONDS = 2.0
LIST = f"/lists/{PROGRAMME}/"
LOST_ROUNDS = 6


def run(scale: float) -> Iterable[Figure]:
    """Measure at 1,500,000 × scale people, in a folder of its own."""
    people = max(20_000, int(PEOPLE * scale))
    password = secrets.token_urlsafe(16)
    assets.build(say=lambda words: None)
    with home() as folder, Session(folder) as session:
        assert session.servers is not None
        for database in ("default", "vault"):
            if session.run("migrator", migrate_arguments(database)):
                raise RuntimeError("the databases could not be made")
        fill = ["-m", "benchmarks.worklist_parts.fill", str(people), password]
        if session.run("worker", fill):
            raise RuntimeError("the lists could not be made")
        worker = session.servers.role_url("worker")
        with psycopg.connect(session.servers.role_url("migrator")) as owner:
            owner.execute("ANALYZE person, profile, list_entry")
        port = next(p for p in range(18_500, 18_600) if services.port_is_free(p))
        times = Times()
        with services.Running(session, services.web(port), logs=True) as running:
            if not services.wait_for_port(port, running):
                raise RuntimeError("the web did not start")
            teams = [Team(port, n, password) for n in range(TEAMS)]
            for team in teams:
                team.sign_in()
            together(lambda team: team.work(times, rounds=2, counted=False), teams)
            together(lambda team: team.work(times, rounds=ROUNDS), teams)
            told = sum(race(team) for team in teams)
            web = running.children["web"].pid
            restart = kill_in_the_middle(session, port, web, teams, times)
        with restart:
            pass
        kept = lost_of(worker, times)
        lists = killed_worker(session, worker)
    yield Figure("worklist.people", people, "people")
    yield from figures(times, kept + lists, told)
    found = coverage(max(5_000, int(40_000 * min(1.0, scale * 4))))
    yield Figure(
        "worklist.coverage",
        100 * found.lot_held / found.seeds,
        "% of seeds",
        {
            "limit": 93,
            "seeds": found.seeds,
            "before_after": 100 * found.before_after_held / found.seeds,
            "true_effect": round(found.true_effect, 4),
            "by_lot_mean": round(found.lot_mean, 4),
            "by_lot_width": round(found.lot_width, 4),
            "before_after_mean": round(found.before_after_mean, 4),
            "people": found.people,
        },
    )


@dataclass
class Times:
    """Seconds of pages and decisions, and what the web said it had kept."""

    pages: list[float] = field(default_factory=list)
    decisions: list[float] = field(default_factory=list)
    # Of decisions: how many each network's members were told are kept.
    kept: int = 0
    # Of notes on cards: each kept one's words.
    notes: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Team:
    """A network's two members, each with a browser of their own."""

    def __init__(self, port: int, number: int, password: str) -> None:
        self.number = number
        self.password = password
        root = f"http://127.0.0.1:{port}"
        # The web closes a connection that has been idle for two seconds.
        limits = httpx.Limits(keepalive_expiry=1.0)
        self.members = [
            httpx.Client(base_url=root, timeout=60, limits=limits) for _ in range(2)
        ]
        self.rng = np.random.default_rng([7, number])

    def sign_in(self) -> None:
        for n, client in enumerate(self.members):
            page = client.get("/sign-in/")
            form = {
                "username": user_of(self.number, n),
                "password": self.password,
                "csrfmiddlewaretoken": token_of(page.text),
            }
            if client.post("/sign-in/", data=form).status_code != 302:
                raise RuntimeError("a member could not sign in")

    def work(self, times: Times, *, rounds: int, counted: bool = True) -> None:
        """Open the list, read, decide; so many times."""
        client = self.members[0]
        for _ in range(rounds):
            time.sleep(float(self.rng.uniform(0.5, 1.5)) * READING_SECONDS)
            began = time.perf_counter()
            page = client.get(LIST)
            seconds = time.perf_counter() - began
            cards = cards_of(page.text)
            if page.status_code != 200 or not cards:
                raise RuntimeError(f"no list: {page.status_code}")
            time.sleep(float(self.rng.uniform(0.5, 1.5)) * READING_SECONDS)
            began = time.perf_counter()
            kept = decide(client, page.text, *cards[0])
            with times.lock:
                times.kept += kept
                if counted:
                    times.pages.append(seconds)
                    times.decisions.append(time.perf_counter() - began)
                if not kept:
                    raise RuntimeError("a decision was not taken")


def token_of(page: str) -> str:
    return page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]


def cards_of(page: str) -> list[tuple[str, str]]:
    """Return each card's reference and version, in order."""
    return re.findall(
        rf'action="{LIST}(\w+)/decide/">.*?name="version" value="(\d+)"', page, re.S
    )


def decide(client: httpx.Client, page: str, reference: str, version: str) -> bool:
    """Put somebody off for later, which takes no place; returns whether it was kept."""
    answer = client.post(
        f"{LIST}{reference}/decide/",
        data={
            "csrfmiddlewaretoken": token_of(page),
            "version": version,
            "decision": "later:no_capacity",
        },
    )
    # A refusal leads back to the card; a decision that was kept to the list.
    return answer.status_code == 302 and "#" not in answer.headers["Location"]


def together(each: object, teams: Sequence[Team]) -> None:
    """Let every team do something at once; the first error is raised."""
    errors: list[BaseException] = []

    def one(team: Team) -> None:
        try:
            each(team)  # type: ignore[operator]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(team,)) for team in teams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def race(team: Team) -> int:
    """Let both members write on the same card at the same moment, some times.

    Returns how often the second was told; RuntimeError where it was not, or where
    both or neither were told that theirs is kept.
    """
    told = 0
    for n in range(LOST_ROUNDS):
        pages = [client.get(LIST).text for client in team.members]
        reference, _ = cards_of(pages[0])[0]
        # A reference is sealed for the team, so both members have the same.
        address = f"{LIST}{reference}/card/"
        forms = [client.get(address).text for client in team.members]
        answers: dict[int, int] = {}
        start = threading.Barrier(2)

        def press(
            member: int,
            address: str = address,
            forms: Sequence[str] = forms,
            start: threading.Barrier = start,
            answers: dict[int, int] = answers,
            n: int = n,
        ) -> None:
            version = re.search(r'name="version" value="(\d+)"', forms[member])
            assert version is not None
            start.wait()
            answers[member] = (
                team.members[member]
                .post(
                    address,
                    data={
                        "csrfmiddlewaretoken": token_of(forms[member]),
                        "kind": "noted",
                        "version": version[1],
                        "note": f"race {team.number} {n} {member}",
                    },
                )
                .status_code
            )

        threads = [threading.Thread(target=press, args=(m,)) for m in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if sorted(answers.values()) != [302, 409]:
            raise RuntimeError(f"two edits of one card were answered {answers}")
        told += 1
    return told


def kill_in_the_middle(
    session: Session, port: int, web: int, teams: Sequence[Team], times: Times
) -> services.Running:
    """Kill the whole web with signal 9 while teams decide; start it again."""
    stopping = threading.Timer(READING_SECONDS * 2, kill_tree, args=(web,))
    stopping.start()

    def until_killed(team: Team) -> None:
        client = team.members[0]
        while True:
            try:
                page = client.get(LIST)
                cards = cards_of(page.text)
                kept = bool(cards) and decide(client, page.text, *cards[0])
            except httpx.HTTPError:
                return
            with times.lock:
                times.kept += kept

    together(until_killed, teams)
    stopping.join()
    again = services.Running(session, services.web(port), logs=True)
    again.__enter__()
    if not services.wait_for_port(port, again):
        raise RuntimeError("the web did not start again")
    page = teams[0].members[0].get(LIST)
    if page.status_code != 200:
        raise RuntimeError("no list after the web was killed")
    return _Entered(again)


class _Entered(services.Running):
    """Services that run already; leaving the block stops them."""

    def __init__(self, running: services.Running) -> None:
        super().__init__(running.session, running.services, logs=running.logs)
        self.children = running.children

    def __enter__(self) -> "_Entered":
        return self


def kill_tree(pid: int) -> None:
    """Kill a process of ours and its children, which share its group, at once."""
    os.killpg(os.getpgid(pid), signal.SIGKILL)


def lost_of(url: str, times: Times) -> int:
    """Return how many decisions and changes that were answered for are not there."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM decision),"
            " (SELECT count(*) FROM card_event WHERE kind = 'decided'),"
            " (SELECT count(*) FROM card_event WHERE note LIKE 'race %'),"
            " (SELECT coalesce(sum(version), 0) FROM list_card),"
            " (SELECT count(*) FROM card_event)"
        ).fetchone()
    assert row is not None
    decisions, decided, notes, versions, events = (int(n) for n in row)
    return (
        max(0, times.kept - decisions)
        + max(0, TEAMS * LOST_ROUNDS - notes)
        + abs(decisions - decided)
        + abs(versions - events)
    )


def killed_worker(session: Session, url: str) -> int:
    """Kill the worker while it writes a list, then let it write again.

    Returns how many entries and decisions are lost by it.
    """
    before = counts(url)
    words = ["-m", "benchmarks.worklist_parts.remake"]
    child = session.popen("worker", words, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(0.3)
    child.kill()
    child.wait()
    half = counts(url)
    if session.run("worker", words):
        raise RuntimeError("the list could not be written again")
    after = counts(url)
    live, decisions, building = (0, 1, 2)
    lost = sum(abs(before[n] - after[n]) for n in (live, decisions))
    return lost + abs(after[live] - after[building]) + half[building]


def counts(url: str) -> tuple[int, int, int]:
    """Return entries of the live list, decisions, and entries being written."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM list_entry e, release_pointer p"
            " WHERE e.release_id = p.release_id AND programme = %(programme)s),"
            " (SELECT count(*) FROM decision),"
            " (SELECT count(*) FROM list_entry e, release_pointer p"
            " WHERE e.release_id <> p.release_id AND programme = %(programme)s)",
            {"programme": PROGRAMME},
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1]), int(row[2])


def figures(times: Times, lost: int, told: int) -> Iterable[Figure]:
    """Name what was measured, with the limits of the issue beside."""
    for name, seconds, limit in (
        ("page_p95_ms", times.pages, 300),
        ("decision_p95_ms", times.decisions, 150),
    ):
        yield Figure(
            f"worklist.{name}",
            round(1000 * quantile(seconds, 0.95), 1),
            "ms",
            {
                "limit": limit,
                "median_ms": round(1000 * quantile(seconds, 0.5), 1),
                "teams": TEAMS,
                "asked": len(seconds),
            },
        )
    yield Figure(
        "worklist.lost",
        lost,
        "edits",
        {"limit": 0, "kept": times.kept + told, "second_was_told": told},
    )


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
