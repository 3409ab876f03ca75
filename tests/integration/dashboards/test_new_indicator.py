"""A new indicator is one YAML file: page, CSV and list of indicators follow from it."""

import csv
import io

import pytest
from django.urls import reverse
from pyroaring import BitMap

from dashboards.definitions import INDICATORS
from dashboards.specs import IndicatorSpec
from governance.definitions import load_file
from governance.disclosure import rounded

pytestmark = pytest.mark.django_db(databases=["default", "audit"])

NEW = """
title: Women aged 75 and over
why: A file that no code knows of.
owner: Whoever writes it
review_by: 2027-06-30
source: Written by a test
count: {feature: sex, any_of: [F]}
among:
  - {feature: age_years, at_least: 75}
among_words: People aged 75 or over
per: 100
period: at the data date
better: neither
by: [pcn]
lenses: [imd_fifth]
so_what: Nothing.
ask: Nothing.
caveat: None.
completeness: Age and sex are known for everyone
"""


@pytest.fixture
def new_indicator(tmp_path, monkeypatch):
    """The same folder of definitions with one file more."""
    path = tmp_path / "older_women.yaml"
    path.write_text(NEW, encoding="utf-8")
    spec = load_file(path, IndicatorSpec)
    assert "older_women" not in INDICATORS
    monkeypatch.setattr(
        INDICATORS, "_loaded", {**dict(INDICATORS), "older_women": spec}
    )
    return "older_women"


def test_one_file_makes_a_page_and_its_download(new_indicator, signed_in, system):
    client = signed_in("icb_board_member", "QZZ")
    assert (
        "Women aged 75 and over" in client.get(reverse("indicators")).content.decode()
    )
    page = client.get(reverse("indicator", args=[new_indicator]))
    assert page.status_code == 200
    assert "Women aged 75 and over" in page.content.decode()

    answer = client.get(reverse("indicator-csv", args=[new_indicator, "places"]))
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    older = system.between("age_years", 75) & system.bitmap("is_registered", "yes")
    women = system.bitmap("sex", "F")
    expected = {}
    for code in system.values("pcn_code"):
        people = BitMap(older & system.bitmap("pcn_code", code))
        expected[code] = (rounded(len(people & women)), rounded(len(people)))
    found = {
        row["pcn_code"]: (float(row["count"]), float(row["denominator"]))
        for row in rows
        if not row["hidden"]
    }
    assert found
    assert found.items() <= expected.items()
