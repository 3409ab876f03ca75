"""What a page was asked: by whom, of which release, for which place, compared how."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from pyroaring import BitMap

from dashboards import wording
from dashboards.charts import Dimension, Evidence
from dashboards.selectors.fitness import Background, background, fitness_of
from dashboards.selectors.places import Geography, Place
from dashboards.steps.aggregate import Group
from dashboards.steps.fitness import model_not_in_order
from governance.access import Viewer
from governance.disclosure import Cell, Measure, Published, in_workspace, protect
from linkage import reach
from linkage.feature_definitions import FEATURES
from linkage.release.selectors import ReleaseView
from risk.standing import halted_behind

PLACE = "place"


@dataclass(frozen=True)
class Asked:
    """One viewer's question about one place in one release.

    `leaves` says that the answer leaves the platform (a download): then it is
    protected even for an analyst, who sees exact counts inside. `among` names the
    saved cohort to which the question is narrowed, if it is.
    """

    viewer: Viewer
    release: ReleaseView
    geography: Geography
    place: Place
    leaves: bool = False
    among: str = ""

    def publish(self, cells: Iterable[Cell], measure: Measure) -> Published:
        """Pass cells through the disclosure control of this viewer's class."""
        is_exact = self.viewer.sees == "workspace" and not self.leaves
        control = in_workspace if is_exact else protect
        return control(cells, measure=measure, viewer=self.viewer)

    @property
    def has_comparator(self) -> bool:
        return self.place.code != self.geography.whole.code

    @property
    def compared(self) -> list[Place]:
        """The place in question, then the whole system it is compared with."""
        whole = self.geography.whole
        return [self.place, whole] if self.has_comparator else [self.place]

    @property
    def series(self) -> Dimension:
        """The places compared, as the layers of a figure."""
        return Dimension(
            PLACE, "Place", {place.code: place.name for place in self.compared}
        )

    def groups(self, also: Iterable[tuple[str, dict[str, BitMap]]] = ()) -> list[Group]:
        """Return the people of each place compared, by every value of other lenses.

        `also` gives a coordinate's key with the people of each of its values.
        """
        groups: list[Group] = [
            ({PLACE: place.code}, place.people) for place in self.compared
        ]
        for key, sets in also:
            groups = [
                ({key: value, **at}, people & having)
                for at, people in groups
                for value, having in sets.items()
            ]
        return groups

    def before_opt_outs(self, place: Place) -> BitMap:
        """A place's people as if nobody had opted out: for counting who is missing."""
        whole = self.release.whole
        if whole is None:
            return place.people
        attribute = self.geography.kinds.get(place.kind, "")
        if attribute in whole.catalogue and place.code in whole.values(attribute):
            return whole.bitmap(attribute, place.code)
        if place.kind == "trust":
            return reach.seen_by(self.viewer) & whole.everyone
        return whole.everyone

    @property
    def left_out(self) -> str:
        """How many are missing from the place's figures by an opt-out, protected.

        Protected in the workspace as well: who opted out is nobody's to study.
        """
        gone = self.release.opted_out & self.before_opt_outs(self.place)
        if not gone:
            return ""
        measure = Measure("People left out")
        cell = protect([Cell({}, gone)], measure=measure, viewer=self.viewer).cells[0]
        number = cell.hidden or f"about {wording.count(cell.count)} people"
        return f"; {number} left out, who opted out of this use"

    @cached_property
    def behind(self) -> Background:
        """What stands behind every figure of this answer."""
        return background()

    @cached_property
    def practice_codes(self) -> frozenset[str]:
        """The practices of the place in question; none by residence."""
        by_practice = "practice_code" in self.release.catalogue
        if self.geography.basis != "registered" or not by_practice:
            return frozenset()
        return frozenset(
            code
            for code in self.release.values("practice_code")
            if self.place.people.intersect(self.release.bitmap("practice_code", code))
        )

    @property
    def at_date(self) -> str:
        return f"at {wording.day(self.release.as_of)}"

    @property
    def basis_words(self) -> str:
        whose = (
            "registered with" if self.geography.basis == "registered" else "living in"
        )
        among = f" in the cohort “{self.among}”" if self.among else ""
        return f"people {whose} {self.place.name}{among}"

    def evidence(
        self,
        attributes: Collection[str],
        *,
        source: str = "",
        completeness: str = "",
        caveat: str = "",
    ) -> Evidence:
        """Say how fresh, covered, complete and certain a figure of these is.

        Without words of a definition, completeness is the share of the place's
        people for whom each attribute is known, and the source the attributes' own.
        """
        people = self.publish(
            [Cell({PLACE: self.place.code}, self.place.people)], Measure("People")
        ).cells[0]
        size = people.hidden or wording.count(people.count)
        published = self.release.published_at
        freshness = f"Data to {wording.day(self.release.as_of)}"
        if published is not None:
            freshness += f", published {wording.moment(published)}"
        named = {source_of(self.release, name) for name in attributes}
        halted = halted_behind(attributes)
        return Evidence(
            freshness=freshness,
            coverage=f"{size} {self.basis_words}, alive at the data date"
            f"{self.left_out}",
            completeness=completeness or self._completeness(attributes),
            uncertainty=". ".join(filter(None, [INTERVAL_WORDS, caveat])),
            source=source or "; ".join(sorted(named)),
            fitness=fitness_of(
                attributes,
                self.behind,
                as_of=self.release.as_of,
                practices=self.practice_codes,
            ).also(model_not_in_order(each.title, each.state) for each in halted),
            warnings=tuple(each.words for each in halted),
        )

    def _completeness(self, attributes: Collection[str]) -> str:
        """Say for what share of the place's people each attribute is known."""
        words = []
        for name in attributes:
            attribute = self.release.attribute(name)
            known = self.place.people & self.release.known(name)
            cell = self.publish(
                [Cell({PLACE: self.place.code}, self.place.people, known)],
                Measure(attribute.title, per=100),
            ).cells[0]
            share = cell.hidden or wording.percent((cell.rate or 0.0) / 100, 0)
            words.append(f"{attribute.title} known for {share}")
        return "; ".join(words) or "Everyone in the release"


INTERVAL_WORDS = (
    "95% intervals (Wilson for shares, Byar for counts) allow for chance, not for what"
    " is missing from the record"
)


def source_of(release: ReleaseView, attribute: str) -> str:
    """Say where an attribute comes from, in the words of its definition."""
    if attribute in FEATURES:
        return FEATURES[attribute].source
    described = release.attribute(attribute)
    return f"{described.title} ({described.source or 'linked record'})"


def lens(release: ReleaseView, attribute: str) -> tuple[str, dict[str, BitMap]]:
    """Return an attribute's coordinate and the people of each of its values."""
    values = release.values(attribute)
    return attribute, {value: release.bitmap(attribute, value) for value in values}
