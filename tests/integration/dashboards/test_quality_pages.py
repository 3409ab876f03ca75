"""Data quality: who submitted and who did not, by feed and by provider."""

import pytest
from django.urls import reverse

from governance.models import Org
from linkage.models import FeedQuality, FeedRun, LinkageAudit
from linkage.vault.bias import packed
from tests.builders import AS_OF

pytestmark = pytest.mark.django_db(databases=["default", "audit"])


@pytest.fixture
def delivered(system) -> None:
    """Two months of GP patients: practice 2 misses the second, the others all."""
    for period, practices in (
        ("2026-08-31", ["Z81001", "Z81002"]),
        ("2026-09-30", ["Z81001"]),
    ):
        run = FeedRun.objects.create(
            feed="gp_patient",
            sha256=period,
            file_name=f"gp_patient_{period}.csv",
            state=FeedRun.State.PUBLISHED,
            rows_in=100,
            loaded=100,
            by="test",
            detail={"period_on": period},
        )
        for code in practices:
            for field, filled, valid, defaults in (
                ("", 90, 100, 0),
                ("patient_id", 100, 100, 0),
                ("nhs_number", 90, 80, 0),
                ("ethnicity", 60, 60, 10),
            ):
                FeedQuality.objects.create(
                    run=run,
                    provider=code,
                    field=field,
                    rows=100,
                    filled=filled,
                    valid=valid,
                    defaults=defaults,
                )


def page(client, *args, **kwargs) -> str:
    response = client.get(reverse(*args, **kwargs))
    assert response.status_code == 200
    return response.content.decode()


def test_each_feed_says_who_submits_and_how_well(signed_in, delivered):
    client = signed_in("data_manager", "QZZ")
    text = page(client, "quality")
    practices = Org.objects.filter(kind="practice").count()
    assert f"1 of {practices}" in text
    assert "90.0%" in text  # linked
    assert "50.0%" in text  # ethnicity stated
    assert "does not apply" not in text.split("ethnicity-caption")[1].split("<td")[0]
    rows = client.get(reverse("quality-csv")).content.decode().splitlines()
    assert rows[0].startswith("feed,rows,expected,submitting")
    assert rows[1].startswith(f"gp_patient,300,{practices},1")


def test_a_feeds_page_names_who_did_not_come(signed_in, delivered):
    client = signed_in("data_manager", "QZZ")
    text = page(client, "feed-quality", args=["gp_patient"])
    assert "Did not come in the newest period" in text
    missing = text.split("Did not come in the newest period")[1].split("</p>")[0]
    assert "Practice 2" in missing
    assert "Practice 1," not in missing
    assert "1 of 2" in text
    assert client.get("/feeds/nothing/quality/").status_code == 404


def test_a_providers_page_speaks_of_its_rows_alone(signed_in, delivered):
    client = signed_in("data_manager", "QZZ")
    text = page(client, "provider-quality", args=["Z81002"])
    assert "What Practice 2 submits" in text
    assert "nhs_number" not in text.split("filled in fewer")[0].split("<td")[0]
    assert "ethnicity" in text
    assert client.get("/feeds/providers/Z99999/").status_code == 404


def test_no_feed_yet(signed_in, system):
    client = signed_in("data_manager", "QZZ")
    assert "Nothing has come" in page(client, "quality")


def test_feeds_are_compared_on_ethnicity_under_protection(signed_in, delivered):
    def pair(one: str, other: str, both: int, same: int) -> dict[str, str]:
        sets = {"both": range(1, both + 1), "same": range(1, same + 1)}
        sets["same_group"] = sets["both"]
        return {"one": one, "other": other} | {
            name: packed(people) for name, people in sets.items()
        }

    LinkageAudit.objects.create(
        as_of=AS_OF,
        index_version=1,
        tried=0,
        agreement=[
            pair("gp_patient", "sus_apc", 2000, 1800),
            pair("ecds", "gp_patient", 6, 5),
        ],
    )
    text = page(signed_in("data_manager", "QZZ"), "quality")
    said = text.split("agreement-caption")[2].split("</table>")[0].split("</tr>")
    large = next(row for row in said if "Admitted patient care" in row)
    assert "90." in large or "89." in large
    small = next(row for row in said if "Emergency care" in row)
    assert small.count("hidden") == 3
