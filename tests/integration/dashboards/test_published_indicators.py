"""Indicators that read a published series: on the board, on their page, by the API."""

import shutil
from datetime import date

import pytest
from django.urls import reverse

from dashboards.definitions import PUBLISHED
from governance.models import Org, OrgLink
from linkage.models import FeedRun, SeriesValue
from tests.builders import AS_OF

pytestmark = pytest.mark.django_db(databases=["default", "audit"])


def keep(name: str, *rows: tuple) -> None:
    """Rows of measure, area, breakdown, day, value."""
    run = FeedRun.objects.create(
        feed=name,
        sha256=name,
        file_name=f"{name}.csv",
        state=FeedRun.State.PUBLISHED,
        rows_in=len(rows),
        loaded=len(rows),
        by="test",
    )
    SeriesValue.objects.bulk_create(
        SeriesValue(
            series=name,
            measure=measure,
            area_code=area,
            breakdown=breakdown,
            start_on=day,
            record=0,
            value=value,
            received_on=AS_OF,
            run=run,
        )
        for measure, area, breakdown, day, value in rows
    )


def last_months(count: int, until: date = AS_OF) -> list[date]:
    """The first days of the months before a date's own, oldest first."""
    months = [until.year * 12 + until.month - 1 - n for n in range(count, 0, -1)]
    return [date(month // 12, month % 12 + 1, 1) for month in months]


def waits(area: str, over: list[float], until: date = AS_OF) -> list[tuple]:
    days = last_months(len(over), until)
    return [
        (measure, area, "", day, value)
        for day, late in zip(days, over, strict=True)
        for measure, value in (("attendances", 100.0), ("over_4_hours", late))
    ]


STEADY = [24.0, 25, 26, 25, 24, 25, 26, 25, 24, 25, 26, 25]


def matter(page: str, name: str) -> str:
    """One indicator's part of the board page."""
    return page.split(f'aria-labelledby="matter-{name}"')[1].split("</article>")[0]


def test_a_change_for_the_worse_stands_among_the_exceptions(signed_in):
    Org.objects.filter(code="QZZ").update(ons_code="E54000999")
    keep("ae_by_icb", *waits("E54000999", [*STEADY, 60.0]))
    client = signed_in("icb_board_member", "QZZ")
    page = client.get(reverse("board")).content.decode()
    said = matter(page, "ae_over_4_hours")
    assert ". Waits of more than four hours in A&amp;E in Eastmarsh" in said
    assert "Getting worse" in said
    assert "Changed for the worse (beyond the upper limit)" in said
    assert "Always misses its target, at most 5%" in said
    assert "app-spc__icon--concern" in said
    assert page.index("matter-ae_over_4_hours") < page.index("Annex")
    # What is counted of this platform's people has too few points, and says so.
    said = matter(page, "emergency_admissions")
    assert "Too few points for a control chart: 2 of the 12 needed" in said
    assert "app-spc__icon" not in said
    # What nobody has published of this place is named, not left out in silence.
    assert "Not on this page: Beds occupied; People in hospital who need not be" in page


def test_the_home_of_a_board_member_says_it(signed_in):
    Org.objects.filter(code="QZZ").update(ons_code="E54000999")
    keep("ae_by_icb", *waits("E54000999", [*STEADY, 60.0]))
    page = signed_in("icb_board_member", "QZZ").get(reverse("home")).content.decode()
    assert "Getting worse: waits of more than four hours in A&amp;E" in page


def test_eleven_points_have_no_icon(signed_in):
    keep("ae_by_icb", *waits("QZZ", STEADY[:11]))
    client = signed_in("icb_board_member", "QZZ")
    said = matter(client.get(reverse("board")).content.decode(), "ae_over_4_hours")
    assert "Too few points for a control chart: 11 of the 12 needed" in said
    assert "Too few points to judge" in said
    assert "app-spc__icon" not in said


def test_a_change_of_years_ago_is_no_exception_today(signed_in):
    old = date(AS_OF.year - 3, 1, 1)
    keep("ae_by_icb", *waits("QZZ", [*STEADY, 60.0], until=old))
    client = signed_in("icb_board_member", "QZZ")
    page = client.get(reverse("board")).content.decode()
    said = matter(page, "ae_over_4_hours")
    assert "Not fit to judge" in said
    assert "Not fit for this decision, because A&amp;E attendances" in said
    assert page.index("Annex") < page.index("matter-ae_over_4_hours")


def test_its_page_has_the_place_and_england_and_its_definition(signed_in):
    keep("ae_by_icb", *waits("QZZ", STEADY), *waits("E54000008", [35.0] * 12))
    client = signed_in("place_lead", "P1")
    page = client.get(reverse("indicator", args=["ae_over_4_hours"])).content.decode()
    assert "in Eastmarsh Integrated Care Board: 25% in" in page
    assert "in England: 30% in" in page
    assert "The four-hour standard, 95 of 100 within four hours" in page
    assert "official series" in client.get(
        reverse("indicator-csv", args=["ae_over_4_hours", "places"])
    ).content.decode("utf-8-sig")
    listed = client.get(reverse("indicators")).content.decode()
    assert "Waits of more than four hours in A&amp;E" in listed


def test_a_trust_that_was_not_published_lately_is_missed(signed_in):
    """Beds of two trusts; the newest month has one of them, and looks like a fall."""
    for code in ("RZ8", "RZ9"):
        Org.objects.create(code=code, kind="trust", name=code)
        OrgLink.objects.create(child_id=code, parent_id="QZZ", kind="member")
    days = last_months(13)
    keep(
        "critical_general_acute_beds",
        *(
            (measure, code, "", day, value)
            for code, some in (("RZ8", days), ("RZ9", days[:-1]))
            for day in some
            for measure, value in (("beds_occupied", 90.0), ("beds_available", 100.0))
        ),
    )
    page = signed_in("icb_board_member", "QZZ").get(reverse("board")).content.decode()
    said = matter(page, "beds_occupied")
    assert "Not fit for this decision, because 1 of 2 submitted Hospital beds" in said


def test_practices_and_trusts_of_the_place_make_its_figure(signed_in):
    for code in ("RZ8", "RZ9"):
        Org.objects.create(code=code, kind="trust", name=code)
    OrgLink.objects.create(child_id="RZ8", parent_id="QZZ", kind="member")
    day = last_months(1)[0]
    keep(
        "critical_general_acute_beds",
        *(
            (measure, code, "", day, value)
            for code, full in (("RZ8", 90.0), ("RZ9", 10.0))
            for measure, value in (("beds_occupied", full), ("beds_available", 100.0))
        ),
    )
    keep(
        "gp_workforce",
        *(
            (measure, code, "", day, value)
            for code, size in (("Z81001", 9000.0), ("Z81008", 1000.0))
            for measure, value in (("patients", size), ("gps", 3.0))
        ),
    )
    client = signed_in("place_lead", "P1")
    beds = client.get(reverse("indicator", args=["beds_occupied"])).content.decode()
    assert "Beds occupied in RZ8: 90% in" in beds
    patients = client.get(reverse("indicator", args=["patients_per_gp"]))
    # Practice 8 is of the other place.
    assert (
        "Patients for each general practitioner in Northgate: 3,000"
        in patients.content.decode()
    )


def test_a_team_of_a_network_may_not_open_it(signed_in):
    client = signed_in("pcn_mdt_member", "U1")
    answer = client.get(reverse("indicator", args=["ae_over_4_hours"]))
    assert answer.status_code == 403


def test_one_file_is_one_more_indicator(signed_in, tmp_path, monkeypatch):
    keep("ae_by_icb", *(("attendances", "QZZ", "", d, 900.0) for d in last_months(12)))
    folder = tmp_path / "published_indicators"
    shutil.copytree(PUBLISHED.path, folder)
    text = (folder / "no_criteria_to_reside.yaml").read_text()
    text = text.replace("series: no_criteria_to_reside", "series: ae_by_icb")
    text = text.replace("measure: people", "measure: attendances")
    (folder / "attendances.yaml").write_text(text)
    monkeypatch.setattr(PUBLISHED, "path", folder)
    monkeypatch.setattr(PUBLISHED, "_loaded", None)
    client = signed_in("icb_board_member", "QZZ")
    page = client.get(reverse("indicator", args=["attendances"])).content.decode()
    assert "Eastmarsh Integrated Care Board: 900 in" in page
    assert "Ordinary variation: nothing has changed" in page
