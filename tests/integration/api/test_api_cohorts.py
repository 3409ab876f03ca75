"""Cohorts over the API: shared ones, counted in the partner's places, protected."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from governance import access
from governance.disclosure import HIDE_UP_TO, ROUND_TO
from linkage.release import selectors as release
from segmentation.cohorts import actions
from segmentation.cohorts.specs import Who
from tests.live_api import call, path_of, refused


def test_a_shared_cohort_is_listed_with_its_address(get):
    listed = get(reverse("api-cohorts"))
    assert [row["title"] for row in listed] == ["Frail"]
    assert get(listed[0]["href"])["title"] == "People in the cohort"


@pytest.mark.parametrize("by", ["place", "pcn", "practice"])
def test_it_is_counted_protected_inside_the_partners_place(get, by):
    body = get(path_of("api-cohort"), by=by)
    assert body["disclosure"] == "protected aggregate"
    frail = release.current().any_of("frailty_recorded", ["moderate", "severe"])
    assert body["rows"]
    for row in body["rows"]:
        (kind, code), *_ = row["at"].items()
        exact = len(frail & release.current().bitmap(f"{kind}_code", code))
        if row["hidden"]:
            assert row["count"] is None
        else:
            assert exact > HIDE_UP_TO or exact == 0
            assert row["count"] % ROUND_TO == 0
            assert abs(row["count"] - exact) < ROUND_TO


def save(live, rule, sharing):
    viewer = live.viewer("system_analyst")
    today = timezone.localdate()
    with access.scoped(viewer):
        cohort = actions.save_cohort(
            title="Another",
            who=Who.model_validate({"all_of": [rule]}),
            why="",
            review_by=today + timedelta(days=9),
            today=today,
            by=viewer,
        )
        actions.settle_cohort(
            cohort_id=cohort.pk,
            sharing=sharing,
            every="",
            review_by=today + timedelta(days=9),
            today=today,
            by=viewer,
        )
    return reverse("api-cohort", args=[cohort.pk]), cohort, viewer


def retire(cohort, viewer):
    with access.scoped(viewer):
        actions.retire_cohort(cohort_id=cohort.pk, by=viewer)


def test_what_is_not_shared_is_not_there(live, tokens):
    address, cohort, viewer = save(live, {"feature": "lives_alone"}, "nobody")
    refused(call(tokens["partner_client"], address), 404)
    retire(cohort, viewer)


def test_what_is_beyond_the_lattice_is_refused_with_the_reason(live, tokens):
    rule = {"feature": "age_years", "at_least": 81}
    address, cohort, viewer = save(live, rule, "everyone")
    body = refused(call(tokens["partner_client"], address), 403)
    assert "a point of its own" in body["detail"]
    retire(cohort, viewer)
    refused(call(tokens["partner_client"], address), 404)
