"""Reference data in Postgres: hierarchies as at a date, and loads that repeat."""

from datetime import date

import polars as pl
import pytest

from governance import geography
from governance.access import practices_under
from governance.models import Area, AreaLink, Org, OrgLink
from linkage.reference.actions import load_reference
from linkage.reference.files import BadReference
from linkage.vault.store import replace_postcodes
from tests.reference_builder import member, tables, write_reference

pytestmark = pytest.mark.django_db(databases=["default", "vault", "audit"])

NOW = date(2026, 9, 30)


@pytest.fixture(autouse=True)
def no_postcodes_left():
    """Postcodes are copied over a connection of their own, which no test rolls back."""
    yield
    replace_postcodes(
        pl.DataFrame(schema={"postcode": pl.String, "lsoa_code": pl.String})
    )


@pytest.fixture
def loaded(tmp_path):
    return load_reference(folder=write_reference(tmp_path / "first"), by="test")


def everything() -> tuple[int, int, int, int]:
    models = (Org, OrgLink, Area, AreaLink)
    return tuple(model.objects.count() for model in models)


def registered(on: date) -> dict[str, dict]:
    frame = geography.registered_hierarchy(on)
    return {row["practice_code"]: row for row in frame.iter_rows(named=True)}


def test_the_hierarchy_is_that_of_the_date(loaded) -> None:
    assert registered(date(2021, 1, 1))["Z90002"]["pcn_code"] == "U90001"
    assert registered(date(2022, 3, 31))["Z90002"]["pcn_code"] == "U90001"
    assert registered(date(2022, 4, 1))["Z90002"]["pcn_code"] == "U90002"
    assert "Z90004" in registered(date(2022, 4, 1))
    assert "Z90004" not in registered(NOW)
    assert registered(NOW)["Z90003"] == {
        "practice_code": "Z90003",
        "pcn_code": "U90002",
        "neighbourhood_code": "NU90002",
        "place_code": "PE10900009",
        "sub_icb_code": "Z0A",
        "icb_code": "QZ9",
    }


def test_every_level_reaches_its_practices(loaded) -> None:
    assert practices_under("QZ9", NOW) >= {"Z90001", "Z90002", "Z90003"}
    assert practices_under("U90001", date(2021, 1, 1)) == {"Z90001", "Z90002"}
    assert practices_under("U90001", NOW) == {"Z90001"}
    assert practices_under("PE10900009", NOW) == {"Z90002", "Z90003", "Z90004"}


def test_a_trust_has_its_home_and_no_practices(tmp_path) -> None:
    trusts = [
        {"trust_code": "RZ9", "trust_name": "Invented", "ICB_Code": "QZ9"},
        {"trust_code": "RZ8", "trust_name": "Elsewhere", "ICB_Code": "QXX"},
    ]
    folder = write_reference(tmp_path / "trusts", tables() | {"trusts.csv": trusts})
    load_reference(folder=folder, by="test")
    homes = OrgLink.objects.filter(child__kind=Org.Kind.TRUST)
    assert list(homes.values_list("child_id", "parent_id")) == [("RZ9", "QZ9")]
    assert Org.objects.filter(code="RZ8").exists()
    assert practices_under("RZ9", NOW) == frozenset()
    assert practices_under("QZ9", NOW) >= {"Z90001", "Z90002", "Z90003"}


def test_an_lsoa_has_deprivation_and_all_that_is_above_it(loaded) -> None:
    frame = geography.resident_hierarchy(NOW)
    unitary, *_, county = frame.iter_rows(named=True)
    assert unitary["district_code"] == unitary["council_code"] == "E06900009"
    assert (county["district_code"], county["council_code"]) == (
        "E07900009",
        "E10900009",
    )
    assert (county["imd_decile"], county["imd_fifth"], county["is_rural"]) == (
        4,
        2,
        True,
    )
    drawn = Area.objects.filter(outline__isnull=False).order_by("code")
    assert [(a.code, len(a.outline)) for a in drawn] == [
        ("E01990001", 1),
        ("E01990002", 3),
    ]


def test_the_same_folder_again_changes_nothing(loaded, tmp_path) -> None:
    before = everything()
    again = load_reference(folder=tmp_path / "first", by="test")
    assert everything() == before
    assert not any(again.changes.values())


def test_a_delivery_without_boundaries_leaves_the_outlines(loaded, tmp_path) -> None:
    (tmp_path / "first" / "boundaries_lsoa21.geojson").unlink()
    load_reference(folder=tmp_path / "first", by="test")
    assert Area.objects.filter(outline__isnull=False).count() == 2


def test_a_later_delivery_ends_old_links_on_its_day(loaded, tmp_path) -> None:
    files = tables()
    files["lsoa21_lookup.csv"][0]["ward24_code"] = "E05900004"
    folder = write_reference(tmp_path / "second", files)
    load_reference(folder=folder, by="test", valid_from=date(2027, 4, 1))
    before, after = (
        dict(
            geography.resident_hierarchy(on)
            .select("lsoa_code", "ward_code")
            .iter_rows()
        )["E01990001"]
        for on in (date(2027, 3, 31), date(2027, 4, 1))
    )
    assert (before, after) == ("E05900001", "E05900004")
    again = load_reference(folder=folder, by="test", valid_from=date(2027, 4, 1))
    assert not any(again.changes.values())


def test_a_correction_removes_what_was_wrong(loaded, tmp_path) -> None:
    files = tables()
    files["practice_to_pcn_2022.csv"][-2] = member("Z90003", "U90001")
    load_reference(folder=write_reference(tmp_path / "second", files), by="test")
    assert registered(date(2021, 1, 1))["Z90003"]["pcn_code"] == "U90001"


def test_codes_that_changed_lead_to_their_successors(tmp_path) -> None:
    files = tables()
    files["successors.csv"] = [
        {
            "kind": kind,
            "old_code": old,
            "old_name": "Old",
            "new_code": new,
            "changed_on": "2024-04-01",
        }
        for kind, old, new in (
            ("icb", "E54000999", "E54900009"),
            ("lsoa", "E01980001", "E01990001"),
            ("lsoa", "E01980001", "E01990002"),
        )
    ]
    load_reference(folder=write_reference(tmp_path, files), by="test")
    assert geography.current_codes("E54000999", NOW) == ["QZ9"]
    assert geography.current_codes("E54900009", NOW) == ["QZ9"]
    assert geography.current_codes("E01980001", NOW) == ["E01990001", "E01990002"]
    assert geography.current_codes("E01980001", date(2024, 3, 31)) == ["E01980001"]
    assert "E01980001" not in geography.resident_hierarchy(NOW)["lsoa_code"]
    assert set(geography.registered_hierarchy(NOW)["icb_code"]) == {"QZ9"}


def best_fit() -> list[dict[str, str]]:
    """Areas 1 and 2 were one in 2011; area 3 was two; area 4 is what it was."""
    pairs = [
        ("E01980001", "E01990001"),
        ("E01980001", "E01990002"),
        ("E01980002", "E01990003"),
        ("E01980003", "E01990003"),
        ("E01990004", "E01990004"),
        ("E01980009", "E01999999"),
    ]
    return [
        {"lsoa11_code": a, "lsoa11_name": "Old", "lsoa21_code": b} for a, b in pairs
    ]


def test_small_areas_of_2011_lead_to_those_of_2021(tmp_path) -> None:
    files = tables() | {"lsoa11_lsoa21_bestfit.csv.gz": best_fit()}
    load_reference(folder=write_reference(tmp_path, files), by="test")
    assert geography.current_codes("E01980001", NOW) == ["E01990001", "E01990002"]
    assert geography.current_codes("E01980002", NOW) == ["E01990003"]
    assert geography.current_codes("E01990004", NOW) == ["E01990004"]
    assert geography.current_codes("E01980009", NOW) == []
    # Merged areas are one now; figures of a split one cannot be shared out.
    assert geography.renamed() == {"E01980002": "E01990003", "E01980003": "E01990003"}


def test_deprivation_by_areas_of_2011_is_carried_over(tmp_path) -> None:
    files = tables() | {"lsoa11_lsoa21_bestfit.csv": best_fit()}
    del files["imd2025_lsoa21.csv"]
    files["imd2019_lsoa11.csv.gz"] = [
        {
            "lsoa11_code": code,
            "IMD_rank": f"{rank}.0",
            "IMD_decile": decile,
            "Housing_and_Access_decile": "3",
        }
        for code, rank, decile in (
            ("E01980001", 100, "1"),
            ("E01980002", 200, "4"),
            ("E01980003", 300, "6"),
            ("E01990004", 400, "9"),
        )
    ]
    load_reference(folder=write_reference(tmp_path, files), by="test")
    found = geography.resident_hierarchy(NOW)
    assert found["imd_decile"].to_list() == [1, 1, 5, 9]
    assert found["imd_rank"].to_list() == [100, 100, 250, 400]
    assert set(found["imd_housing"]) == {3}


def test_without_a_lookup_areas_of_2011_are_refused(tmp_path) -> None:
    files = tables()
    files["imd2019_lsoa11.csv"] = files.pop("imd2025_lsoa21.csv")
    with pytest.raises(BadReference, match="lsoa11_lsoa21"):
        load_reference(folder=write_reference(tmp_path, files), by="test")


def test_a_successor_of_nothing_is_refused_and_nothing_is_kept(tmp_path) -> None:
    files = tables()
    files["successors.csv"] = [
        {
            "kind": "icb",
            "old_code": "E54000999",
            "new_code": "E54000998",
            "changed_on": "2024-04-01",
        }
    ]
    with pytest.raises(BadReference, match="row 2: new_code 'E54000998'"):
        load_reference(folder=write_reference(tmp_path, files), by="test")
    assert everything() == (0, 0, 0, 0)


def test_places_may_divide_a_network(tmp_path) -> None:
    files = tables()
    place = {
        "place_code": "L1",
        "place_name": "Place",
        "neighbourhood_name": "North",
    }
    files["places.csv"] = [
        place | {"pcn_code": "U90001", "practice_code": "", "neighbourhood_code": "N1"},
        place
        | {"pcn_code": "U90002", "practice_code": "Z90002", "neighbourhood_code": "N1"},
        place
        | {
            "pcn_code": "U90002",
            "practice_code": "Z90003",
            "neighbourhood_code": "N2",
            "neighbourhood_name": "South",
        },
    ]
    load_reference(folder=write_reference(tmp_path, files), by="test")
    now = registered(NOW)
    assert now["Z90002"]["neighbourhood_code"] == "N1"
    assert now["Z90003"]["neighbourhood_code"] == "N2"
    assert practices_under("N1", NOW) == {"Z90001", "Z90002"}


@pytest.mark.sample
def test_a_real_ics_loads(sample_data) -> None:
    folder = sample_data / "reference" / "sussex_QNX"
    done = load_reference(folder=folder, by="test")
    assert done.counts["lsoa"] == 1029
    assert done.counts["pcn"] == 40
    assert "census21_ethnicity_lsoa21.csv" in done.unread
    frame = geography.registered_hierarchy(NOW)
    assert frame.height == 156
    assert frame["place_code"].n_unique() == 3
    assert frame["icb_code"].unique().to_list() == ["QNX"]
    # Two practices of Brighton changed their networks on 1 July 2022.
    before = registered(date(2022, 6, 30))["G81065"]["pcn_code"]
    assert before == "U22426"
    assert registered(date(2022, 7, 1))["G81065"]["pcn_code"] == "U29677"
