"""What the public may read without signing in: uses, feeds, papers, counts."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

from dashboards.selectors.algorithms import register as algorithms
from governance.access import ACCESS
from governance.disclosure import Cell, Measure, PublishedCell, protect
from governance.models import AccessTally
from governance.registers import selectors as registers
from governance.registers.specs import OPT_OUTS, AgreementSpec, FlowSpec
from linkage.definitions import FEEDS

# What is counted, in the public's words: every audited event that begins so.
EVENTS = {
    "list_": "A care team opened or used a list of its own patients",
    "cohort_": "A group of people was counted or looked at",
    "person_viewed": "A care team opened one patient's record",
    "reveal": "A patient's name was asked for, with a reason",
    "page_refused": "Somebody was refused a page",
    "api_": "A partner organisation asked for protected figures",
    "register_": "A rule or an agreement was changed by two people",
}


@dataclass(frozen=True)
class Anyone:
    """The public, as disclosure control knows who asks."""

    user_id: int = 0
    role: str = "public"
    purpose: str = "public"


@dataclass(frozen=True)
class Purpose:
    """One purpose: what it is, which records it uses, how opt-outs act on it."""

    title: str
    explains: str
    feeds: list[str]
    opt_outs: list[str]


@dataclass(frozen=True)
class Agreement:
    title: str
    partner: str
    purposes: list[str]
    ends_on: date | None


@dataclass(frozen=True)
class Record:
    """One feed in plain words: who sends it, on what legal ground, kept how long."""

    title: str
    controllers: str
    categories: str
    grounds: str
    retention: str


@dataclass(frozen=True)
class PublicRegister:
    purposes: list[Purpose]
    records: list[Record]
    agreements: list[Agreement]
    algorithms: list[dict[str, Any]]
    opted_out: list[tuple[str, PublishedCell]]
    accesses: list[tuple[str, int]]
    since: date | None


def public_register(on: date) -> PublicRegister:
    """Return the public register as it stands on a day; every count is protected."""
    now = registers.book()
    accesses, since = _accesses()
    return PublicRegister(
        purposes=_purposes(now, on),
        records=_records(now, on),
        agreements=[
            Agreement(
                content.title,
                content.partner,
                [ACCESS.purposes[p].title for p in content.purposes],
                entry.expires_on,
            )
            for _, entry in sorted(now.live("agreement", on).items())
            if isinstance(content := entry.content, AgreementSpec)
        ],
        algorithms=algorithms(),
        opted_out=_opted_out(),
        accesses=accesses,
        since=since,
    )


def _purposes(now: registers.Book, on: date) -> list[Purpose]:
    found = []
    for name, spec in ACCESS.purposes.items():
        if not spec.needs_basis:
            continue
        live = [feed for feed, (_, why) in now.flows(name, on).items() if not why]
        honoured = now.honoured(ACCESS, registers.use_of_rows(name), on)
        found.append(
            Purpose(
                spec.title,
                ACCESS.uses[spec.use].explains,
                sorted(FEEDS[feed].title for feed in live if feed in FEEDS),
                [OPT_OUTS[kind] for kind in OPT_OUTS if kind in honoured],
            )
        )
    return found


def _records(now: registers.Book, on: date) -> list[Record]:
    found: dict[str, list[FlowSpec]] = defaultdict(list)
    for entry in now.live("flow", on).values():
        if isinstance(entry.content, FlowSpec) and entry.content.feed in FEEDS:
            found[entry.content.feed].append(entry.content)
    return [
        Record(
            title=FEEDS[feed].title,
            controllers="; ".join(sorted({c for f in flows for c in f.controllers})),
            categories="; ".join(sorted({f.categories for f in flows})),
            grounds="; ".join(
                sorted({f"UK GDPR {f.article_6} and {f.article_9}" for f in flows})
            ),
            retention="; ".join(sorted({f.retention for f in flows})),
        )
        for feed, flows in sorted(found.items())
    ]


def _opted_out() -> list[tuple[str, PublishedCell]]:
    stamp = registers.opt_out_stamp(OPT_OUTS)
    measure = Measure("People who have opted out")
    found = []
    for kind, people in registers.opted_out(stamp).items():
        published = protect([Cell({}, people)], measure=measure, viewer=Anyone())
        found.append((OPT_OUTS[kind], published.cells[0]))
    return found


def _accesses() -> tuple[list[tuple[str, int]], date | None]:
    """How often each thing was done, all months together, and since when."""
    rows = list(AccessTally.objects.values_list("month", "event", "times"))
    counted = {
        words: sum(times for _, event, times in rows if event.startswith(prefix))
        for prefix, words in EVENTS.items()
    }
    since = min((month for month, _, _ in rows), default=None)
    return [(words, times) for words, times in counted.items() if times], since
