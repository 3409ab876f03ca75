"""Features, codelists and schemes as pages: what they say, and to whom."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from pyroaring import BitMap

from dashboards.selectors import codelists
from governance.access import Viewer
from linkage.codebook.selectors import Effect
from linkage.feature_definitions import FEATURES
from linkage.models import CodelistVersion
from linkage.release.catalogue import Attribute
from segmentation.cohorts.index import index_of
from segmentation.cohorts.selectors import UnknownCohortError, reader
from segmentation.cohorts.specs import Coded
from segmentation.definitions import SCHEMES
from tests.accepted_codes import add_to_homeless
from tests.builders import AS_OF

pytestmark = pytest.mark.django_db(databases=["default", "audit"])
SENSITIVE = "is_homeless"


def words(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def test_the_catalogue_lists_every_feature_and_finds_words(signed_in) -> None:
    client = signed_in("system_analyst", "QZZ")
    page = words(client.get(reverse("features")))
    assert page.count("Restricted") == sum(s.sensitive for s in FEATURES.values())
    for name in FEATURES:
        assert f'href="/features/{name}/"' in page
    found = words(client.get(reverse("features"), {"q": "eGFR"}))
    assert "Latest eGFR" in found
    assert "Lives alone" not in found
    assert "No feature found" in words(client.get(reverse("features"), {"q": "xyzzy"}))


@pytest.mark.parametrize(
    "name", ["age_band", "asthma", "latest_hba1c", "hba1c_overdue"]
)
def test_a_feature_says_rule_source_and_owner(signed_in, name) -> None:
    page = words(signed_in("place_lead", "P1").get(reverse("feature", args=[name])))
    spec = FEATURES[name]
    assert spec.title in page
    assert spec.owner in page
    assert "How it is worked out" in page


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The events that were recorded."""
    events: list[str] = []
    monkeypatch.setattr(
        "governance.audit.record", lambda event, *_, **__: events.append(event)
    )
    return events


def test_a_feature_of_the_release_is_drawn_by_value_and_by_practice(
    signed_in, audited
) -> None:
    client = signed_in("system_analyst", "QZZ")
    page = words(client.get(reverse("feature", args=["imd_fifth"])))
    assert 'id="imd_fifth-spread"' in page
    assert "For how many it is not known" in page
    download = client.get(reverse("feature-csv", args=["imd_fifth", "spread"]))
    assert download["Content-Type"].startswith("text/csv")
    assert "figure_downloaded" in audited
    assert (
        client.get(reverse("feature-csv", args=["imd_fifth", "x"])).status_code == 404
    )
    assert client.get(reverse("feature", args=["nothing"])).status_code == 404


def test_inclusion_health_is_for_few_and_always_protected(
    signed_in, system, monkeypatch, audited
) -> None:
    spec = FEATURES[SENSITIVE]
    attribute = Attribute(SENSITIVE, spec.title, "flag", sensitive=True)
    few = list(system.everyone)[:3]
    monkeypatch.setitem(system.catalogue._attributes, SENSITIVE, attribute)
    some = BitMap(few)
    monkeypatch.setitem(
        system._bitmaps, SENSITIVE, {"yes": some, "no": system.everyone - some}
    )
    address = reverse("feature", args=[SENSITIVE])
    refused = words(signed_in("place_lead", "P1").get(address))
    assert "Not for this role and purpose" in refused
    assert "-spread" not in refused
    # The analyst sees exact counts of anything else; not of this.
    shown = words(signed_in("system_analyst", "QZZ").get(address))
    assert f'id="{SENSITIVE}-spread"' in shown
    assert "fewer than 8 people" in shown
    assert audited.count("sensitive_feature_viewed") == 1


def test_effects_on_what_is_sensitive_are_for_few_and_noted(
    system, monkeypatch, audited
) -> None:
    held, coming = BitMap(range(100)), BitMap(range(100, 150))
    moved = [Effect(n, held, {"entering": coming}) for n in (SENSITIVE, "has_asthma")]
    monkeypatch.setattr("linkage.codebook.selectors.effects_of", lambda version: moved)
    monkeypatch.setattr("linkage.release.selectors.current", lambda: system)
    version = CodelistVersion(name="housing", version=2)

    def seen_by(role: str, purpose: str) -> list[str]:
        viewer = Viewer(1, "ana", "Ana", role, purpose, "QZZ", "ICB", "icb")
        return [each.feature for each in codelists.effects(viewer, version)]

    assert seen_by("data_manager", "data_management") == ["has_asthma"]
    everything = [SENSITIVE, "has_asthma"]
    assert seen_by("system_analyst", "population_health") == everything
    assert audited == ["codelist_effects_viewed"] * 2


def test_a_codelist_shows_codes_use_and_versions(signed_in) -> None:
    client = signed_in("system_analyst", "QZZ")
    assert "Asthma" in words(client.get(reverse("codelists")))
    page = words(client.get(reverse("codelist", args=["asthma"])))
    assert "195967001" in page
    assert "Propose a new version" in page
    assert "Not known yet" in page
    assert client.get(reverse("codelist", args=["nothing"])).status_code == 404


def test_a_list_is_proposed_by_one_and_declined_by_another(signed_in) -> None:
    analyst = signed_in("system_analyst", "QZZ")
    file = SimpleUploadedFile("asthma.csv", b"code,term\n195967001,Asthma\n")
    sent = analyst.post(
        reverse("propose-codelist"), {"name": "asthma", "file": file, "why": "Shorter"}
    )
    address = reverse("codelist-version", args=["asthma", 2])
    assert sent["Location"] == address
    page = words(analyst.get(address))
    assert "Being worked out" in page
    assert "Accept from the next refresh" not in page
    decide = reverse("decide-codelist", args=["asthma", 2])
    assert analyst.post(decide, {"choice": "accept"}).status_code == 403
    manager = signed_in("data_manager", "QZZ")
    assert "Decline" in words(manager.get(address))
    manager.post(decide, {"choice": "decline"})
    assert CodelistVersion.objects.get().state == "declined"


def test_a_file_that_cannot_be_used_is_said_so(signed_in) -> None:
    analyst = signed_in("system_analyst", "QZZ")
    for file in (
        SimpleUploadedFile("x.csv", b"nothing\nhere\n"),
        SimpleUploadedFile("x.csv", b"\xff\xfe\x00"),
        None,
    ):
        given = {"name": "asthma"} | ({"file": file} if file else {})
        back = analyst.post(reverse("propose-codelist"), given, follow=True)
        assert back.redirect_chain[-1][0] == reverse("codelist", args=["asthma"])
    assert not CodelistVersion.objects.exists()


@pytest.mark.parametrize("name", list(SCHEMES))
def test_a_scheme_tells_its_order(signed_in, name) -> None:
    page = words(signed_in("place_lead", "P1").get(reverse("scheme", args=[name])))
    for segment in SCHEMES[name].segments:
        assert segment.title.replace("'", "&#39;") in page


def test_the_schemes_page_names_schemes_lenses_and_the_plus(signed_in) -> None:
    page = words(signed_in("pcn_mdt_member", "U1").get(reverse("schemes")))
    assert "Unpaid carers" in page
    assert "lipids not optimised" in page


def test_a_cohort_cannot_ask_what_its_viewer_may_not_see(
    signed_in, system, monkeypatch
) -> None:
    attribute = Attribute(SENSITIVE, "Homelessness", "flag", sensitive=True)
    monkeypatch.setitem(system.catalogue._attributes, SENSITIVE, attribute)
    some = BitMap(list(system.everyone)[:40])
    monkeypatch.setitem(
        system._bitmaps, SENSITIVE, {"yes": some, "no": system.everyone - some}
    )
    found = reader(viewer_as("place_lead", "planning"), system)
    with pytest.raises(UnknownCohortError, match="not for this role"):
        found.any_of(SENSITIVE, ["yes"])
    # A code itself, all that begin like one, and a list that reads them.
    for codes in (
        {"codes": ("32911000",), "system": "snomed"},
        {"codes": ("Z5",), "system": "icd10"},
        {"codelist": "homeless"},
    ):
        searched = Coded.model_validate(codes | {"since": AS_OF, "until": AS_OF})
        with pytest.raises(UnknownCohortError, match="these codes"):
            found.outside(searched)
    # And what was added to that list here.
    add_to_homeless("9876543210")
    with pytest.raises(UnknownCohortError, match="these codes"):
        found.outside(
            Coded(codes=("9876543210",), system="snomed", since=AS_OF, until=AS_OF)
        )
    allowed = reader(viewer_as("system_analyst", "population_health"), system)
    assert allowed.any_of(SENSITIVE, ["yes"]) == some
    # The same analyst, planning: it does not exist.
    other = reader(viewer_as("system_analyst", "planning"), system)
    with pytest.raises(UnknownCohortError):
        other.known(SENSITIVE)
    assert SENSITIVE not in index_of(system).tabled()
    client = signed_in("place_lead", "P1")
    page = words(client.get(reverse("cohorts"), {"q": "homelessness"}))
    assert "f:is_homeless" not in page


def viewer_as(role: str, purpose: str) -> Viewer:
    return Viewer(1, "x", "x", role, purpose, "QZZ", "x", "icb")
