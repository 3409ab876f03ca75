"""Who could be on a list and is not: by rule, and where the record is too thin."""

from collections.abc import Iterable
from dataclasses import dataclass

from pyroaring import BitMap

from dashboards import opt_outs, store
from dashboards.definitions import LISTS
from dashboards.list_specs import ListSpec
from dashboards.models import Card, ListRun
from dashboards.selectors import lenses
from dashboards.selectors.worklist import reference
from dashboards.selectors.worklist_standing import on_list
from dashboards.selectors.worklist_told import refuse_closed
from governance import audit, disclosure
from governance.access import Viewer
from governance.disclosure import Cell, Measure, Published, PublishedCell
from governance.models import Org
from linkage import legal_basis
from linkage.definitions import FEEDS
from linkage.models import LinkageAudit
from linkage.release import selectors as release
from linkage.release.selectors import ReleaseView

# So many appointments missed in 12 months, of either kind, and an invitation alone
# will hardly reach somebody.
MISSED = {"gp_missed_12m": 2, "outpatient_missed_12m": 2}


@dataclass(frozen=True)
class NotCoding:
    """A practice that records something far less often than its neighbours."""

    practice_name: str
    attribute: str
    share: str
    elsewhere: str


@dataclass(frozen=True)
class Group:
    """One group or practice: of those who meet the rules, who is passed over, and of
    those on the list, who misses appointments."""

    kind: str
    title: str
    left_out: PublishedCell
    missing_appointments: PublishedCell


@dataclass(frozen=True)
class Unlinked:
    """Of the records of a feed that the list is made by, those that found nobody."""

    feed: str
    records: PublishedCell


@dataclass(frozen=True)
class Missing:
    """Who could be on the list and is not, by reason; and who cannot be found."""

    by_rule: list[tuple[str, str, str, Published]]
    not_coding: list[NotCoding]
    by_group: list[Group]
    unlinked: list["Unlinked"]
    # Sealed references of those who want no contact by this programme.
    refusing: list[str]


def who_is_missing(viewer: Viewer, programme: str) -> Missing | None:
    """Return counts of the viewer's own people whom the list passes over."""
    live = release.current()
    if live is None:
        return None
    spec = LISTS[programme]
    refuse_closed(viewer, programme, live.id)
    run = ListRun.objects.filter(programme=programme, release_id=live.id).first()
    if run is None:
        return None
    practices = sorted(viewer.practice_codes)
    measure = Measure("People left out")
    rules = [(e.name, e.because, e.route) for e in spec.but_not]
    rules += [(name, opt_outs.WORDS[name], "") for name in opt_outs.WORDS]
    by_rule = []
    for name, because, route in rules:
        cells = [
            Cell({"practice": code}, store.unpack(run.left_out, name, code))
            for code in practices
        ]
        published = disclosure.for_own_list(cells, measure=measure, viewer=viewer)
        by_rule.append((name, because, route, published))
    refusing = list(
        Card.objects.filter(
            programme=programme,
            practice_code__in=practices,
            preference=Card.Preference.NONE,
        )
        .order_by("person_no")
        .values_list("person_no", flat=True)
    )
    audit.record(
        "list_gaps_viewed",
        viewer,
        subject=programme,
        release=live.id,
        persons=len(refusing),
        seen=refusing,
    )
    listed = BitMap(row.person_no for row in on_list(viewer, programme, live.id))
    passed_over = BitMap.union(
        BitMap(),
        *(
            store.unpack(run.left_out, exclusion.name, code)
            for exclusion in spec.but_not
            for code in practices
        ),
    )
    return Missing(
        by_rule,
        _not_coding(viewer, spec, practices),
        _by_group(viewer, live, listed, passed_over),
        unlinked(viewer, spec),
        [reference(viewer, person_no) for person_no in refusing],
    )


def unlinked(viewer: Viewer, spec: ListSpec) -> list[Unlinked]:
    """Count the records that found nobody, of the feeds that decide who is listed.

    Of the whole area and so always protected: whose they are nobody knows, so each
    record stands for itself. As the last check of the links counted them; the feed
    with most of them first, and none of a feed all of whose records were linked.
    """
    checked = LinkageAudit.objects.order_by("-pk").first()
    if checked is None:
        return []
    feeds = frozenset().union(*map(legal_basis.of_attribute, spec.decisive))
    counts = {
        row["feed"]: (row["rows_in"], row["unlinked"])
        for row in checked.unlinked
        if row["feed"] in feeds and row["unlinked"]
    }
    found = sorted(counts, key=lambda feed: (-counts[feed][1], feed))
    published = disclosure.protect(
        [
            Cell(
                {"feed": feed},
                BitMap(range(counts[feed][0])),
                BitMap(range(counts[feed][1])),
            )
            for feed in found
        ],
        measure=Measure("Records", "records", per=100),
        viewer=viewer,
    )
    return [
        Unlinked(FEEDS[feed].title, cell)
        for feed, cell in zip(found, published.cells, strict=True)
    ]


def _by_group(
    viewer: Viewer, live: ReleaseView, listed: BitMap, passed_over: BitMap
) -> list[Group]:
    """Count who is passed over and who misses appointments, by practice and group.

    Opt-outs are in no group: what somebody asked not to be used for is not.
    """
    missed = BitMap()
    for name, least in MISSED.items():
        if name in live.catalogue:
            missed |= live.between(name, least)
    practices = sorted(viewer.practice_codes)
    named = Org.objects.filter(code__in=practices)
    names = dict(named.values_list("code", "name"))
    groups = [
        ("Practice", names.get(code, code), live.bitmap("practice_code", code))
        for code in practices
    ]
    for lens in lenses.COMPARED:
        dimension = lenses.dimension(live, lens)
        groups += [
            (
                dimension.title,
                dimension.labels.get(value, value),
                live.bitmap(lens, value),
            )
            for value in live.values(lens)
        ]
    found = []
    for kind, title, people in groups:
        could = (listed | passed_over) & people
        if could:
            published = disclosure.for_own_list(
                [
                    Cell({"what": "left out"}, could, passed_over & people),
                    Cell(
                        {"what": "missing"}, listed & people, listed & people & missed
                    ),
                ],
                measure=Measure("People", per=100),
                viewer=viewer,
            )
            found.append(Group(kind, title, *published.cells))
    return found


def _not_coding(
    viewer: Viewer, spec: ListSpec, practices: Iterable[str]
) -> list[NotCoding]:
    """Find practices that record an attribute half as often as the area or less."""
    live = release.current()
    assert live is not None
    older = live.between("age_years", 65)
    names = dict(Org.objects.filter(code__in=practices).values_list("code", "name"))
    found = []
    for attribute in spec.coding_check:
        recorded = live.known(attribute) & older
        # The whole area is not the viewer's own list: its share is protected.
        area = disclosure.protect(
            [Cell({}, older, recorded)],
            measure=Measure(attribute, per=100),
            viewer=viewer,
        ).cells[0]
        if area.rate is None:
            continue
        for code in practices:
            people = older & live.bitmap("practice_code", code)
            measure = Measure(attribute, per=100)
            cell = disclosure.for_own_list(
                [Cell({"practice": code}, people, recorded & people)],
                measure=measure,
                viewer=viewer,
            ).cells[0]
            if cell.rate is not None and cell.rate < area.rate / 2:
                found.append(
                    NotCoding(
                        names[code],
                        live.attribute(attribute).title,
                        f"{cell.rate:.0f}%",
                        f"{area.rate:.0f}%",
                    )
                )
    return found
