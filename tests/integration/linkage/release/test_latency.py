"""Figures for planning change once a week; care sees the newest at once."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from governance import access
from governance.access import Viewer
from governance.decisions import latency
from linkage.models import Release
from linkage.release.latency import begins, reaching


def viewer(purpose: str) -> Viewer:
    return Viewer(1, "x", "x", "system_analyst", purpose, "QZZ", "x", "icb")


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [
        ("direct_care", "newest"),
        ("population_health", "newest"),
        ("planning", "weekly"),
        ("research", "weekly"),
        ("public", "monthly"),
        ("operations", "newest"),
    ],
)
def test_every_purpose_has_its_latency(purpose, expected):
    assert latency(access.ACCESS, purpose) == expected


def test_a_week_begins_on_monday_and_a_month_on_its_first():
    thursday = date(2026, 11, 26)
    assert begins("weekly", thursday) == date(2026, 11, 23)
    assert begins("weekly", date(2026, 11, 23)) == date(2026, 11, 23)
    assert begins("monthly", thursday) == date(2026, 11, 1)
    assert begins("newest", thursday) is None


@pytest.fixture
def releases(db):
    """One of ten days ago and one of this moment, which is the published one."""
    now = timezone.now()
    made = [
        Release.objects.create(
            as_of=date(2026, 9, 30),
            state=state,
            published_at=at,
            code_version="test",
            catalogue=[],
        )
        for state, at in (
            (Release.State.SUPERSEDED, now - timedelta(days=10)),
            (Release.State.PUBLISHED, now),
        )
    ]
    return [release.pk for release in made]


def test_planning_sees_the_release_of_before_this_week(releases):
    older, newest = releases
    assert reaching(viewer("planning"), newest) == older
    assert reaching(viewer("population_health"), newest) == newest


def test_where_nothing_older_is_kept_the_newest_serves(releases):
    older, newest = releases
    Release.objects.filter(pk=older).delete()
    assert reaching(viewer("planning"), newest) == newest
