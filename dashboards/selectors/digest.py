"""What a member's e-mail says: counts by list, cards in hand, and where to go.

Nothing else is ever put into it: no name, number, reference, reason or note.
"""

from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse
from pyroaring import BitMap

from dashboards import wording
from dashboards.definitions import LISTS
from dashboards.models import ListRun, ListVisit
from dashboards.selectors import worklist_mine
from dashboards.selectors.worklist import seen_before
from dashboards.selectors.worklist_standing import waiting
from dashboards.team_models import Digest
from governance import disclosure
from governance.access import Viewer
from governance.disclosure import Cell, Measure, Published
from linkage.release import selectors as release

TO_DECIDE = Measure("To decide")
HOW_OFTEN = Digest.HowOften.choices
PROMISE = "No person is named in this message, and none can be found by it."


@dataclass(frozen=True)
class Words:
    """A message: its subject, its text, and the counts by list that it is made of."""

    subject: str
    text: str
    lists: list[tuple[str, Published]]


def chosen(viewer: Viewer) -> Digest | None:
    """Return the viewer's own choice; None where nothing is sent."""
    return Digest.objects.filter(user_id=viewer.user_id).first()


def of_member(viewer: Viewer) -> Words | None:
    """Return the words for one member today; None where no release is published."""
    live = release.current()
    if live is None:
        return None
    lists = _lists(viewer, live.id)
    held = worklist_mine.held(viewer)
    decide, new = (
        int(sum(found.cell(what=what).count or 0 for _, found in lists))
        for what in ("to decide", "new")
    )
    lines = [
        f"{viewer.org_name}, data to {wording.day(live.as_of)}.",
        "",
        *(f"{title}: {_of_list(found)}" for title, found in lists),
        *([] if lists else ["Nobody is waiting for a decision on any list."]),
        "",
        f"In your hands: {_cards(held.mine, held.mine_overdue)}.",
        *(
            [f"While you stand in: {_cards(held.covered, held.covered_overdue)}."]
            if held.covered
            else []
        ),
        "",
        f"Open your lists: {settings.PUBLIC_ADDRESS}{reverse('worklists')}",
        f"Change or stop this: {settings.PUBLIC_ADDRESS}{reverse('list-digest')}",
        "",
        PROMISE,
    ]
    return Words(
        f"Your lists: {wording.count(decide)} to decide, {wording.count(new)} new",
        "\n".join(lines),
        lists,
    )


def _lists(viewer: Viewer, release_id: int) -> list[tuple[str, Published]]:
    """Each list on which somebody waits: exact counts of the team's own people."""
    made = ListRun.objects.filter(release_id=release_id, not_made="")
    visits = {v.programme: v for v in ListVisit.objects.filter(user_id=viewer.user_id)}
    found = []
    for name in sorted(made.values_list("programme", flat=True)):
        if name not in LISTS:
            continue
        rows = waiting(viewer, name, release_id)
        seen = seen_before(visits.get(name), release_id)
        cells = [
            Cell({"what": "to decide"}, BitMap(r.person_no for r in rows)),
            Cell(
                {"what": "new"},
                BitMap(r.person_no for r in rows if r.first_release > seen),
            ),
        ]
        if rows:
            published = disclosure.for_own_list(cells, measure=TO_DECIDE, viewer=viewer)
            found.append((LISTS[name].title, published))
    return found


def _of_list(found: Published) -> str:
    decide, new = found.cell(what="to decide").count, found.cell(what="new").count
    return f"{wording.count(decide)} to decide, {wording.count(new)} new to you"


def _cards(n: int, overdue: int) -> str:
    cards = f"{wording.count(n)} {'card' if n == 1 else 'cards'}"
    return f"{cards}, {wording.count(overdue)} overdue"
