"""Whose turn has not come yet, where a programme starts by lot or in steps."""

from dataclasses import dataclass

from django.utils import timezone

from dashboards.definitions import LISTS
from dashboards.models import Allocation
from governance.access import Viewer


@dataclass(frozen=True)
class Later:
    """People and practices who are offered the programme on a later day."""

    people: frozenset[int] = frozenset()
    practices: frozenset[str] = frozenset()


def later(viewer: Viewer, programme: str) -> Later:
    """Return whose turn comes later among the viewer's people; nobody without a lot."""
    comparison = LISTS[programme].comparison
    if comparison is None:
        return Later()
    rows = Allocation.objects.filter(
        programme=programme,
        practice_code__in=viewer.practice_codes,
        starts_on__gt=timezone.localdate(),
    )
    if comparison.by == "practice":
        return Later(practices=frozenset(rows.values_list("practice_code", flat=True)))
    people = rows.filter(person_no__isnull=False)
    return Later(people=frozenset(people.values_list("person_no", flat=True)))
