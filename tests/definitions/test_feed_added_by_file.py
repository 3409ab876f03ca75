"""A further flow is one YAML and one sample, and no Python."""

from datetime import date
from pathlib import Path

import polars as pl

from governance.definitions import Folder
from linkage.definitions import prices
from linkage.feed_docs import feeds_page
from linkage.series_docs import series_page
from linkage.series_specs import SeriesSpec
from linkage.specs import FeedSpec
from linkage.steps.identify import identify
from linkage.steps.pseudonymise import pseudonymise
from linkage.steps.quality import quality
from linkage.steps.read import read
from linkage.steps.tidy_series import tidy_series
from linkage.steps.validate import validate

HEAD = """\
owner: Data manager
review_by: 2027-09-30
source: A test's own
why: Added without any Python.
"""
FEED = (
    HEAD
    + """\
title: Podiatry visits
number: 98
order: 60
tier: national
layout: Local, one row per visit
cadence: monthly
controller: The community trust
submitted_by: provider
files: ["podiatry_*.csv"]
key: [provider, visit]
columns:
  provider: {headers: [Provider, Trust Code], type: trust, required: true}
  visit: {headers: [Visit ID], required: true}
  nhs_number: {headers: [NHS No], type: nhs_number}
  born_on: {headers: [DOB], type: date}
  seen_on: {headers: [Visit Date], type: date, required: true}
  finding: {headers: [Finding], type: snomed}
events:
  - {kind: observation, system: snomed, code: finding, date: seen_on}
activities:
  - {setting: community, kind: contact, start: seen_on, end: seen_on,
     provider: provider, cost: {}}
"""
)
SAMPLE = """\
Trust Code,Visit ID,NHS No,DOB,Visit Date,Finding
RZ1,1,9990000018,1950-03-07,2026-02-03,44054006
RZ1,2,9990000026,1961-05-01,soon,
"""
SERIES = (
    HEAD
    + """\
title: Podiatry waits
licence: none
controller: Nobody
layout: One row per trust and month
cadence: monthly
files: ["podiatry_waits_*"]
area: {kind: trust, column: Trust}
period: {length: month, column: Month, formats: ["%B %Y"]}
measures:
  waiting: {header: Waiting, title: People who wait, unit: people, adds: stock}
"""
)


def test_a_feed_is_one_yaml(tmp_path: Path) -> None:
    folder = tmp_path / "feeds"
    folder.mkdir()
    (folder / "podiatry.yaml").write_text(FEED)
    spec = Folder(folder, FeedSpec)["podiatry"]
    path = tmp_path / "podiatry_202602.csv"
    path.write_text(SAMPLE)
    frame = pl.concat(read(path, spec))
    checked = validate(frame, spec, date(2026, 9, 30))
    assert checked.rejected["rule"].to_list() == ["not_a_date"]
    rows = identify(checked.accepted, spec).with_columns(
        person_no=pl.lit(1, dtype=pl.Int32)
    )
    areas = pl.DataFrame(schema={"postcode": pl.String, "lsoa_code": pl.String})
    facts = pseudonymise(rows, spec, prices(), areas).tables
    assert facts["event"]["code"].to_list() == ["44054006"]
    assert facts["activity"]["provider_code"].to_list() == ["RZ1"]
    counted = quality(frame, checked, checked.rejected, spec)
    assert counted.filter(field="")["valid"].to_list() == [1]
    assert "Podiatry visits" in feeds_page({"podiatry": spec})


def test_a_series_is_one_yaml(tmp_path: Path) -> None:
    (tmp_path / "podiatry_waits.yaml").write_text(SERIES)
    spec = Folder(tmp_path, SeriesSpec)["podiatry_waits"]
    frame = pl.DataFrame(
        {"Trust": ["RZ1"], "Month": ["April 2026"], "Waiting": ["12"]}
    ).with_columns(row_number=pl.lit(1, dtype=pl.Int64))
    found = tidy_series(frame, spec)
    assert found.values["value"].to_list() == [12.0]
    assert "Podiatry waits" in series_page({"podiatry_waits": spec})
