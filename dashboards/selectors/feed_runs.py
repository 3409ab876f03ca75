"""One run, and what a supplier is to put right: counts, rules, row numbers. No values.

Counts of rows are an official series, as on the feeds page; the rows themselves stay
sealed in the vault.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Min, Q, Sum

from linkage.definitions import FEEDS
from linkage.models import FeedRun, RejectedRow
from linkage.steps.validate import RULES

State = FeedRun.State
WAITING = (State.RECEIVED,)
FATES = ("loaded", "quarantined", "excluded", "duplicate")
RUNS_SHOWN = 50
STATES = {
    State.RECEIVED: "waits to be read",
    State.PUBLISHED: "taken in",
    State.FAILED: "could not be read",
    State.HELD: "held: waits for a decision",
    State.REFUSED: "refused",
    State.UNDONE: "rolled back",
}
# What a supplier can do about a rule; a rule that is not named needs a correct value.
REMEDIES = {
    "missing": "Fill the column in, or say that the record has no value and why.",
    "not_a_date": "Write the date as year-month-day, 2026-09-30.",
    "in_the_future": "Put the date right: it lies after the day the file came.",
    "too_early": "Put the date right: placeholders such as 1900-01-01 say nothing.",
    "not_a_number": "Write digits only, with a point for decimals.",
    "unknown_value": "Use a code of the national list, or tell us what yours means.",
    "failed_check": "Trace the NHS number again: its check digit does not fit.",
    "before_birth": "Put the date, or the person's birth date, right.",
    "earlier_than": "Put the two dates in their order.",
    "needs": "Add the value that the other column calls for.",
    "not_with": "Take one of the two values out.",
    "out_of_range": "Put the number right, or its unit.",
    "none_of_these": "Fill in at least one of the columns.",
    "not_delivered": "Send the record that this one refers to, in its own feed.",
    "too_long": "Send at most 64 KB in one value.",
    "zero_byte": "Export the file again as text: it holds zero bytes.",
    "unreadable": "Export the record again: it cannot be read.",
    "unlinked": "Send an NHS number, or name, birth date, sex and postcode.",
    "subject_unknown": "Send the patient in a feed that introduces them; it follows.",
    "token_unknown": "Send the crosswalk that holds the token: it follows.",
    "token_like_a_number": "Send pseudonyms that cannot be taken for NHS numbers.",
    "duplicate": "Nothing: a repeat is counted and left out.",
}


@dataclass(frozen=True)
class Fault:
    """Rows of one rule and field: how many, the first of them, what to do."""

    rule: str
    words: str
    field: str
    fate: str
    rows: int
    first_row: int
    replayed: int

    @property
    def remedy(self) -> str:
        return REMEDIES.get(self.rule, "Put the value right and send the row again.")


def run(run_id: int) -> FeedRun | None:
    """One run of any feed, or None."""
    return FeedRun.objects.filter(pk=run_id).first()


def state_words(found: FeedRun) -> str:
    """What has become of a run, as the page says it."""
    if "undoing" in found.detail:
        return "is being rolled back"
    return STATES[State(found.state)]


def is_waiting(found: FeedRun) -> bool:
    """Whether the page should look again soon."""
    return found.state in WAITING or "undoing" in found.detail


def faults(**where: Any) -> list[Fault]:
    """The rules that rows met, the commonest first; `where` filters rejected rows."""
    rows = (
        RejectedRow.objects.filter(**where)
        .values("rule", "field", "fate")
        .annotate(
            rows=Count("pk"), first_row=Min("row_number"), replayed=Count("replayed_in")
        )
        .order_by("-rows", "rule", "field")
    )
    return [Fault(words=RULES.get(row["rule"], row["rule"]), **row) for row in rows]


def blanked(found: FeedRun) -> list[tuple[str, str, int]]:
    """Optional values left blank, and what was only noted: field, words, rows."""
    told: dict[str, int] = dict(found.detail.get("blanked", {}))
    told |= found.detail.get("noted", {})
    listed = []
    for name, many in sorted(told.items(), key=lambda item: -item[1]):
        field, _, rule = name.rpartition(": ")
        listed.append((field, RULES.get(rule, rule), many))
    return listed


def suppliers(feed: str) -> list[dict[str, Any]]:
    """Files and rows of a feed by supplier, and when each was last heard of."""
    sums = {name: Sum(name) for name in ("rows_in", *FATES)}
    published = FeedRun.objects.filter(feed=feed, state=State.PUBLISHED)
    found = published.exclude(way=FeedRun.ROLL_BACK).exclude(
        detail__has_key="replay_of"
    )
    return list(
        found.values("supplier")
        .annotate(files=Count("pk"), **sums)
        .order_by("supplier")
    )


def held() -> list[FeedRun]:
    """Runs of every feed that wait for a decision, oldest first."""
    return list(FeedRun.objects.filter(state=State.HELD).order_by("pk"))


def newest(most: int = 10) -> list[FeedRun]:
    """The runs that came last, of any feed and in any state."""
    return list(FeedRun.objects.order_by("-received_at")[:most])


def of_supplier(feed: str, supplier: str) -> list[FeedRun]:
    """A supplier's latest files of a feed that had rows to put right."""
    runs = FeedRun.objects.filter(feed=feed, supplier=supplier)
    told = runs.filter(Q(quarantined__gt=0) | Q(excluded__gt=0), state=State.PUBLISHED)
    return list(told.order_by("-pk")[:RUNS_SHOWN])


def report_rows(feed: str, supplier: str, run_id: int | None) -> list[dict[str, Any]]:
    """The supplier's report, row by row: file, row number, column, rule, what to do.

    Only rows that are still open; never a value, and no identifier.
    """
    where: Mapping[str, Any] = {"run_id": run_id} if run_id else {}
    rows = (
        RejectedRow.objects.filter(
            run__feed=feed, run__supplier=supplier, replayed_in=None, **where
        )
        .exclude(rule="not_used")
        .exclude(run__state=State.UNDONE)
        .values_list("run__file_name", "row_number", "field", "rule", "fate")
        .order_by("run_id", "row_number", "field")
    )
    return [
        {
            "file": file,
            "row": row,
            "column": column,
            "rule": RULES.get(rule, rule),
            "what_to_do": REMEDIES.get(rule, "Put the value right."),
            "fate": "held" if fate == "quarantined" else "left out",
        }
        for file, row, column, rule, fate in rows
    ]


def feeds_to_choose() -> list[tuple[str, str]]:
    """Every feed's name and title, by title."""
    named = ((name, spec.title) for name, spec in FEEDS.items())
    return sorted(named, key=lambda pair: pair[1])
