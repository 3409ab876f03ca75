"""The cohort pages by role: what is counted, in which class, and what may leave."""

import csv
import html
import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
import yaml
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone
from pyroaring import BitMap

from dashboards.selectors.person import guarded_codes
from governance.access import ACCESS
from linkage.release import selectors as release
from segmentation.cohorts.specs import CohortSpec
from segmentation.models import Cohort
from tests import live_system
from tests.cohort_people import CLINICIAN, CLINICIAN_WHO, make_cohort_release, slowly
from tests.page_builders import make_organisations

FAST_HASH = "django.contrib.auth.hashers.MD5PasswordHasher"
BUILD = reverse("cohort-build")
ALL = {f"Z8100{n}" for n in range(1, 9)}
OWN = {"Z81001", "Z81002"}
NORTH = {"Z81001", "Z81002", "Z81003", "Z81004"}


@pytest.fixture(scope="module")
def system():
    return make_cohort_release()


@pytest.fixture(scope="module")
def users(django_db_setup, django_db_blocker):
    """Organisations and users; Django's store connection is the web's from then on."""
    with (
        django_db_blocker.unblock(),
        override_settings(PASSWORD_HASHERS=[FAST_HASH]),
        live_system.emptied(),
    ):
        with live_system.acting_as("worker"):
            make_organisations()
        place = {"icb": "QZZ", "place": "P1", "pcn": "U1"}
        made = {
            role: live_system.make_user(role, place[spec.level])
            for role, spec in ACCESS.roles.items()
            if spec.level in place
        }
        with live_system.acting_as("web"):
            yield made


@pytest.fixture
def signed_in(users, system, monkeypatch):
    """`signed_in("place_lead")` is a client; what it saves is gone afterwards."""
    monkeypatch.setattr(release, "current", lambda: system)
    monkeypatch.setattr(release, "previous", lambda: None)
    yield lambda role, *_: live_system.signed_in(users[role])
    with live_system.connect("migrator") as owner:
        owner.execute("TRUNCATE cohort_size, cohort_version, cohort")


def newest():
    """The cohort that was saved last, as its table's keeper sees it."""
    with live_system.acting_as("worker"):
        return Cohort.objects.select_related("forked_from").order_by("-pk").first()


def words(response):
    assert response.status_code == 200, response.content[:500]
    return html.unescape(response.content.decode())


def headline(response):
    found = re.search(r'app-answer__count">([^<]*)<', words(response))
    return found[1]


def saved(client, title="Frail at home", who=CLINICIAN_WHO, **more):
    form = {
        "definition": json.dumps(who),
        "title": title,
        "why": "A visit may help",
        "review_by": (timezone.localdate() + timedelta(days=90)).isoformat(),
    }
    response = client.post(reverse("cohort-save"), form | more)
    assert response.status_code == 302
    return newest()


def share(client, cohort, sharing, every=""):
    form = {
        "sharing": sharing,
        "every": every,
        "review_by": cohort.review_by.isoformat(),
    }
    return client.post(reverse("cohort-settings", args=[cohort.pk]), form)


def test_the_analyst_counts_exactly_inside_the_workspace(signed_in, system):
    page = signed_in("system_analyst").get(f"{BUILD}?{CLINICIAN}")
    assert headline(page) == f"{slowly(system, ALL)} people match"
    assert "analyst workspace" in words(page)
    assert "10 or more medicines" in words(page)
    assert 'id="ages-table"' in words(page)
    assert 'id="representation-table"' in words(page)


def test_a_team_counts_its_own_list_exactly_and_nobody_elses(signed_in, system):
    page = signed_in("pcn_mdt_member").get(f"{BUILD}?{CLINICIAN}")
    assert headline(page) == f"{slowly(system, OWN)} people match"
    assert "own-list direct care" in words(page)


@pytest.mark.parametrize("basis", ["registered", "resident"])
def test_a_teams_scope_is_its_own_list_whatever_the_place(signed_in, system, basis):
    """A district holds people of other teams: exact counts of them are not ours."""
    client = signed_in("pcn_mdt_member")
    page = client.get(BUILD, {"basis": basis})
    offered = re.findall(r'<option value="([EUZ]\w+)"', page.content.decode())
    assert offered
    own = len(system.any_of("practice_code", OWN))
    for place in offered:
        counted = headline(client.get(BUILD, {"place": place, "basis": basis}))
        assert int(re.sub(r"\D", "", counted)) <= own


def test_without_the_scope_the_same_counts_would_be_wrong(
    signed_in, system, monkeypatch
):
    """The mutation: with the viewer's own people left out, the count is another."""
    monkeypatch.setattr(
        "dashboards.selectors.cohorts.asking.own_people",
        lambda viewer, view: view.everyone,
    )
    client = signed_in("pcn_mdt_member")
    mutated = client.get(f"{BUILD}?basis=resident&place=E07000001&{CLINICIAN}")
    assert headline(mutated) != f"{slowly(system, OWN)} people match"


def test_a_place_lead_sees_protected_counts_of_the_place(signed_in, system):
    page = signed_in("place_lead").get(f"{BUILD}?{CLINICIAN}")
    exact = slowly(system, NORTH)
    shown = int(headline(page).split()[0].replace(",", ""))
    assert shown % 5 == 0
    assert abs(shown - exact) <= 2
    assert "protected aggregate" in words(page)


@pytest.mark.parametrize(
    ("also", "reason"),
    [
        ("c9=feature:age_years&c9-low=67", "a point of its own"),
        ("c9=list:1", "list of persons"),
        ("c7=feature:sex&c7-is=F&c8=feature:imd_fifth&c8-is=1", "5 different things"),
    ],
)
def test_protected_figures_are_asked_in_fixed_words(
    signed_in, also, reason, monkeypatch
):
    monkeypatch.setattr("linkage.imported.members", lambda viewer, number: _nobody())
    page = signed_in("place_lead").get(f"{BUILD}?{CLINICIAN}&{also}")
    assert headline(page) == "No protected figure can be given of this cohort"
    assert reason in words(page)
    assert "Who they are" not in words(page)


def _nobody():
    return BitMap([1])


def test_inclusion_health_is_for_few_and_never_exact(signed_in, system):
    """The analyst sees it for population health, protected; the team for care alone."""
    text = "c1=feature:homeless"
    exact = len(system.bitmap("homeless"))
    page = signed_in("system_analyst").get(f"{BUILD}?{text}&q=homeless")
    shown = int(headline(page).split()[0].replace(",", ""))
    assert shown % 5 == 0
    assert abs(shown - exact) <= 2
    assert "protected aggregate" in words(page)
    assert "add:feature:homeless" in words(page)
    for role in ("place_lead", "pcn_mdt_member"):
        refused = signed_in(role).get(f"{BUILD}?{text}&q=homeless")
        assert "see inclusion health" in words(refused)
        assert "add:feature:homeless" not in words(refused)
    analyst = signed_in("system_analyst")
    cohort = saved(analyst, who={"all_of": [{"feature": "homeless"}]})
    narrowed = analyst.get(reverse("overview"), {"cohort": cohort.pk})
    assert narrowed.status_code == 403
    nested = f"{BUILD}?c1=cohort:{cohort.pk}.1"
    assert "another saved cohort" in words(analyst.get(nested))


def test_a_code_of_inclusion_health_is_guarded_like_its_feature(signed_in):
    stem = sorted(guarded_codes())[0]
    typed = f"c1=codes:&c1-codes={stem}&c1-system=snomed"
    client = signed_in("place_lead")
    page = client.get(f"{BUILD}?{typed}&c1-since=2026-01-01&c1-until=2026-02-01")
    assert "see inclusion health" in words(page)
    asked = {"codes": [stem], "system": "snomed"}
    asked |= {"since": "2026-01-01", "until": "2026-02-01"}
    started = {"definition": json.dumps({"all_of": [asked]})}
    assert client.post(reverse("cohort-search"), started).status_code == 403


def test_few_neighbours_are_no_base_for_a_protected_figure(signed_in):
    text = "c1=feature:age_band&c1-is=90%2B&c2=feature:ethnicity_group&c2-is=Mixed"
    page = signed_in("place_lead").get(f"{BUILD}?{text}")
    assert "fewer than 100 people" in words(page)


def test_a_press_of_add_leads_to_the_same_builder_with_one_more(signed_in):
    client = signed_in("system_analyst")
    response = client.get(f"{BUILD}?{CLINICIAN}&do=add:feature:sex&place=P1")
    assert response.status_code == 302
    assert "c4=feature%3Asex" in response["Location"]
    assert "focus=c4" in response["Location"]
    page = words(client.get(response["Location"]))
    assert 'name="c4-is"' in page
    removed = client.get(f"{BUILD}?{CLINICIAN}&do=remove:2")
    assert "medicines_12m" not in removed["Location"]
    assert "lives_alone" in removed["Location"]


def test_typing_is_answered_with_the_part_that_changed(signed_in):
    client = signed_in("system_analyst")
    asked = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "found"}
    found = words(client.get(f"{BUILD}?q=medic", **asked))
    assert "add:feature:medicines_12m" in found
    assert "<html" not in found
    answer = client.get(f"{BUILD}?{CLINICIAN}", **asked | {"HTTP_HX_TARGET": "answer"})
    assert "<html" not in words(answer)
    assert 'hx-trigger="load' in words(answer)
    who = client.get(f"{BUILD}?{CLINICIAN}", **asked | {"HTTP_HX_TARGET": "who"})
    assert 'id="ages-table"' in words(who)


def test_what_cannot_be_understood_is_said_beside_the_field(signed_in):
    page = signed_in("system_analyst").get(
        f"{BUILD}?c1=feature:medicines_12m&c1-low=ten"
    )
    assert "“ten” is not a number" in words(page)


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
    monkeypatch.setattr("linkage.imported.members", lambda viewer, number: _nobody())
    analyst = signed_in("system_analyst")
    cohort = saved(analyst, who={"all_of": [{"imported_list": 3}]})
    share(analyst, cohort, "everyone")
    assert newest().sharing == "nobody"


@pytest.mark.parametrize(
    "spoiled",
    [
        {"title": " "},
        {"review_by": "2020-01-01"},
        {"review_by": "soon"},
        {"definition": "{"},
        {"definition": '{"all_of": []}'},
        {"definition": '{"all_of": [{"cohort": 99, "version": 1}]}'},
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


@pytest.mark.parametrize("role", sorted(ACCESS.roles))
def test_pages_open_for_the_roles_that_name_them(signed_in, role):
    spec = ACCESS.roles[role]
    client = signed_in(role)
    opens = 200 if "cohorts" in spec.pages else 403
    for name in ("cohorts", "cohort-build", "cohort-compare"):
        assert client.get(reverse(name)).status_code == opens
    posts = client.post(reverse("cohort-save"), {})
    assert posts.status_code == (302 if "cohort_save" in spec.pages else 403)


def test_each_count_leaves_an_audit_row(signed_in):
    before = len(live_system.audit_rows("cohort_counted"))
    signed_in("pcn_mdt_member").get(f"{BUILD}?{CLINICIAN}")
    rows = live_system.audit_rows("cohort_counted")[before:]
    assert [row["role"] for row in rows] == ["pcn_mdt_member"]
    assert rows[0]["detail"]["disclosure"] == "own-list direct care"
