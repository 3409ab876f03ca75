"""What a role would see at a place for a purpose, and why not, item by item.

The answers come from the functions that every request asks (`governance.decisions`
by way of a viewer), so the simulator cannot say anything else than what happens.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.urls import URLPattern, URLResolver, get_resolver

from dashboards.selectors import lanes
from governance import decisions
from governance.access import ACCESS, Viewer, extent
from governance.decisions import Decision
from governance.models import Org
from governance.registers import selectors as registers
from linkage.release import selectors as release
from linkage.release.for_purpose import closed_attributes

# What makes an address one that takes data away from the screen.
FILES = (".csv", ".xlsx", ".json", ".yaml", ".pdf", "export/", "fhir/", "print/")
SEES = {
    "aggregates": "Protected figures only: small counts hidden, the rest rounded.",
    "workspace": "Exact counts inside, protected on the way out; no rows.",
    "own_list": "Rows of the people registered with the practices of the place.",
}


@dataclass(frozen=True)
class Item:
    """One thing that a role may or may not have: its title, and the decision."""

    name: str
    title: str
    decision: Decision


@dataclass(frozen=True)
class PageItem(Item):
    """A page with the addresses that go by its name; exports among them apart."""

    shows: str
    addresses: list[str]
    exports: list[str]


@dataclass(frozen=True)
class Simulation:
    """Everything that one role would get, at one place, for one purpose, on one day."""

    viewer: Viewer
    admitted: Decision
    pages: list[PageItem]
    lanes: list[Item]
    scopes: list[Item]
    columns: list[Item]
    columns_open: int
    rows: Decision
    sees: str
    latency: str

    @property
    def exports(self) -> list[tuple[str, PageItem]]:
        """Every address that takes data away, with the page it goes by."""
        return [(address, page) for page in self.pages for address in page.exports]


def addresses() -> dict[str, list[str]]:
    """Return the routes of every page name, as the router writes them."""
    found: dict[str, list[str]] = {}
    for route, view in _walk(get_resolver().url_patterns, ""):
        name = getattr(view, "page_name", None)
        if name and not hasattr(view, "api_scope"):
            found.setdefault(name, []).append(f"/{route}")
    return found


def _walk(patterns: list[object], before: str) -> Iterator[tuple[str, object]]:
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from _walk(each.url_patterns, before + str(each.pattern))
        elif isinstance(each, URLPattern):
            yield before + str(each.pattern), each.callback


def scopes() -> list[str]:
    """Return every scope of the API that some role holds."""
    return sorted(frozenset().union(*(role.api for role in ACCESS.roles.values())))


def simulate(role: str, purpose: str, org: Org, on: date) -> Simulation:
    """Work out what somebody with a role at a place would get for a purpose on a day.

    KeyError for a role or purpose that is not defined.
    """
    spec = ACCESS.granted[role]
    viewer = Viewer(
        user_id=0,
        username="",
        full_name="",
        role=role,
        purpose=purpose,
        standing=registers.standing(ACCESS, purpose, on),
        **extent(org, on),
    )
    admitted = _admitted(role, purpose, org, on)
    routes = addresses()

    def told(decision: Decision) -> Decision:
        return decision if admitted else admitted

    pages = []
    for name, page in ACCESS.pages.items():
        known = routes.get(name, [])
        files = [r for r in known if r.endswith(FILES)]
        pages.append(
            PageItem(
                name,
                page.title,
                told(viewer.decide(name)),
                page.shows,
                [route for route in known if route not in files],
                files,
            )
        )
    columns, columns_open = _columns(viewer)
    return Simulation(
        viewer=viewer,
        admitted=admitted,
        pages=pages,
        lanes=[
            Item(name, lanes.TITLES[name], told(decision))
            for name, decision in lanes.decided(viewer).items()
        ],
        scopes=[Item(n, n, told(viewer.may_call(n))) for n in scopes()],
        columns=columns,
        columns_open=columns_open if admitted else 0,
        rows=told(_rows(viewer)),
        sees=SEES[viewer.sees],
        latency=decisions.latency(ACCESS, purpose)
        if purpose in spec.purposes
        else "never",
    )


def _admitted(role: str, purpose: str, org: Org, on: date) -> Decision:
    """Whether such an account could work at all: level, purpose, agreement."""
    spec = ACCESS.granted[role]
    if org.kind != spec.level:
        return Decision(
            False,
            f"The role {spec.title} is granted at a {spec.level}; {org.name} is a"
            f" {org.kind}.",
        )
    held = decisions.of_purpose(ACCESS, role, purpose)
    if not held or not spec.needs_agreement:
        return held
    for key, entry in registers.book().live("agreement", on).items():
        agreement = registers.book().agreement(key, on)
        if agreement and role in agreement.roles and purpose in agreement.purposes:
            until = registers.written(entry.expires_on)
            return Decision(True, f"Under {key}, which ends on {until}.")
    return Decision(
        False,
        f"The role {spec.title} works under an agreement, and none is in force for it.",
    )


FIGURES_OF = {
    "council": "; figures are of who lives in the council's area",
    "trust": "; figures are of whom the trust has seen in twelve months",
}


def _rows(viewer: Viewer) -> Decision:
    """Whether rows of people are seen, and whose."""
    if not viewer.sees_rows():
        bounds = FIGURES_OF.get(viewer.org_kind, "")
        purpose = ACCESS.purposes[viewer.purpose].title
        return Decision(
            False,
            f"{viewer.spec.title} sees no rows of people for “{purpose}”{bounds}.",
        )
    practices = len(viewer.practice_codes)
    return Decision(
        True,
        f"People registered with {practices}"
        f" {'practice' if practices == 1 else 'practices'} of {viewer.org_name}.",
    )


def _columns(viewer: Viewer) -> tuple[list[Item], int]:
    """Which attributes of the release do not exist for this viewer, and why."""
    live = release.current()
    if live is None:
        return [], 0
    whole = live.whole or live
    closed = closed_attributes(viewer, whole.catalogue, release.delivered(whole.id))
    found = [
        Item(name, whole.catalogue[name].title, Decision(False, why))
        for name, why in closed.items()
    ]
    found += [
        Item(
            name,
            attribute.title,
            Decision(False, "Inclusion health: not for this role and purpose."),
        )
        for name, attribute in whole.catalogue.items()
        if attribute.sensitive and name not in closed and not viewer.sees_sensitive
    ]
    return found, len(whole.catalogue) - len(found)


LEVELS = ("icb", "sub_icb", "place", "council", "trust", "neighbourhood", "pcn")
LEVELS += ("practice",)


def places() -> list[tuple[str, str]]:
    """Return every organisation that a role can be granted at, widest first."""
    rows = Org.objects.filter(kind__in=LEVELS, closed_on__isnull=True)
    found = sorted(rows, key=lambda org: (LEVELS.index(org.kind), org.name))
    return [(o.code, f"{Org.Kind(o.kind).label}: {o.name}") for o in found]


def place(code: str) -> Org:
    """Return one of those organisations. Org.DoesNotExist for another code."""
    return Org.objects.get(code=code, kind__in=LEVELS)
