"""Who stands in for whom, as the team sees it. No row of a person is read here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from dashboards import wording
from dashboards.team_models import Cover
from governance.access import Viewer
from governance.models import User


@dataclass(frozen=True)
class Covered:
    """One colleague's cover: who is away, who stands in, and on which days."""

    id: int
    away_user: int
    away: str
    by_user: int
    by: str
    from_on: date
    to_on: date

    @property
    def is_now(self) -> bool:
        return self.from_on <= timezone.localdate() <= self.to_on

    @property
    def words(self) -> str:
        """To stand behind a name: " ({who} stands in until 3 December 2026)"."""
        return f" ({self.by} stands in until {wording.day(self.to_on)})"


def standing(viewer: Viewer) -> list[Covered]:
    """Return the team's covers of today and of days to come, first day first."""
    rows = list(
        Cover.objects.filter(
            org_code=viewer.org_code, ended_at=None, to_on__gte=timezone.localdate()
        ).order_by("from_on", "pk")
    )
    names = names_of({n for row in rows for n in (row.away_user, row.cover_user)})
    return [
        Covered(
            row.pk,
            row.away_user,
            names.get(row.away_user, "a former colleague"),
            row.cover_user,
            names.get(row.cover_user, "a former colleague"),
            row.from_on,
            row.to_on,
        )
        for row in rows
    ]


def away_now(viewer: Viewer) -> dict[int, Covered]:
    """Return who is away today, with who stands in for them."""
    return {each.away_user: each for each in standing(viewer) if each.is_now}


def names_of(user_ids: Iterable[int]) -> dict[int, str]:
    """Return the full names of accounts; those that are gone are left out."""
    wanted = set(user_ids)
    if not wanted:
        return {}
    return dict(User.objects.filter(pk__in=wanted).values_list("pk", "full_name"))
