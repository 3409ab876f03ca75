"""What needs a viewer today: counts and sentences, each with the way to its page."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Max, Sum
from django.urls import reverse
from django.utils import timezone

from dashboards import sentences, wording
from dashboards.definitions import LISTS, PAGES
from dashboards.selectors import (
    board,
    linkage,
    overview,
    programme_yield,
    worklist,
    worklist_mine,
)
from dashboards.selectors.asked import Asked
from dashboards.selectors.places import Geography, PlaceRefused
from governance import audit
from governance.access import Viewer
from governance.models import AuditEvent
from linkage.models import FeedRun
from linkage.release import selectors as release
from risk import selectors as risk
from segmentation.cohorts import selectors as cohorts

# Five sentences are what a board member reads before the meeting.
MOST_SENTENCES = 5
RECENT = timedelta(days=7)


@dataclass(frozen=True)
class Need:
    """One thing that may need the viewer: what, how much, and where to go."""

    title: str
    words: str
    href: str
    link: str


def asked_at_home(viewer: Viewer) -> Asked | None:
    """Return the question about the viewer's own place, registered basis."""
    live = release.current()
    if live is None:
        return None
    geography = Geography(live, "registered")
    try:
        place, _ = geography.chosen(viewer, "")
    except PlaceRefused:
        return None
    return Asked(viewer, live, geography, place)


def needs(viewer: Viewer) -> list[Need]:
    """Return what needs this viewer, by what their role may open, in order."""
    found: list[Need] = []
    if viewer.may_open("worklist"):
        # Exact counts of the team's own rows: a reading, before it is answered.
        audit.record("own_lists_counted", viewer, subject="home")
        found += _lists(viewer)
    if viewer.may_open("decide"):
        found += _in_hand(viewer)
    if viewer.may_open("feeds"):
        found += _feeds()
    if viewer.may_open("feeds") or viewer.may_open("model"):
        found += _models(viewer)
    if viewer.may_open("linkage"):
        found += _linkage(viewer)
    if viewer.may_open("cohort_save"):
        found += _cohorts(viewer)
    if viewer.may_open("import_list"):
        found.append(
            Need(
                "A list of your own",
                "Bring NHS numbers, or names, birth dates and postcodes: the vault says"
                " how many it knows, and keeps no identifier",
                reverse("imported-lists"),
                "Bring a list",
            )
        )
    if viewer.may_open("audit"):
        found += _audit()
    if viewer.may_open("api_guide"):
        found.append(
            Need(
                "Figures by machine",
                "Organisations, indicators, segments and the state of feeds over the"
                " API, under the same protection as the pages",
                reverse("api-guide"),
                "How to call the API",
            )
        )
    if viewer.may_open("programme") and not viewer.may_open("worklist"):
        found += _programmes(viewer)
    asked = asked_at_home(viewer) if viewer.may_open("overview") else None
    if asked is not None:
        if viewer.may_open("board"):
            found += _exceptions(asked)
        title, lead = overview.headline(asked)
        found.append(Need(title, lead, reverse("overview"), "See the population"))
    return found


def _lists(viewer: Viewer) -> list[Need]:
    return [
        Need(
            spec.title,
            f"{to_decide} to decide, {new} new since your last visit",
            reverse("worklist", args=[name]),
            "Open the list",
        )
        for name, spec, to_decide, new in worklist.programmes(viewer)
    ]


def _in_hand(viewer: Viewer) -> list[Need]:
    """The viewer's own cards and those of whom they stand in for; none is no need."""
    held = worklist_mine.held(viewer)
    if not held.mine + held.covered:
        return []
    words = f"{held.mine} yours, {held.mine_overdue} of them overdue"
    if held.covered:
        words += f"; {held.covered} of colleagues for whom you stand in"
    return [Need("Cards in your hands", words, reverse("list-mine"), "See what is due")]


def _programmes(viewer: Viewer) -> list[Need]:
    """How far the networks are; first the rules that their teams turn down."""
    found = [
        Need(
            f"Rules that teams turn down: {LISTS[name].title}",
            f"{rules} of its reasons put people on the list whom hardly any team takes"
            f" on. For {LISTS[name].owner}",
            reverse("programme", args=[name]),
            "See the yield by reason",
        )
        for name, rules in programme_yield.unaccepted(viewer).items()
    ]
    return [
        *found,
        Need(
            "Programmes",
            "How far each network is with its lists: waiting, decided on, offered",
            reverse("programmes"),
            "See the networks' work",
        ),
    ]


def _exceptions(asked: Asked) -> list[Need]:
    first, _ = board.items(asked, PAGES["board"])
    return [
        Need(
            f"{item.sign}: {sentences.low_case(item.spec.title)}",
            ". ".join(filter(None, [item.figure.title, item.changed])),
            reverse("indicator", args=[item.name]),
            "What lies behind it",
        )
        for item in first[:MOST_SENTENCES]
    ]


def _feeds() -> list[Need]:
    runs = FeedRun.objects.all()
    failed = runs.filter(state=FeedRun.State.FAILED).count()
    totals = runs.aggregate(
        quarantined=Sum("quarantined", default=0),
        rows_in=Sum("rows_in", default=0),
        last=Max("received_at"),
    )
    words = (
        f"{failed} files failed; {wording.count(totals['quarantined'])} of"
        f" {wording.count(totals['rows_in'])} rows are held in quarantine; the last"
        f" file came {wording.moment(totals['last'])}"
    )
    return [Need("Feeds", words, reverse("feeds"), "See what arrived")]


def _models(viewer: Viewer) -> list[Need]:
    """Models that are stopped, and alerts for who answers for models or for feeds."""
    told = risk.alerts()
    if not (viewer.may_open("feeds") or viewer.may_open("approve_model")):
        told = [each for each in told if each.stopped]
    if not told:
        return []
    stopped = sum(bool(each.stopped) for each in told)
    title = (
        f"{_models_counted(stopped)} stopped: lists go without"
        if stopped
        else f"Alerts of {_models_counted(len(told)).lower()}"
    )
    first = told[0]
    words = f"{first.title}: {first.stopped or ' '.join(first.words)}"
    if len(told) > 1:
        words += f" Alerts of {_models_counted(len(told) - 1).lower()} more."
    if viewer.may_open("model"):
        href, link = reverse("model", args=[first.name]), "See what has changed"
    else:
        href, link = reverse("quality"), "Look at the feeds' quality"
    return [Need(title, words, href, link)]


def _models_counted(number: int) -> str:
    return "One model" if number == 1 else f"{number} models"


def _cohorts(viewer: Viewer) -> list[Need]:
    return [
        Need(
            f"Review the cohort “{cohort.title}”",
            f"Its review was due on {wording.day(cohort.review_by)}. What it counts may"
            " no longer be what you meant.",
            reverse("cohort", args=[cohort.pk]),
            "Look at it and set another date",
        )
        for cohort in cohorts.overdue(viewer, timezone.localdate())
    ]


def _linkage(viewer: Viewer) -> list[Need]:
    found = linkage.report(viewer)
    words = found.headline if found else "The links have not been checked yet"
    return [Need("Linkage", words, reverse("linkage"), "See for whom it fails")]


def _audit() -> list[Need]:
    since = timezone.now() - RECENT
    recent = AuditEvent.objects.filter(at__gte=since)
    refused = recent.filter(outcome="refused").count()
    reveals = recent.filter(event__startswith="reveal").count()
    words = f"In the last 7 days: {reveals} reveals of identity, {refused} refusals"
    return [Need("Access", words, reverse("audit"), "Look at who did what")]
