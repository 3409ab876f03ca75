"""The pages of published series: charts, England beside them, codes that changed."""

from datetime import date

import pytest
from django.urls import reverse

from dashboards.definitions import RECONCILIATIONS
from dashboards.selectors import series as selectors
from governance.models import Org, OrgLink
from linkage.models import FeedRun, SeriesValue

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
        first_on=min(row[3] for row in rows),
        last_on=max(row[3] for row in rows),
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
            received_on=date(2025, 6, 1),
            run=run,
        )
        for measure, area, breakdown, day, value in rows
    )


def months(area: str, first: int, last: int, value: float) -> list[tuple]:
    return [
        (measure, area, "", date(2023, month, 1), size)
        for month in range(first, last + 1)
        for measure, size in (("attendances", 100.0), ("over_4_hours", value))
    ]


def test_a_series_across_a_changed_code_is_one(signed_in):
    """Sussex's own change of code, from the table of published changes."""
    rows = months("E54000053", 1, 6, 20.0) + months("E54000064", 7, 12, 24.0)
    keep("ae_by_icb", *rows, *months("E54000008", 1, 12, 60.0))
    client = signed_in("system_analyst", "QZZ")
    page = client.get(
        reverse("series", args=["ae_by_icb"], query={"area": "E54000064"})
    ).content.decode()
    assert "published under E54000053" in page
    assert "24.0%" in page.replace("24%", "24.0%")
    link = reverse(
        "series-csv",
        args=["ae_by_icb", "ae_by_icb-e54000064"],
        query={"area": "E54000064"},
    )
    text = client.get(link).content.decode("utf-8-sig")
    assert len(text.splitlines()) == 13
    assert "official series" in text
    # England is the sum of places, not the mean of their rates.
    assert "Attendances of more than 4 hours in England: 42% in Dec 2023" in page


def test_a_merger_of_this_systems_own_codes_adds_up(signed_in, system):
    for code in ("RZ8", "RZ9"):
        Org.objects.create(code=code, kind="trust", name=code)
        if code == "RZ8":
            continue
        OrgLink.objects.create(
            child_id="RZ9", parent_id="RZ8", kind="successor", start_on=date(2023, 4, 1)
        )
    keep(
        "rtt_by_trust",
        *(
            ("over_18_weeks", code, "Total", date(2023, month, 1), 10.0)
            for code, span in (("RZ8", range(1, 7)), ("RZ9", range(1, 4)))
            for month in span
        ),
    )
    client = signed_in("system_analyst", "QZZ")
    question = selectors.asked(
        "rtt_by_trust", {"measure": "over_18_weeks", "area": "RZ8"}, _viewer(client)
    )
    assert question.codes() == ["RZ8", "RZ9"]
    assert selectors.areas("rtt_by_trust") == {"RZ8": "RZ8"}


def _viewer(client):
    return client.get(reverse("home")).wsgi_request.viewer


def test_one_period_is_shown_as_bars(signed_in):
    day = date(2020, 4, 1)
    keep(
        "qof_prevalence",
        *(
            row
            for area, size in (("Z81001", 10.0), ("Z99999", 30.0))
            for row in (
                ("register", area, "AF · TOTAL", day, size),
                ("list_size", area, "AF · TOTAL", day, 1000.0),
            )
        ),
    )
    client = signed_in("place_lead", "P1")
    page = client.get(reverse("series", args=["qof_prevalence"])).content.decode()
    assert "Prevalence in Practice 1, 2020" in page
    assert "England" in page


def test_the_list_says_what_is_loaded(signed_in):
    keep("rtt_england", ("pathways", "E92000001", "Total", date(2023, 1, 1), 7.0))
    client = signed_in("place_lead", "P1")
    page = client.get(reverse("series-list")).content.decode()
    assert "1 of " in page
    assert reverse("series", args=["rtt_england"]) in page
    assert client.get("/series/nothing/").status_code == 404
    assert client.get("/series/rtt_england/figures/x.csv").status_code == 404
    assert client.get("/series/ae_by_icb/?area=%3Cb%3E").status_code == 200


def test_own_registers_stand_beside_the_published_ones(signed_in, monkeypatch):
    spec = RECONCILIATIONS["qof"]
    (diabetes,) = [r for r in spec.registers if r.attribute == "has_diabetes"]
    type2 = diabetes.model_copy(update={"attribute": "has_diabetes_type2"})
    spec = spec.model_copy(update={"registers": (type2,)})
    monkeypatch.setitem(RECONCILIATIONS._read(), "qof", spec)
    day = date(2020, 4, 1)
    keep(
        "qof_prevalence",
        *(
            row
            for practice in ("Z81001", "Z81002")
            for row in (
                ("register", practice, "DM · 17OV", day, 70.0),
                ("list_size", practice, "DM · 17OV", day, 1000.0),
            )
        ),
    )
    client = signed_in("place_lead", "P1")
    page = client.get(
        reverse(
            "reconciliation", args=["qof"], query={"register": "has_diabetes_type2"}
        )
    ).content.decode()
    assert "2 practices that were published" in page
    assert "140 of 2,000" in page
    assert "Practice 2" in page
    assert "Practice 3" not in page.split("practices-caption")[1]


def test_fictional_practices_have_nothing_to_compare_with(signed_in):
    client = signed_in("place_lead", "P1")
    page = client.get(reverse("reconciliation", args=["qof"])).content.decode()
    assert "Nothing to compare with" in page
    assert client.get("/series/reconciled/nothing/").status_code == 404
