"""Which places a viewer may look at, and the people who belong to each.

A place is an organisation by registration or an area by residence. Which people
belong to it is the release's own geography, so that a page, its comparison and its
places are one consistent picture as at one date.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from pyroaring import BitMap

from governance import geography
from governance.access import Viewer
from linkage import reach
from linkage.release.selectors import ReleaseView

Basis = Literal["registered", "resident"]
# From the widest to the narrowest: kind of place → attribute of the release.
REGISTERED = {
    "icb": "icb_code",
    "place": "place_code",
    "pcn": "pcn_code",
    "practice": "practice_code",
}
RESIDENT = {"council": "council_code", "district": "district_code"}
KIND_TITLES = {
    "icb": "Integrated care board",
    "place": "Place",
    "pcn": "Primary care network",
    "practice": "Practice",
    "council": "Council",
    "district": "District",
    "lsoa": "Small area (LSOA)",
    "trust": "NHS trust",
}
EVERYWHERE = "all"
# An area belongs to a viewer's view where it holds a tenth of their people, or their
# people are a tenth of those who live in it.
SHARED_SHARE = 0.1


class PlaceRefused(Exception):
    """The viewer may not look at this place."""


@dataclass(frozen=True)
class Place:
    """A place as a page shows it: its code, name, kind and people."""

    code: str
    name: str
    kind: str
    people: BitMap = field(repr=False, compare=False)


@dataclass(frozen=True)
class Geography:
    """The places of one release on one basis, with their names."""

    release: ReleaseView
    basis: Basis
    # A cohort's people on this basis, to whom every place is narrowed: an
    # indicator's denominator.
    within: BitMap | None = field(default=None, repr=False, compare=False)
    # What a page asks of several times: hundreds of sets, laid over one another.
    _visible: dict[tuple[Any, ...], list[Place]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def base(self) -> BitMap:
        """Everyone who counts on this basis: registered, or resident."""
        if self.within is not None:
            return self.within
        flag = "is_registered" if self.basis == "registered" else "is_resident"
        return self.release.bitmap(flag, "yes")

    @property
    def kinds(self) -> dict[str, str]:
        return REGISTERED if self.basis == "registered" else RESIDENT

    @cached_property
    def names(self) -> dict[str, str]:
        return geography.names()

    @cached_property
    def whole(self) -> Place:
        """The whole system: everyone on this basis."""
        if self.basis == "resident":
            return Place(EVERYWHERE, "All residents", "icb", self.base)
        found = self.of_kind("icb")
        if len(found) == 1:
            return Place(found[0].code, found[0].name, "icb", self.base)
        return Place(EVERYWHERE, "Whole system", "icb", self.base)

    def of_kind(self, kind: str, within: BitMap | None = None) -> list[Place]:
        """Return the places of a kind that have people (of a set), by name."""
        attribute = (REGISTERED | RESIDENT | {"lsoa": "lsoa_code"}).get(kind)
        if attribute not in self.release.catalogue:
            return []  # no such level in the reference data, or none at all (a trust)
        inside = self.base if within is None else self.base & within
        places = []
        for code in self.release.values(attribute):
            people = self.release.bitmap(attribute, code) & self.base
            if people.intersect(inside):
                name = self.names.get(code, code)
                places.append(Place(code, name, kind, people))
        return sorted(places, key=lambda place: place.name)

    def parts_of(self, place: Place) -> list[Place]:
        """Return the next narrower places inside one; none for the narrowest.

        A level with a single place is passed over: it would only repeat its parent.
        """
        kinds = list(self.kinds)
        inside = self.everyone_in(place)
        start = kinds.index(place.kind) + 1 if place.kind in kinds else 0
        for kind in kinds[start:]:
            parts = [
                part
                for part in self.of_kind(kind, place.people)
                if part.people.issubset(inside)
            ]
            if len(parts) > 1:
                return parts
        return []

    def everyone_in(self, place: Place) -> BitMap:
        """Return a place's people also where the question is about a cohort's."""
        if self.within is None:
            return place.people
        plain = replace(self, within=None)
        for each in [plain.whole, *plain.of_kind(place.kind)]:
            if each.code == place.code:
                return each.people
        return place.people

    def visible_to(self, viewer: Viewer) -> list[Place]:
        """Return the places that a viewer may look at, widest first."""
        reaches = viewer.practice_codes, viewer.area_codes
        key = (viewer.org_kind, viewer.org_code, *reaches)
        if key not in self._visible:
            self._visible[key] = self._looked_up(viewer)
        return self._visible[key]

    def _looked_up(self, viewer: Viewer) -> list[Place]:
        own = self.people_of(viewer)
        if viewer.org_kind == "trust":
            seen = own & self.base
            return [Place(viewer.org_code, viewer.org_name, "trust", seen)] * bool(seen)
        if self.basis == "registered":
            if viewer.org_kind == "council":
                return []  # its people are those who live there
            return [
                place
                for kind in REGISTERED
                for place in self.of_kind(kind)
                if place.code == viewer.org_code or place.people.issubset(own)
            ]
        areas = [area for kind in RESIDENT for area in self.of_kind(kind)]
        if viewer.org_kind == "icb":
            return [self.whole, *areas]
        if viewer.org_kind == "council":
            return [area for area in areas if area.people.issubset(own)]
        return [area for area in areas if _is_shared(area.people, own)]

    def people_of(self, viewer: Viewer) -> BitMap:
        """Return whom the viewer's grant reaches: its practices' people; at a council
        who lives in its area, at a trust whom it has seen.
        """
        if viewer.org_kind == "trust":
            return reach.seen_by(viewer) & self.release.everyone
        if viewer.org_kind == "council":
            if RESIDENT["council"] not in self.release.catalogue:
                return BitMap()
            return self.release.any_of(RESIDENT["council"], sorted(viewer.area_codes))
        return self.release.any_of("practice_code", sorted(viewer.practice_codes))

    def chosen(self, viewer: Viewer, code: str) -> tuple[Place, list[Place]]:
        """Return the place with this code, and all that the viewer may choose from.

        Without a code the viewer's own place. PlaceRefused where the viewer may not
        look at it, or it has nobody.
        """
        choice = self.visible_to(viewer)
        if not choice:
            raise PlaceRefused("none of your places has people in this release")
        wanted = code or viewer.org_code
        for place in choice:
            if place.code == wanted:
                return place, choice
        if code:
            raise PlaceRefused(code)
        return choice[0], choice


def usual_basis(viewer: Viewer) -> Basis:
    """Return the basis that a page begins with: a council's is residence."""
    return "resident" if viewer.org_kind == "council" else "registered"


def _is_shared(area: BitMap, own: BitMap) -> bool:
    both = area.intersection_cardinality(own)
    smaller = min(len(area), len(own))
    return smaller > 0 and both >= SHARED_SHARE * smaller
