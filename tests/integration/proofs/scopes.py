"""The first wall alone: with every policy open, each filter of a selector must hold.

A filter is where a selector or an action narrows rows to the viewer's practices. In
its mutant it takes every practice for the viewer's own; the probe of that function
must then find somebody of the other network. A new filter needs a new probe here.
"""

import ast
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.utils import timezone
from psycopg import sql
from pyroaring import BitMap

from dashboards.actions import cards, decisions
from dashboards.actions.decisions import RefusedDecisionError
from dashboards.models import Allocation, Card, Decision, ListEntry
from dashboards.rights_models import RightsPack, RightsRequest
from dashboards.selectors import (
    person,
    rights,
    worklist,
    worklist_missing,
    worklist_standing,
    worklist_turns,
    worklist_work,
)
from dashboards.selectors.places import Geography
from governance import access
from governance.access import Viewer
from governance.models import Org
from linkage.release import selectors as release
from segmentation.cohorts import selectors as cohorts
from tests import live_system as system
from tests.integration.proofs import walls
from tests.integration.proofs.altered import altered, places
from tests.live_people import ODA, PIP, PROGRAMME, THEIRS
from tests.page_builders import practice_codes

MODULES = [
    "dashboards.actions.cards",
    "dashboards.actions.decisions",
    "dashboards.selectors.person",
    "dashboards.selectors.places",
    "dashboards.selectors.rights",
    "dashboards.selectors.worklist",
    "dashboards.selectors.worklist_missing",
    "dashboards.selectors.worklist_standing",
    "dashboards.selectors.worklist_turns",
    "dashboards.selectors.worklist_work",
    "segmentation.cohorts.selectors",
]
NUMBERS = [someone.person_no for someone in THEIRS]
THEIR_PRACTICES = ("Z81005", "Z81006")
BY_LOT = "remote_monitoring"
CLOSING = {"on": "2026-09-30", "how": "visit"}


def fits(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "practice_codes"


def everyone(node: ast.AST) -> ast.AST:
    return ast.Name("EVERY_PRACTICE", ast.Load())


def mutants() -> Iterator[tuple[str, Callable[[], AbstractContextManager]]]:
    for module, function, n, _ in places(MODULES, fits):
        yield (
            f"filter: {module}.{function} {n}",
            lambda m=module, f=function, n=n: altered(
                m, f, n, fits, everyone, EVERY_PRACTICE=frozenset(practice_codes())
            ),
        )


@contextmanager
def policies_open() -> Iterator[None]:
    """A block in which Postgres shows and takes every row of persons."""
    with system.connect("migrator") as owner:
        named = [sql.Identifier(each.name) for each in walls.tables(owner)]
        named += [sql.Identifier("rights_request"), sql.Identifier("rights_pack")]
        for name in named:
            owner.execute(
                sql.SQL(
                    "CREATE POLICY all_open ON {} FOR ALL TO web USING (true)"
                    " WITH CHECK (true)"
                ).format(name)
            )
        try:
            yield
        finally:
            for name in named:
                owner.execute(sql.SQL("DROP POLICY all_open ON {}").format(name))


def told(live: Any) -> dict[str, list[str]]:
    """What each function tells or does about the other network's people."""
    prepare(live)
    viewer = live.viewer("pcn_mdt_member")
    found = {}
    for name, probe in PROBES.items():
        with access.scoped(viewer), transaction.atomic():
            found[name] = [str(each) for each in probe(viewer)]
            transaction.set_rollback(True)
    return found


def found_of_theirs(found: dict[str, list[str]]) -> list[str]:
    return [name for name, each in found.items() if each]


def prepare(live: Any) -> None:
    """The other network decides on one of its people, gives the card to somebody."""
    theirs = live.viewer("their_mdt")
    with access.scoped(theirs):
        if Decision.objects.filter(person_no=PIP.person_no).exists():
            return
        decisions.decide(
            programme=PROGRAMME,
            person_no=PIP.person_no,
            choice="accept",
            reason="suitable",
            by=theirs,
        )
        cards.change(
            programme=PROGRAMME,
            person_no=PIP.person_no,
            kind="assigned",
            detail={"user": theirs.user_id},
            seen_version=Card.objects.get(person_no=PIP.person_no).version,
            by=theirs,
        )
    live_id = release.current().id
    with system.acting_as("worker"):
        later = timezone.localdate() + timedelta(days=30)
        Allocation.objects.get_or_create(
            programme=BY_LOT,
            person_no=ODA.person_no,
            practice_code=ODA.practice,
            defaults={
                "starts_on": later,
                "arm": Allocation.Arm.USUAL,
                "drawn_on": later,
                "release_id": live_id,
            },
        )
        if not RightsPack.objects.filter(practice_code=ODA.practice).exists():
            ask_for_record(later)
        first = ListEntry.objects.filter(
            person_no=ODA.person_no, programme=PROGRAMME, release_id=live_id
        ).first()
        others = ListEntry.objects.filter(person_no=ODA.person_no, programme=BY_LOT)
        if first is not None and not others.exists():
            first.pk, first.programme = None, BY_LOT
            first.save(force_insert=True)


def ask_for_record(due_on: date) -> None:
    """Somebody of the other network has asked for their record; it is compiled."""
    asked_for = RightsRequest.objects.create(
        kind=RightsRequest.Kind.ACCESS,
        practice_code=ODA.practice,
        opened_by="test",
        opened_at=timezone.now(),
        due_on=due_on,
    )
    RightsPack.objects.create(
        request=asked_for,
        practice_code=ODA.practice,
        made_at=timezone.now(),
        sealed=b"",
    )


def refused(act: Callable[[], Any]) -> list[str]:
    """Nothing where an action is refused; what it did where it is not."""
    try:
        act()
    except RefusedDecisionError:
        return []
    return ["done"]


def their_decision() -> Decision:
    return Decision.objects.filter(person_no=PIP.person_no).earliest("pk")


def ours_only(found: Any) -> list[int]:
    return [n for n in found if n in NUMBERS]


def missing(viewer: Viewer) -> list[str]:
    found = worklist_missing.who_is_missing(viewer, PROGRAMME)
    return [code for code in THEIR_PRACTICES if code in repr(found)]


def missing_groups(viewer: Viewer) -> list[str]:
    """Which practices stand among the groups, were everybody on the list."""
    live = release.current()
    found = worklist_missing._by_group(viewer, live, live.everyone, BitMap())
    theirs = set(THEIR_PRACTICES)
    theirs |= set(Org.objects.filter(code__in=theirs).values_list("name", flat=True))
    return [each.title for each in found if each.title in theirs]


def places_after_another(viewer: Viewer) -> list[str]:
    """Which practices are shown, after the other network's have been on one page."""
    page = Geography(release.current(), "registered")
    page.visible_to(replace(viewer, practice_codes=frozenset(THEIR_PRACTICES)))
    shown = {place.code for place in page.visible_to(viewer)}
    return sorted(shown.intersection(THEIR_PRACTICES))


def opened_packs(viewer: Viewer) -> list[str]:
    """Whose compiled record is taken out; that it cannot be unsealed comes later."""
    pack = RightsPack.objects.get(practice_code=ODA.practice)
    try:
        rights._opened(viewer, pack.pk, "rights_record_read", frozenset())
    except ObjectDoesNotExist:
        return ["taken out"]
    return []


PROBES: dict[str, Callable[[Viewer], Any]] = {
    "life": lambda v: [1] if person.life(v, ODA.person_no) else [],
    "decisions of a person": lambda v: person._decisions(v, PIP.person_no),
    "list": lambda v: ours_only(
        e.person_no
        for e in worklist_standing.on_list(v, PROGRAMME, release.current().id)
    ),
    "standing": lambda v: ours_only(worklist_standing.standing_decisions(v, PROGRAMME)),
    "later": lambda v: ours_only(worklist_turns.later(v, BY_LOT).people),
    "work": lambda v: worklist_work.of_people(v, PROGRAMME, NUMBERS),
    "history": lambda v: worklist_work.history(v, PROGRAMME, PIP.person_no),
    "load": lambda v: [each.user for each in worklist_work.load(v) if each.user],
    "other lists": lambda v: worklist._other_lists(
        v, PROGRAMME, release.current().id, NUMBERS
    ),
    "missing": missing,
    "missing by group": missing_groups,
    "places": lambda v: ours_only(
        Geography(release.current(), "registered").people_of(v)
    ),
    "places kept": places_after_another,
    "cohorts": lambda v: ours_only(cohorts.own_people(v, release.current())),
    "rights": lambda v: [1] if rights.practice_of(v, ODA.person_no) else [],
    "requests": lambda v: [
        each
        for each in rights.requests(v, timezone.localdate())
        if RightsRequest.objects.get(pk=each.id).practice_code == ODA.practice
    ],
    "hand over": lambda v: range(
        cards.hand_over(
            from_user=Card.objects.get(person_no=PIP.person_no).assigned_to,
            to_user=None,
            to_role="GP",
            by=v,
        )
    ),
    "card": lambda v: refused(lambda: cards._practice_of(PROGRAMME, PIP.person_no, v)),
    "close": lambda v: refused(
        lambda: cards._close(PROGRAMME, PIP.person_no, "done", CLOSING, v)
    ),
    "undo": lambda v: refused(
        lambda: decisions.undo(decision_id=their_decision().pk, by=v)
    ),
    "decide": lambda v: refused(
        lambda: decisions.on_todays_list(PROGRAMME, PIP.person_no, v)
    ),
    "packs": opened_packs,
}
