"""Pages by role: who may open what, for which place, and what a page says."""

import csv
import io
import json
import re

import pytest
from django.test import Client
from django.urls import reverse

from governance.models import Org, OrgLink
from linkage.release import selectors as release
from tests.page_builders import PASSWORD, make_organisations, make_user

pytestmark = pytest.mark.django_db(databases=["default", "audit"])

ROLES = {
    "system_analyst": "QZZ",
    "icb_board_member": "QZZ",
    "place_lead": "P1",
    "pcn_mdt_member": "U1",
    "data_manager": "QZZ",
    "ig_lead": "QZZ",
    "partner_client": "P1",
}


def text_of(response):
    return response.content.decode()


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_a_home_with_its_strip(signed_in, role):
    page = text_of(signed_in(role, ROLES[role]).get("/"))
    assert "What needs you today" in page
    assert page.count("<h1") == 1
    for term in ["Role", "Purpose", "Place", "Data to"]:
        assert f"<dt>{term}</dt>" in page
    assert "30 September 2026" in page


@pytest.mark.parametrize(
    ("role", "name", "allowed"),
    [
        ("icb_board_member", "board", True),
        ("place_lead", "board", True),
        ("pcn_mdt_member", "board", False),
        ("pcn_mdt_member", "overview", True),
        ("data_manager", "overview", False),
        ("ig_lead", "access", True),
        ("ig_lead", "audit", True),
        ("place_lead", "audit", False),
        ("place_lead", "indicators", True),
        ("partner_client", "indicators", False),
    ],
)
def test_a_page_opens_for_its_roles_only(signed_in, role, name, allowed):
    response = signed_in(role, ROLES[role]).get(reverse(name))
    assert response.status_code == (200 if allowed else 403)


def test_a_stranger_is_sent_to_sign_in(system):
    response = Client().get(reverse("overview"))
    assert response.status_code == 302
    assert response["Location"] == "/sign-in/?next=/overview/"


def test_signing_in_leads_to_where_one_was_going(system):
    make_user("place_lead", "P1", "pat")
    form = {"username": "pat", "password": PASSWORD, "next": "/board/"}
    response = Client().post("/sign-in/", form)
    assert (response.status_code, response["Location"]) == (302, "/board/")


def test_signing_in_never_leads_elsewhere(system):
    make_user("place_lead", "P1", "pat")
    form = {"username": "pat", "password": PASSWORD, "next": "https://evil.example/"}
    assert Client().post("/sign-in/", form)["Location"] == "/"


def test_a_wrong_password_is_said_once_and_keeps_the_name(system):
    make_user("place_lead", "P1", "pat")
    response = Client().post("/sign-in/", {"username": "pat", "password": "wrong"})
    assert response.status_code == 422
    assert "There is a problem" in text_of(response)
    assert 'value="pat"' in text_of(response)
    assert "wrong" not in text_of(response)


def test_a_user_without_a_grant_in_force_sees_nothing(system):
    user = make_user("place_lead", "P1", "pat")
    user.grants.update(end_on="2020-01-01")
    client = Client()
    client.force_login(user)
    assert client.get("/").status_code == 403


def test_overview_compares_the_place_with_the_system(signed_in):
    page = text_of(signed_in("place_lead", "P1").get(reverse("overview")))
    assert re.search(r"Northgate: [\d,]+ people", page)
    assert "in the whole system" in page
    for key in ["ages", "segments", "deprivation", "ethnicity"]:
        assert f'id="{key}"' in page
    assert "95% interval" in page
    assert "How fresh" in page


def test_every_figure_has_a_table_and_a_download_that_agree(signed_in):
    client = signed_in("place_lead", "P1")
    page = text_of(client.get(reverse("overview")))
    drawings = re.findall(r'application/json" id="([\w-]+)-data">(.*?)</script>', page)
    assert len(drawings) >= 7
    for key, drawing in drawings:
        assert json.loads(drawing)["data"], key
        assert f'id="{key}-table"' in page
    links = re.findall(r'href="(/overview/figures/[^"]+)"', page)
    assert len(links) == len(drawings)
    for link in links:
        response = client.get(link.replace("&amp;", "&"))
        assert response.status_code == 200
        rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
        assert rows
        assert {row["disclosure"] for row in rows} == {"protected aggregate"}


@pytest.mark.parametrize("path", ["/overview/", "/overview/figures/ages.csv"])
def test_another_place_is_refused_and_the_try_is_audited(signed_in, path, monkeypatch):
    noted = []
    monkeypatch.setattr(
        "governance.audit.record",
        lambda event, viewer, **more: noted.append((event, more.get("place"))),
    )
    client = signed_in("pcn_mdt_member", "U1")
    assert client.get(path, {"place": "U1"}).status_code == 200
    for place in ["U2", "P1", "QZZ", "Z81005", "999 123 4567"]:
        assert client.get(path, {"place": place}).status_code == 403
    refused = [place for event, place in noted if event == "place_refused"]
    assert refused == ["U2", "P1", "QZZ", "Z81005", "not a place"]


def test_a_practice_without_patients_is_told_so(system, signed_in):
    Org.objects.create(code="Z89999", kind="practice", name="New Surgery")
    OrgLink.objects.create(child_id="Z89999", parent_id="U1")
    client = signed_in("practice_manager", "Z89999")
    assert client.get("/").status_code == 200
    response = client.get("/overview/")
    assert response.status_code == 403
    assert "None of your places has people" in text_of(response)


def test_the_picker_offers_only_own_places(signed_in):
    page = text_of(signed_in("place_lead", "P1").get(reverse("overview")))
    offered = re.findall(r'<option value="(\w+)"', page)
    assert offered[0] == "P1"
    assert set(offered) == {"P1", "U1", "U2", "Z81001", "Z81002", "Z81003", "Z81004"}


def test_residents_are_counted_by_area(signed_in):
    client = signed_in("icb_board_member", "QZZ")
    page = text_of(client.get(reverse("overview"), {"basis": "resident"}))
    assert "All residents" in page
    assert "people living in All residents" in page
    assert "District: Marsh" in page


def test_a_place_lead_sees_the_districts_their_people_live_in(signed_in):
    client = signed_in("place_lead", "P1")
    page = text_of(client.get(reverse("overview"), {"basis": "resident"}))
    assert "District: Marsh" in page
    assert "District: Moor" not in page


def test_a_basis_that_does_not_exist_is_a_bad_request(signed_in):
    client = signed_in("place_lead", "P1")
    assert client.get(reverse("overview"), {"basis": "born"}).status_code == 400


def test_an_analyst_sees_exact_counts_and_downloads_protected_ones(signed_in, system):
    client = signed_in("system_analyst", "QZZ")
    practice = len(system.bitmap("practice_code", "Z81001"))
    page = text_of(client.get(reverse("overview"), {"place": "Z81001"}))
    assert f"{practice:,} people" in page
    rows = client.get("/overview/figures/deprivation.csv", {"place": "Z81001"})
    for row in csv.DictReader(io.StringIO(rows.content.decode("utf-8-sig"))):
        assert row["count"] == "" or float(row["count"]) % 5 == 0


def test_the_board_page_puts_exceptions_first(signed_in):
    page = text_of(signed_in("icb_board_member", "QZZ").get(reverse("board")))
    assert page.index("Getting worse") < page.index("Differs between groups")
    assert page.count("What to ask") == 8
    assert "Annex" in page


def test_an_indicator_page_shows_its_definition(signed_in):
    page = text_of(
        signed_in("place_lead", "P1").get(reverse("indicator", args=["smoking"]))
    )
    assert "Adults who smoke in Northgate" in page
    assert "Prevention lead" in page
    assert "lower is better" in page


def test_a_new_indicator_is_one_file(signed_in, tmp_path, monkeypatch):
    from dashboards.definitions import INDICATORS

    text = (INDICATORS.path / "diabetes.yaml").read_text()
    text = text.replace("title: Adults with diabetes", "title: Women with diabetes")
    text = text.replace("among: [", "among: [{feature: sex, any_of: [F]}, ")
    (tmp_path / "women_with_diabetes.yaml").write_text(text)
    monkeypatch.setattr(INDICATORS, "path", tmp_path)
    monkeypatch.setattr(INDICATORS, "_loaded", None)
    client = signed_in("place_lead", "P1")
    assert "Women with diabetes" in text_of(client.get(reverse("indicators")))
    page = text_of(client.get(reverse("indicator", args=["women_with_diabetes"])))
    assert "Women with diabetes in Northgate" in page
    figure = reverse("indicator-csv", args=["women_with_diabetes", "imd_fifth"])
    assert client.get(figure).status_code == 200


def test_before_the_first_release_pages_say_so(db, monkeypatch):
    make_organisations()
    monkeypatch.setattr(release, "current", lambda: None)
    client = Client()
    client.force_login(make_user("place_lead", "P1"))
    for name in ["overview", "board"]:
        page = text_of(client.get(reverse(name)))
        assert "There is no release yet" in page
    assert "no release yet" in text_of(client.get("/"))


def test_one_chooses_among_ones_own_roles_only(signed_in, system):
    from governance.models import Grant

    client = signed_in("place_lead", "P1")
    mine = Grant.objects.get()
    other = Grant.objects.get(user=make_user("icb_board_member", "QZZ"))
    page = text_of(client.get(reverse("choose-role")))
    assert "Place lead, Northgate: Planning" in page
    address = reverse("choose-role")
    assert client.post(address, {"as": f"{other.pk}:planning"}).status_code == 400
    assert client.post(address, {"as": f"{mine.pk}:planning"}).status_code == 302


def test_policy_header_allows_nothing_inline_or_foreign(signed_in):
    response = signed_in("place_lead", "P1").get(reverse("overview"))
    policy = response["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert response["Cache-Control"] == "no-store"


def test_missing_pages_and_figures_are_404(signed_in):
    client = signed_in("place_lead", "P1")
    for path in ["/nowhere/", "/indicators/none/", "/overview/figures/none.csv"]:
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("role", "address"),
    [
        ("ig_lead", "/access/audit/?outcome=%00"),
        ("data_manager", "/feeds/sus_op/?rule=%00"),
        ("place_lead", "/overview/?place=%00"),
    ],
)
def test_a_nul_in_an_address_is_the_callers_mistake(signed_in, role, address):
    assert signed_in(role, ROLES[role]).get(address).status_code == 400


def test_a_head_request_is_answered_like_a_get_without_a_body(signed_in):
    response = signed_in("place_lead", "P1").head("/overview/")
    assert (response.status_code, response.content) == (200, b"")
