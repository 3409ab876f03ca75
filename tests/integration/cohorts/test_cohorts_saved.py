"""Saved cohorts: versions, sharing, files, comparison, use as a denominator."""

import csv
import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from governance import access
from segmentation.cohorts.specs import CohortSpec
from segmentation.models import Cohort
from tests import live_system
from tests.cohort_people import CLINICIAN, CLINICIAN_WHO, slowly
from tests.cohort_site import (
    ALL,
    BUILD,
    OWN,
    headline,
    newest,
    nobody,
    saved,
    share,
    words,
)


def test_a_cohort_is_saved_versioned_shared_and_copied(signed_in):
    analyst = signed_in("system_analyst")
    cohort = saved(analyst)
    other = {"all_of": [{"feature": "lives_alone"}]}
    edited = {"of": str(cohort.pk), "as_version": "1", "note": "Wider"}
    analyst.post(reverse("cohort-save"), {"definition": json.dumps(other), **edited})
    # The same definition again is no new version.
    analyst.post(reverse("cohort-save"), {"definition": json.dumps(other), **edited})
    with live_system.acting_as("worker"):
        assert [v.number for v in cohort.versions.order_by("number")] == [1, 2]
    page = reverse("cohort", args=[cohort.pk])
    assert "Wider" in words(analyst.get(page))
    assert "Version 1" in words(analyst.get(page, {"version": "1"}))

    lead = signed_in("place_lead")
    assert lead.get(page).status_code == 404
    assert share(analyst, cohort, "everyone").status_code == 302
    assert "protected aggregate" in words(lead.get(page))
    mdt = signed_in("pcn_mdt_member")
    assert "own-list direct care" in words(mdt.get(page))
    response = mdt.post(reverse("cohort-copy", args=[cohort.pk]))
    mine = newest()
    assert response["Location"] == reverse("cohort", args=[mine.pk])
    assert (mine.forked_from.cohort_id, mine.sharing) == (cohort.pk, "nobody")
    # Only its owner settles or retires a cohort.
    share(mdt, cohort, "nobody")
    mdt.post(reverse("cohort-retire", args=[cohort.pk]))
    with live_system.acting_as("worker"):
        cohort.refresh_from_db()
    assert (cohort.sharing, cohort.retired_at) == ("everyone", None)


def test_a_cohort_of_an_imported_list_stays_its_owners(signed_in, monkeypatch):
    monkeypatch.setattr("linkage.imported.members", lambda viewer, number: nobody())
    analyst = signed_in("system_analyst")
    cohort = saved(analyst, who={"all_of": [{"imported_list": 3}]})
    share(analyst, cohort, "everyone")
    assert newest().sharing == "nobody"


def test_a_cohort_that_rests_on_an_imported_list_stays_its_owners_too(
    signed_in, monkeypatch
):
    monkeypatch.setattr("linkage.imported.members", lambda viewer, number: nobody())
    analyst = signed_in("system_analyst")
    listed = saved(analyst, who={"all_of": [{"imported_list": 3}]})
    nested = saved(analyst, who={"all_of": [{"cohort": listed.pk, "version": 1}]})
    share(analyst, nested, "everyone")
    share(analyst, nested, "nobody", every="release")
    assert (newest().sharing, newest().every) == ("nobody", "")


@pytest.mark.parametrize("settled", [("everyone", ""), ("nobody", "release")])
def test_a_shared_or_scheduled_cohort_takes_in_no_imported_list(
    signed_in, monkeypatch, settled
):
    monkeypatch.setattr("linkage.imported.members", lambda viewer, number: nobody())
    analyst = signed_in("system_analyst")
    cohort = saved(analyst)
    share(analyst, cohort, *settled)
    listed = {"definition": json.dumps({"all_of": [{"imported_list": 3}]})}
    edited = {"of": str(cohort.pk), "as_version": "1"}
    page = analyst.post(reverse("cohort-save"), listed | edited, follow=True)
    assert "it cannot be shared or scheduled" in words(page)
    with live_system.acting_as("worker"):
        assert cohort.versions.count() == 1


def test_a_shared_cohort_on_a_private_one_is_not_copied_and_says_so(signed_in):
    analyst = signed_in("system_analyst")
    inner = saved(analyst)
    outer = saved(analyst, who={"all_of": [{"cohort": inner.pk, "version": 1}]})
    share(analyst, outer, "everyone")
    mdt = signed_in("pcn_mdt_member")
    response = mdt.post(reverse("cohort-copy", args=[outer.pk]), follow=True)
    assert "No copy was made: there is no such cohort" in words(response)
    assert newest() == outer


@pytest.mark.parametrize(
    "spoiled",
    [
        {"title": " "},
        {"review_by": "2020-01-01"},
        {"review_by": "soon"},
        {"definition": "{"},
        {"definition": '{"all_of": []}'},
        {"definition": '{"all_of": [{"cohort": 99, "version": 1}]}'},
        {"definition": '{"all_of": [{"feature": "no_such_feature"}]}'},
    ],
)
def test_what_cannot_be_saved_is_not(signed_in, spoiled):
    client = signed_in("system_analyst")
    form = {
        "definition": json.dumps(CLINICIAN_WHO),
        "title": "x",
        "review_by": (timezone.localdate() + timedelta(days=9)).isoformat(),
        "next": "https://evil.example/",
    }
    response = client.post(reverse("cohort-save"), form | spoiled)
    assert response["Location"] == BUILD
    assert newest() is None


def test_files_are_protected_even_for_the_analyst(signed_in, system):
    analyst = signed_in("system_analyst")
    cohort = saved(analyst)
    text = analyst.get(reverse("cohort-csv", args=[cohort.pk])).content
    rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
    assert {row["disclosure"] for row in rows} == {"protected aggregate"}
    assert {row["figure"] for row in rows} >= {
        "steps",
        "ages",
        "deprivation",
        "activity",
    }
    people = [row for row in rows if row["unit"] == "people"]
    assert all(not row["count"] or float(row["count"]) % 5 == 0 for row in people)
    assert all(bool(row["count"]) != bool(row["hidden"]) for row in rows)
    sheet = analyst.get(reverse("cohort-xlsx", args=[cohort.pk])).content
    with zipfile.ZipFile(io.BytesIO(sheet)) as book:
        assert "xl/worksheets/sheet3.xml" in book.namelist()
        assert "protected aggregate" in book.read("xl/sharedStrings.xml").decode()


def test_a_protected_figure_cuts_a_cohort_by_four_things_at_most(signed_in):
    analyst = signed_in("system_analyst")

    def figures(*more):
        cohort = saved(analyst, who={"all_of": [*CLINICIAN_WHO["all_of"], *more]})
        text = analyst.get(reverse("cohort-csv", args=[cohort.pk])).content
        rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
        assert rows
        return rows

    of_three = figures()
    assert {"ages", "deprivation"} <= {row["figure"] for row in of_three}
    # Age is the fourth thing; sex would be a fifth.
    assert not any("sex=" in text for row in of_three for text in row.values())
    of_four = figures({"feature": "sex", "any_of": ["F"]})
    assert {row["figure"] for row in of_four} == {"steps"}


def test_a_page_cuts_a_protected_cohort_by_four_things_at_most_too(signed_in):
    """A table of what is more common is a cut more, like any figure."""
    lead = signed_in("place_lead")
    of_three = words(lead.get(f"{BUILD}?{CLINICIAN}"))
    assert 'id="representation-table"' in of_three
    of_four = words(lead.get(f"{BUILD}?{CLINICIAN}&c4=feature:sex&c4-is=F"))
    assert "match" in headline(lead.get(f"{BUILD}?{CLINICIAN}&c4=feature:sex&c4-is=F"))
    assert 'id="representation-table"' not in of_four
    assert "app-figure" not in of_four


def test_two_protected_cohorts_are_compared_in_words_of_the_lattice(signed_in):
    """Laid over each other they are one question; each figure is one more cut."""
    analyst, lead = signed_in("system_analyst"), signed_in("place_lead")

    def compared(client, *more):
        pks = []
        for rules in more:
            cohort = saved(analyst, who={"all_of": list(rules)})
            share(analyst, cohort, "everyone")
            pks.append(cohort.pk)
        asked = {"a": pks[0], "b": pks[1], "place": "P1"}
        page = words(client.get(reverse("cohort-compare"), asked))
        return set(re.findall(r'id="(\w+)-table"', page))

    alone = {"feature": "lives_alone"}
    frail = CLINICIAN_WHO["all_of"][:1]
    assert {"shared", "ages", "differences"} <= compared(lead, [alone], frail)
    by_four = [
        *CLINICIAN_WHO["all_of"],
        {"feature": "sex", "any_of": ["F"]},
    ]
    # The second's age would be a fifth thing of both together; what is left is where
    # the two differ in the very things that the first asks.
    older = [{"feature": "age_years", "at_least": 65}]
    assert compared(lead, by_four, older) == {"differences"}
    assert {"shared", "ages"} <= compared(analyst, by_four, older)


def test_a_comparison_with_inclusion_health_is_protected_for_the_analyst_too(
    signed_in, system
):
    analyst = signed_in("system_analyst")
    homeless = {"feature": "homeless"}
    pks = [
        saved(analyst, who={"all_of": rules}).pk
        for rules in ([{"feature": "lives_alone"}], [homeless])
    ]
    for a, b in (pks, reversed(pks)):
        asked = {"a": a, "b": b}
        page = words(analyst.get(reverse("cohort-compare"), asked))
        table = page.partition('id="ages-table"')[2].partition("</table>")[0]
        counts = [int(n.replace(",", "")) for n in re.findall(r">([\d,]+)<", table)]
        assert counts
        assert all(count % 5 == 0 for count in counts)


def test_files_of_a_teams_own_list_are_exact_for_direct_care_only(signed_in, system):
    mdt = signed_in("pcn_mdt_member")
    cohort = saved(mdt)
    address = reverse("cohort-csv", args=[cohort.pk])

    def first(response):
        text = response.content.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
        return [row for row in rows if row["figure"] == "steps"][-1]

    assert first(mdt.get(address))["disclosure"] == "protected aggregate"
    session = mdt.session
    session["purpose"] = "direct_care"
    session.save()
    exact = first(mdt.get(address))
    assert exact["disclosure"] == "own-list direct care"
    assert float(exact["count"]) == slowly(system, OWN)


def test_a_file_of_what_is_beyond_the_lattice_is_refused(signed_in):
    analyst = signed_in("system_analyst")
    free = {"all_of": [{"feature": "medicines_12m", "at_least": 11}]}
    cohort = saved(analyst, who=free)
    assert "people match" in words(analyst.get(reverse("cohort", args=[cohort.pk])))
    refused = analyst.get(reverse("cohort-xlsx", args=[cohort.pk]))
    assert refused.status_code == 403


def test_the_definition_leaves_as_a_file_that_can_be_read_back(signed_in):
    analyst = signed_in("system_analyst")
    cohort = saved(analyst)
    response = analyst.get(reverse("cohort-definition", args=[cohort.pk]))
    spec = CohortSpec.model_validate(yaml.safe_load(response.content))
    assert spec.title == "Frail at home"
    assert spec.who.model_dump(mode="json", exclude_none=True) == CLINICIAN_WHO


def test_a_definition_file_is_read_into_the_builder(signed_in, system):
    analyst = signed_in("system_analyst")
    cohort = saved(analyst)
    file = analyst.get(reverse("cohort-definition", args=[cohort.pk])).content

    def read(content):
        upload = SimpleUploadedFile("cohort.yaml", content)
        return analyst.post(reverse("cohort-read"), {"definition": upload})

    page = analyst.get(read(file)["Location"])
    assert headline(page) == f"{slowly(system, ALL)} people match"
    for spoiled in (b"- [", b"who: {}", b"\xff\xfe", file + b"\nsql: drop"):
        assert read(spoiled)["Location"] == reverse("cohorts")


def test_two_cohorts_are_compared(signed_in):
    analyst = signed_in("system_analyst")
    first = saved(analyst)
    second = saved(analyst, "Alone", {"all_of": [{"feature": "lives_alone"}]})
    page = words(
        analyst.get(reverse("cohort-compare"), {"a": first.pk, "b": second.pk})
    )
    assert "Whom “Frail at home” and “Alone” share" in page
    assert 'id="differences-table"' in page


def test_an_overlap_is_drawn_and_tabled(signed_in):
    analyst = signed_in("system_analyst")
    cohort = saved(analyst, who={"all_of": [{"feature": "lives_alone"}]})
    page = words(
        analyst.get(
            reverse("cohort", args=[cohort.pk]),
            {"set": ["has_diabetes_type1", "has_diabetes_type2"]},
        )
    )
    assert 'id="overlap-table"' in page
    assert "Has diabetes type2 only" in page
    assert "None of them" in page


def test_a_cohort_is_an_indicators_denominator(signed_in, system):
    analyst = signed_in("system_analyst")
    cohort = saved(analyst, who={"all_of": [{"feature": "sex", "any_of": ["F"]}]})
    response = analyst.get(
        reverse("cohort-indicator", args=[cohort.pk]), {"indicator": "smoking"}
    )
    page = words(analyst.get(response["Location"]))
    assert "Among the people of the cohort" in page
    women = len(system.bitmap("sex", "F"))
    overview = words(analyst.get(reverse("overview"), {"cohort": cohort.pk}))
    assert f"{women:,} people" in overview
    lead = signed_in("place_lead")
    assert lead.get(reverse("overview"), {"cohort": cohort.pk}).status_code == 403


def test_a_review_that_is_due_stands_on_its_owners_home(users, signed_in):
    analyst = signed_in("system_analyst")
    cohort = saved(analyst)
    assert "Review the cohort" not in words(analyst.get(reverse("home")))
    with access.scoped(access.viewer_for(users["system_analyst"])):
        past = timezone.localdate() - timedelta(days=1)
        Cohort.objects.filter(pk=cohort.pk).update(review_by=past)
    home = words(analyst.get(reverse("home")))
    assert "Review the cohort “Frail at home”" in home
    assert reverse("cohort", args=[cohort.pk]) in home
    other = signed_in("place_analyst")
    assert "Review the cohort" not in words(other.get(reverse("home")))
