"""Reference files: what is wrong is said with file, row and field."""

from datetime import date

import polars as pl
import pytest

from linkage.reference.areas import read_areas
from linkage.reference.files import BadReference, Delivery, read_table, to_date
from linkage.reference.organisations import read_organisations
from linkage.reference.postcodes import read_postcodes
from tests.reference_builder import practice, tables, write_reference


def organisations(folder):
    delivery = Delivery(folder)
    areas = read_areas(delivery)
    postcodes = read_postcodes(delivery)
    return read_organisations(delivery, areas.lookup, postcodes), delivery


def test_headers_broken_over_lines_are_found(tmp_path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('"Start\r\r\nDate",Other\n20260101,x\n')
    frame = read_table(path, {"start_on": ["Start Date"]})
    assert to_date(frame, path, "start_on").rows() == [(date(2026, 1, 1), 2)]


def test_an_impossible_date_is_refused_with_its_row(tmp_path) -> None:
    files = tables()
    files["ods_practices_epraccur_2025.csv"][2]["open_date"] = "20260230"
    with pytest.raises(BadReference, match=r"epraccur.*row 4: opened_on '20260230'"):
        organisations(write_reference(tmp_path, files))


def test_a_missing_column_is_named_with_what_there_is(tmp_path) -> None:
    files = tables()
    for row in files["imd2025_lsoa21.csv"]:
        row["rank"] = row.pop("IMD_rank")
    with pytest.raises(BadReference, match=r"imd2025.*no column IMD_rank.*there are"):
        read_areas(Delivery(write_reference(tmp_path, files)))


def test_a_missing_file_is_named_with_what_the_folder_holds(tmp_path) -> None:
    files = tables()
    del files["imd2025_lsoa21.csv"]
    with pytest.raises(BadReference, match=r"no file imd.*holds: boundaries_lsoa21"):
        read_areas(Delivery(write_reference(tmp_path, files)))


def test_the_same_area_twice_is_refused(tmp_path) -> None:
    files = tables()
    files["lsoa21_lookup.csv"].append(files["lsoa21_lookup.csv"][0])
    with pytest.raises(BadReference, match=r"lsoa21_lookup.csv: row 6: lsoa_code"):
        read_areas(Delivery(write_reference(tmp_path, files)))


def test_epraccur_is_read_without_a_header_too(tmp_path) -> None:
    folder = write_reference(tmp_path)
    cells = [""] * 27
    for place, value in {0: "Z90001", 1: "A B", 3: "QZ9", 14: "Z0A", 25: "4"}.items():
        cells[place] = value
    line = ",".join(f'"{cell}"' for cell in cells)
    (folder / "ods_practices_epraccur_2025.csv").write_text(line + "\n")
    found, _ = organisations(folder)
    names = found.orgs.filter(kind="practice")["name"].to_list()
    assert names == ["A B"]


def test_practices_elsewhere_are_counted_and_left_out(tmp_path) -> None:
    files = tables()
    files["ods_practices_epraccur_2025.csv"].append(
        practice("Z80000", "AB1 1AA", commissioner="ZZZ")
    )
    found, _ = organisations(write_reference(tmp_path, files))
    assert found.outside == 1
    assert "Z80000" not in found.orgs["code"]


def test_what_is_not_read_is_said(tmp_path) -> None:
    folder = write_reference(tmp_path)
    (folder / "notes.csv").write_text("x\n")
    _, delivery = organisations(folder)
    assert delivery.unread() == ["notes.csv"]


def test_a_unitary_council_is_one_area(tmp_path) -> None:
    areas = read_areas(Delivery(write_reference(tmp_path))).areas
    kinds = dict(areas.select("code", "kind").iter_rows())
    assert kinds["E06900009"] == "council"
    assert areas["code"].is_unique().all()


def test_outer_rings_come_before_holes(tmp_path) -> None:
    areas = read_areas(Delivery(write_reference(tmp_path))).areas
    outline = pl.Series(areas.filter(code="E01990002")["outline"]).str.json_decode(
        pl.List(pl.List(pl.List(pl.Float64)))
    )
    assert outline.list.len().to_list() == [3]
    assert areas["outline"].count() == 2
