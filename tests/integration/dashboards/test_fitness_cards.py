"""The evidence card on a page and in the API: the worst check speaks."""

from datetime import timedelta

import pytest
from django.urls import reverse

from dashboards.selectors.fitness import background, fitness_of, needs
from linkage.models import FeedQuality, FeedRun, LinkageAudit
from linkage.vault.bias import packed
from tests.builders import AS_OF

pytestmark = pytest.mark.django_db(databases=["default", "audit"])


def delivered(feed: str, days_ago: int, practices: list[str]) -> None:
    last_on = AS_OF - timedelta(days=days_ago)
    run = FeedRun.objects.create(
        feed=feed,
        sha256=f"{feed}{days_ago}",
        file_name=feed,
        state=FeedRun.State.PUBLISHED,
        last_on=last_on,
        by="test",
        detail={"period_on": last_on.isoformat()},
    )
    FeedQuality.objects.bulk_create(
        FeedQuality(
            run=run, provider=p, field="", rows=9, filled=9, valid=9, defaults=0
        )
        for p in practices
    )


def everybody() -> list[str]:
    return [f"Z8100{n}" for n in range(1, 9)]


def graded(attribute: str) -> dict[str, str | None]:
    found = fitness_of([attribute], background(), as_of=AS_OF)
    return {check.name: check.grade for check in found.checks}


def test_a_register_needs_the_journal_and_the_list(system):
    assert ("registered_list", "gp_patient") in needs(["has_asthma"])
    assert any("gp_observation" in feeds for feeds in needs(["has_asthma"]))
    assert any("ecds" in feeds for feeds in needs(["emergency_attendances_12m"]))


def test_the_freshest_of_several_and_the_worst_of_needs(system):
    delivered("registered_list", 3, everybody())
    assert graded("has_asthma")["age"] == "green"
    delivered("gp_observation", 12, everybody())
    assert graded("has_asthma")["age"] == "amber"
    delivered("gp_observation", 5, everybody()[:6])
    assert graded("has_asthma") == {
        "age": "green",
        "submitting": "red",
        "linkage": None,
    }


def test_a_page_says_why_a_figure_is_not_fit_and_ranks_nobody(signed_in):
    delivered("registered_list", 3, everybody())
    delivered("sus_apc", 100, ["RZ1"])
    client = signed_in("place_lead", "P1")
    page = client.get(reverse("indicator", args=["emergency_admissions"]))
    text = page.content.decode()
    assert "Not fit for this decision, because" in text
    assert "Admitted patient care speaks of nothing in the last 100 days" in text
    assert "not ranked" in text


@pytest.mark.parametrize(("without", "grade"), [(5, "green"), (1_000, "red")])
def test_groups_found_unequally_matter_as_far_as_numbers_are_missing(
    system, without, grade
):
    """Without its number one group's record is found again half as often: that shows
    in the links of a thousand records only if many of them have none."""
    cells = [
        {
            "feed": "sus_op",
            "ethnicity_group": group,
            "imd_fifth": "1",
            "age_band": "40-64",
            "tried": packed(range(100)),
            "right": packed(range(right)),
            "wrong": packed([]),
        }
        for group, right in (("White", 98), ("Asian", 49))
    ]
    LinkageAudit.objects.create(
        as_of=AS_OF,
        index_version=1,
        tried=200,
        cells=cells,
        numbered=[
            {
                "division": "ethnicity_group",
                "group": group,
                "agreed": 1_000,
                "without": without,
            }
            for group in ("White", "Asian")
        ],
    )
    assert graded("has_asthma")["linkage"] == grade
