"""Cohorts as a viewer reads them: who is in one, and which ones are there to open.

The viewer's scope is one more AND, always: `Scope` cannot be left out of a question,
and row-level security keeps the definitions themselves from the wrong reader.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from django.db.models import Max
from pyroaring import BitMap

from governance.access import ACCESS, Viewer
from linkage import imported, legal_basis
from linkage.codebook.in_force import guarded_codes
from linkage.release.selectors import ReleaseView, delivered
from linkage.steps.holds import CountTest, FeatureTest
from segmentation.cohorts import searches
from segmentation.cohorts.index import CohortIndex, index_of
from segmentation.cohorts.searches import UnknownCodelistError
from segmentation.cohorts.specs import (
    Coded,
    Criterion,
    Listed,
    Outside,
    Rule,
    Saved,
    Who,
    criteria,
)
from segmentation.cohorts.steps.members import members
from segmentation.models import Cohort, CohortVersion

Resolve = Callable[[Outside], BitMap]
DEEPEST_COHORTS = 5
SHARINGS = Cohort.Sharing.choices
EVERYS = Cohort.Every.choices


class UnknownCohortError(LookupError):
    """A cohort that does not exist, or that this viewer may not open."""


@dataclass(frozen=True)
class Reader:
    """A release's index, and the viewer's own way to lists, searches and cohorts.

    What is sensitive does not exist for a viewer whose role and purpose do not see it.
    """

    index: CohortIndex
    outside: Resolve
    viewer: Viewer | None = None  # None: the platform itself, counting on schedule

    @property
    def as_of(self) -> date:
        return self.index.as_of

    @property
    def everyone(self) -> BitMap:
        return self.index.everyone

    def sets(self, attribute: str, values: Iterable[str]) -> list[BitMap]:
        self._may_ask(attribute)
        return self.index.sets(attribute, values)

    def is_scanned(self, attribute: str) -> bool:
        self._may_ask(attribute)
        return self.index.is_scanned(attribute)

    def any_of(self, attribute: str, values: object) -> BitMap:
        self._may_ask(attribute)
        return self.index.any_of(attribute, values)  # type: ignore[arg-type]

    def known(self, attribute: str) -> BitMap:
        self._may_ask(attribute)
        return self.index.known(attribute)

    def between(
        self, attribute: str, low: float | None = None, high: float | None = None
    ) -> BitMap:
        self._may_ask(attribute)
        return self.index.between(attribute, low, high)

    def within(
        self, attribute: str, scope: BitMap, low: float | None, high: float | None
    ) -> BitMap:
        self._may_ask(attribute)
        return self.index.within(attribute, scope, low, high)

    def dated(
        self, attribute: str, since: date | None = None, until: date | None = None
    ) -> BitMap:
        self._may_ask(attribute)
        return self.index.dated(attribute, since, until)

    def unanswered(self, rule: Rule) -> BitMap:
        """Return whom a rule may not be asked of: their GP data is closed to the use.

        They are in no set of it, so only what is denied must leave them out.
        """
        gone = self.index.view.gone_from_gp
        return gone if gone and any(map(_reads_gp, criteria(rule))) else BitMap()

    def _may_ask(self, attribute: str) -> None:
        known = self.index.view.catalogue.get(attribute)
        if known and known.sensitive and not _sees_sensitive(self.viewer):
            raise UnknownCohortError(
                f"“{known.title}” is not for this role and purpose"
            )


def _reads_gp(criterion: Criterion) -> bool:
    match criterion:
        case Coded() | Saved():
            return True
        case Listed():
            return False
        case FeatureTest() | CountTest():
            return any(map(legal_basis.is_from_gp, criterion.features))
    return legal_basis.is_from_gp(criterion.feature)


def open_feeds(viewer: Viewer) -> frozenset[str] | None:
    """Return the feeds that a viewer's purpose may use today; None for all of them."""
    if not ACCESS.purposes[viewer.purpose].needs_basis:
        return None
    return viewer.standing.live_feeds


def gone_of(view: ReleaseView, who: Who) -> BitMap:
    """Return whom a count kept without a purpose holds and this purpose may not use."""
    is_of_gp = any(map(_reads_gp, criteria(who)))
    return view.gone_from_gp if is_of_gp else BitMap()


def has_closed_codes(viewer: Viewer, view: ReleaseView, who: Who) -> bool:
    """Whether a count kept without a purpose rests on codes of a feed that is closed.

    A kept set does not say whom each feed brought.
    """
    feeds = open_feeds(viewer)
    if feeds is None or delivered(view.id) <= feeds:
        return False
    return any(isinstance(each, Coded) for each in every_criterion(viewer, who))


def every_criterion(viewer: Viewer, who: Who, *, deep: int = 0) -> Iterator[Criterion]:
    """Give the criteria of a cohort and of the saved ones that it rests on.

    Not of one that the viewer may not open, or too deep: that cannot be counted either.
    """
    for criterion in criteria(who):
        yield criterion
        if isinstance(criterion, Saved) and deep < DEEPEST_COHORTS:
            try:
                inner = version_of(viewer, criterion.cohort, criterion.version)
            except UnknownCohortError:
                continue
            yield from every_criterion(viewer, who_of(inner), deep=deep + 1)


def _sees_sensitive(viewer: Viewer | None) -> bool:
    return viewer is None or viewer.sees_sensitive


def is_guarded(criterion: Coded) -> bool:
    """Whether a search asks for what is sensitive (inclusion health).

    It would find who has a guarded code, or one that begins so.
    """
    try:
        asked = searches.question(criterion)
    except UnknownCodelistError:
        return False  # nor can it be searched for
    stems = tuple(guarded_codes())
    return any(
        code.startswith(stems)
        or (asked.is_prefix and any(stem.startswith(code) for stem in stems))
        for code in asked.codes
    )


def reader(viewer: Viewer, view: ReleaseView, *, deep: int = 0) -> Reader:
    """Return what answers this viewer's criteria of one release."""
    index = index_of(view)

    def outside(criterion: Outside) -> BitMap:
        match criterion:
            case Coded():
                if is_guarded(criterion) and not viewer.sees_sensitive:
                    raise UnknownCohortError(
                        "these codes are not for this role and purpose"
                    )
                feeds = open_feeds(viewer)
                return searches.found(criterion, view, feeds) - view.gone_from_gp
            case Listed():
                return imported.members(viewer, criterion.imported_list)
            case Saved():
                if deep >= DEEPEST_COHORTS:
                    raise UnknownCohortError("cohorts rest on one another too deeply")
                version = version_of(viewer, criterion.cohort, criterion.version)
                inner = reader(viewer, view, deep=deep + 1)
                return members(who_of(version), inner, view.everyone)

    return Reader(index, outside, viewer)


def own_people(viewer: Viewer, view: ReleaseView) -> BitMap:
    """Return whom a viewer may count at all: a team's own list, else everyone.

    Where a role sees aggregates its place narrows them further; the caller hands
    that over as the scope of the question.
    """
    if viewer.sees_rows():
        return view.any_of("practice_code", sorted(viewer.practice_codes))
    return view.everyone


def people(viewer: Viewer, view: ReleaseView, who: Who, *, within: BitMap) -> BitMap:
    """Return who is in a cohort, of those whom the viewer may count and who asked for.

    `within` is the place in question; the viewer's own people are ANDed here again.
    """
    scope = within & own_people(viewer, view)
    return members(who, reader(viewer, view), scope)


def who_of(version: CohortVersion) -> Who:
    """Return a saved version's definition."""
    return Who.model_validate(version.who)


def cohorts(viewer: Viewer) -> list[Cohort]:
    """Return the cohorts that the viewer may open, newest work first."""
    seen = Cohort.objects.filter(retired_at__isnull=True).annotate(
        latest=Max("versions__number"), changed_at=Max("versions__made_at")
    )
    return [c for c in seen.order_by("-changed_at") if may_open(viewer, c)]


def overdue(viewer: Viewer, today: date) -> list[Cohort]:
    """Return the viewer's own cohorts whose review date has passed, oldest first."""
    mine = Cohort.objects.filter(
        owner_id=viewer.user_id, retired_at__isnull=True, review_by__lt=today
    )
    return list(mine.order_by("review_by", "pk"))


def cohort_of(viewer: Viewer, cohort_id: int) -> Cohort:
    """Return one cohort; UnknownCohortError where the viewer may not open it."""
    found = Cohort.objects.filter(pk=cohort_id).first()
    if found is None or not may_open(viewer, found):
        raise UnknownCohortError(
            "there is no such cohort, or it is not shared with you"
        )
    return found


def version_of(
    viewer: Viewer, cohort_id: int, number: int | None = None
) -> CohortVersion:
    """Return a version of a cohort, the newest without a number."""
    cohort = cohort_of(viewer, cohort_id)
    versions = cohort.versions.select_related("cohort").order_by("-number")
    if number is not None:
        versions = versions.filter(number=number)
    found = versions.first()
    if found is None:
        raise UnknownCohortError("there is no such version of this cohort")
    return found


def shown_version_of(viewer: Viewer, cohort_id: int) -> CohortVersion:
    """Return the newest version of a cohort that stands open to others, or is mine."""
    version = version_of(viewer, cohort_id)
    cohort = version.cohort
    is_private = cohort.sharing == Cohort.Sharing.NOBODY
    if cohort.retired_at or (is_private and cohort.owner_id != viewer.user_id):
        raise UnknownCohortError("this cohort is retired, or not shared")
    return version


def may_open(viewer: Viewer, cohort: Cohort) -> bool:
    """Whether a cohort is the viewer's own or shared with them, role for role.

    The first wall; row-level security is the second and says the same.
    """
    if cohort.owner_id == viewer.user_id or cohort.sharing == Cohort.Sharing.EVERYONE:
        return True
    return (
        cohort.sharing == Cohort.Sharing.ORGANISATION
        and cohort.org_code == viewer.org_code
        and cohort.role == viewer.role
    )
