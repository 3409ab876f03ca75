"""One viewer's cohort in one place of one release, and the class its counts come in.

Everything that a page, a file or the API says of a cohort goes through
`CohortAsked.publish`: exact for a team's own list and inside the analyst's
workspace, protected for everyone else and in everything that leaves.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from pyroaring import BitMap

from dashboards.charts import Dimension
from dashboards.selectors.asked import Asked
from dashboards.selectors.cohorts.guarded import guarded
from dashboards.selectors.cohorts.naming import names_for
from dashboards.selectors.cohorts.outside import outside, told
from governance import audit
from governance.disclosure import (
    Cell,
    DisclosureClass,
    Measure,
    Published,
    for_own_list,
    in_workspace,
    protect,
)
from linkage.release.catalogue import Catalogue
from segmentation.cohorts import released
from segmentation.cohorts.index import CohortIndex, index_of
from segmentation.cohorts.selectors import (
    Reader,
    UnknownCohortError,
    own_people,
    reader,
)
from segmentation.cohorts.specs import Rule, Who
from segmentation.cohorts.steps.lattice import LEAST_BASE, base, beyond_lattice, room
from segmentation.cohorts.steps.members import Narrowing, attrition
from segmentation.cohorts.steps.twins import fitting
from segmentation.cohorts.steps.words import sentence

GROUP, COHORT, POPULATION = "group", "cohort", "population"
POPULATIONS_KEPT = 8
TWINS = (
    "A question about nearly the same people as an earlier one is answered with the"
    " earlier one's figures."
)
Made = TypeVar("Made")


@dataclass
class Population:
    """The people whom a cohort is compared with, and what was worked out of them.

    Kept per process and release: their breakdowns are the same for every cohort.
    """

    index: CohortIndex
    people: BitMap
    _made: dict[str, Any] = field(default_factory=dict, repr=False)

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """Return something of these people, worked out at its first use."""
        if name not in self._made:
            self._made[name] = make()
        found: Made = self._made[name]
        return found


_populations: OrderedDict[tuple[Any, ...], Population] = OrderedDict()
_lock = threading.Lock()


def population(asked: Asked) -> Population:
    """Return the place's people whom this viewer may count."""
    viewer, index = asked.viewer, index_of(asked.release)
    if asked.geography.within is not None:
        # Narrowed to another cohort: nobody asks for the same again.
        return Population(index, asked.place.people & own_people(viewer, asked.release))
    own = viewer.practice_codes if viewer.sees_rows() else frozenset()
    key = (asked.release.id, asked.geography.basis, asked.place.code, own)
    with _lock:
        found = _populations.get(key)
        if found is None or found.index is not index:
            people = asked.place.people & own_people(viewer, asked.release)
            found = _populations[key] = Population(index, people)
        _populations.move_to_end(key)
        while len(_populations) > POPULATIONS_KEPT:
            _populations.popitem(last=False)
    return found


@dataclass(frozen=True)
class CohortAsked:
    """A cohort that a viewer asks about, in a place: saved or just typed."""

    asked: Asked
    who: Who
    title: str = "This cohort"

    @property
    def kind(self) -> DisclosureClass:
        """The class in which this viewer gets counts of people, here and now."""
        viewer = self.asked.viewer
        if self.guarded:
            return DisclosureClass.PROTECTED
        if viewer.sees_rows():
            is_care = viewer.purpose == "direct_care"
            if is_care or not self.asked.leaves:
                return DisclosureClass.OWN_LIST
        elif viewer.sees == "workspace" and not self.asked.leaves:
            return DisclosureClass.WORKSPACE
        return DisclosureClass.PROTECTED

    @cached_property
    def guarded(self) -> list[str]:
        """What the cohort asks of inclusion health, in words."""
        return guarded(self.asked.viewer, self.who, self.asked.release.catalogue)

    @cached_property
    def outside(self) -> list[str]:
        """What the cohort asks outside the lanes of a care team's role, in words."""
        return outside(self.asked.viewer, self.who, self.asked.release.catalogue)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The attributes by which its people may be told apart for this viewer."""
        return told(self.asked.viewer, self.asked.release.catalogue)

    def publish(self, cells: Iterable[Cell], measure: Measure) -> Published:
        """Pass cells through the disclosure control of this class."""
        control = {
            DisclosureClass.OWN_LIST: for_own_list,
            DisclosureClass.WORKSPACE: in_workspace,
            DisclosureClass.PROTECTED: protect,
        }[self.kind]
        return control(cells, measure=measure, viewer=self.asked.viewer)

    @cached_property
    def reader(self) -> Reader:
        return reader(self.asked.viewer, self.asked.release)

    @cached_property
    def population(self) -> Population:
        return population(self.asked)

    @property
    def index(self) -> CohortIndex:
        return self.population.index

    @cached_property
    def exact(self) -> Sequence[Narrowing]:
        """Each step with whom it leaves, inside the viewer's scope: for lists alone.

        UnknownCohortError where a criterion is outside what the viewer's role sees.
        """
        if self.outside:
            raise UnknownCohortError("; ".join(self.outside))
        return attrition(self.who, self.reader, self.population.people)

    @property
    def members(self) -> BitMap:
        """Who is in the cohort, person by person: for lists, never for figures."""
        return self.exact[-1].left if self.exact else self.population.people

    @cached_property
    def steps(self) -> Sequence[Narrowing]:
        """Each step with the people whose figures may be shown for it.

        Of protected figures near twins of earlier questions get the earlier ones'
        (`segmentation.cohorts.released`).
        """
        if self.kind is not DisclosureClass.PROTECTED:
            return self.exact
        asked = [people for step in self.exact for people in (step.alone, step.left)]
        whole = self.population.people
        shown = self.parts(asked, answers=True)
        found = iter([fitting(people, whole) for people in shown])
        return [
            replace(step, alone=next(found), left=next(found)) for step in self.exact
        ]

    def parts(
        self, sets: Sequence[BitMap], *, answers: bool = False
    ) -> Sequence[BitMap]:
        """Return the sets whose figures may be shown for these parts of an answer."""
        if self.kind is not DisclosureClass.PROTECTED:
            return sets
        asked = self.asked
        return released.show(
            sets, release_id=asked.release.id, by=asked.viewer, answers=answers
        )

    @property
    def people(self) -> BitMap:
        """Whose figures are shown: the place's people in the cohort, in scope."""
        return self.steps[-1].left if self.steps else self.population.people

    @cached_property
    def refusals(self) -> list[str]:
        """Why no figure of this cohort may be given to this viewer; mostly none.

        What the role does not see is in no class. Protected figures are asked in the
        words of the lattice, about a hundred neighbours at least (`steps.lattice`).
        """
        if self.outside:
            return [f"{each}, which your role does not see" for each in self.outside]
        if self.guarded and not self.asked.viewer.sees_sensitive:
            named = ", ".join(self.guarded)
            return [f"{named} is for roles and purposes that see inclusion health"]
        if self.kind is not DisclosureClass.PROTECTED:
            return []
        found = beyond_lattice(self.who, self.asked.release.catalogue)
        if not found:
            size = len(base(self.who, self.reader, self.population.people))
            if size < LEAST_BASE:
                found.append(
                    f"fewer than {LEAST_BASE} people live or are registered there by"
                    " age, sex and place alone"
                )
        if not found:
            try:
                _ = self.steps
            except released.TooManyQuestionsError as error:
                found.append(str(error))
        return found

    @cached_property
    def _kept_back(self) -> frozenset[str]:
        return frozenset(self.asked.release.catalogue) - frozenset(self.catalogue)

    def may_cross(self, *attributes: str) -> bool:
        """Whether its people may be cut by these attributes for this viewer.

        Exactly by all that the role sees; of protected figures within the lattice.
        """
        if not self._kept_back.isdisjoint(attributes):
            return False
        return self.kind is not DisclosureClass.PROTECTED or room(self.who, *attributes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What every protected answer says of itself, whether or not it is so here."""
        return (TWINS,) if self.kind is DisclosureClass.PROTECTED else ()

    @property
    def groups(self) -> Dimension:
        """The cohort and whom it is compared with, as the layers of a figure."""
        labels = {COHORT: self.title, POPULATION: self.asked.place.name}
        return Dimension(GROUP, "People", labels)

    @cached_property
    def names(self) -> Any:
        return names_for(self.asked)

    def words(self, rule: Rule) -> str:
        return sentence(rule, self.names)

    def note(self, event: str, **detail: Any) -> None:
        """Write the audit row of what is about to be shown."""
        audit.record(
            event,
            self.asked.viewer,
            subject=self.title[:200],
            place=self.asked.place.code,
            disclosure=self.kind.value,
            criteria=len(self.who.all_of),
            **detail,
        )
