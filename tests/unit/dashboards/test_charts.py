"""A figure's drawing, table and CSV: the same values, nothing hidden let through."""

import csv
import io
import json
from types import SimpleNamespace

import pytest
from pyroaring import BitMap

from dashboards.charts import (
    ChartSpec,
    Dimension,
    Evidence,
    as_csv,
    as_table,
    describe,
    draw,
)
from dashboards.charts.drawing import round_step
from dashboards.charts.funnel import funnel_limits, interval_around, is_exception
from governance.disclosure import Cell, Measure, official, protect

VIEWER = SimpleNamespace(user_id=7, role="place_lead", purpose="planning")
EVIDENCE = Evidence("to 1 March 2026", "everyone", "98%", "95% intervals", "GP data")
FIFTHS = Dimension("fifth", "Deprivation", {"1": "Most deprived", "2": "Second"})
PLACES = Dimension("place", "Place", {"P": "Northgate", "ICB": "Whole ICS"})
SEXES = Dimension("sex", "Sex", {"M": "Men", "F": "Women"})
SHARE = Measure("Admitted in an emergency", per=100, better="lower")


def people(count):
    return BitMap(range(count))


def share_cells(*sizes, **more):
    """Cells of (population, having) by deprivation fifth at one place."""
    return [
        Cell({"fifth": str(n + 1)} | more, people(of), people(having))
        for n, (of, having) in enumerate(sizes)
    ]


def figure(kind="bars", cells=None, **fields):
    cells = cells or share_cells((1000, 203), (800, 4))
    published = protect(cells, measure=SHARE, viewer=VIEWER)
    given = {
        "key": "example",
        "kind": kind,
        "title": "More people are admitted where deprivation is deepest",
        "published": published,
        "category": FIFTHS,
        "period": "12 months to 1 March 2026",
        "evidence": EVIDENCE,
    }
    return ChartSpec(**given | fields)


def test_a_figure_takes_published_values_only():
    with pytest.raises(TypeError, match="Published"):
        figure(published=[{"count": 3}])


def test_table_rounds_hides_and_gives_denominators():
    table = as_table(figure())
    shown = ("Most deprived", "205", "1,000", "20.5%", "18.1% to 23.1%")
    assert table.rows[0] == shown
    hidden = "fewer than 8 people, hidden"
    assert table.rows[1] == ("Second", hidden, "800", "hidden", "hidden")
    assert [column.is_number for column in table.columns] == [False] + [True] * 4
    assert any("rounded" in note for note in table.notes)


def test_no_output_gives_a_hidden_count_away():
    spec = figure(cells=share_cells((1000, 200), (800, 6)))
    drawn = json.dumps(draw(spec))
    rows = list(csv.DictReader(io.StringIO(as_csv(spec))))
    assert rows[1]["count"] == rows[1]["rate"] == rows[1]["lower_95"] == ""
    assert rows[1]["hidden"] == "fewer than 8 people"
    assert draw(spec)["data"][0]["x"] == [20.0, None]
    assert "0.75" not in drawn, "6 of 800 as a rate"
    assert "1 of 2 values are hidden" in describe(spec)


def test_hidden_is_marked_where_the_bar_would_start():
    marks = draw(figure())["layout"]["annotations"]
    assert [(mark["y"], mark["text"]) for mark in marks] == [("Second", "hidden")]


@pytest.mark.parametrize(("kind", "axis"), [("bars", "yaxis"), ("trend", "xaxis")])
def test_names_keep_their_order_where_the_first_is_hidden(kind, axis):
    drawn = draw(figure(kind, share_cells((800, 4), (1000, 203))))
    assert drawn["layout"][axis]["categoryarray"] == ["Most deprived", "Second"]
    assert drawn["layout"][axis]["categoryorder"] == "array"


def test_csv_and_table_hold_the_same_figures():
    spec = figure()
    row = next(csv.DictReader(io.StringIO(as_csv(spec))))
    assert (row["fifth"], row["fifth_code"]) == ("Most deprived", "1")
    assert (row["count"], row["denominator"], row["rate"]) == (
        "205.0",
        "1000.0",
        "20.5",
    )
    assert row["period"] == "12 months to 1 March 2026"
    assert row["disclosure"] == "protected aggregate"


def test_csv_disarms_words_that_a_spreadsheet_would_run():
    place = Dimension("fifth", "Deprivation", {"1": '=HYPERLINK("x")', "2": "+1"})
    rows = list(csv.DictReader(io.StringIO(as_csv(figure(category=place)))))
    assert [row["fifth"] for row in rows] == ['\'=HYPERLINK("x")', "'+1"]


def test_the_comparator_is_told_apart_by_shape_as_well_as_colour():
    cells = share_cells((1000, 200), (800, 90), place="P")
    cells += share_cells((9000, 1500), (8000, 800), place="ICB")
    first, second = draw(figure(cells=cells, series=PLACES))["data"]
    assert (first["type"], second["type"]) == ("bar", "scatter")
    assert second["marker"]["symbol"] == "diamond"
    assert [first["name"], second["name"]] == ["Northgate", "Whole ICS"]


def test_pyramid_puts_one_sex_left_and_outlines_the_comparator():
    cells = []
    for place, size in (("P", 1000), ("ICB", 9000)):
        for sex, count in (("M", 400), ("F", 600)):
            for fifth in FIFTHS.labels:
                at = {"fifth": fifth, "sex": sex, "place": place}
                cells.append(Cell(at, people(size), people(count // 2)))
    spec = figure("pyramid", cells, series=PLACES, split=SEXES)
    drawing = draw(spec)
    bars = [trace for trace in drawing["data"] if trace["type"] == "bar"]
    lines = [trace for trace in drawing["data"] if trace["type"] == "scatter"]
    assert [bar["x"][0] for bar in bars] == [-20.0, 30.0]
    assert len(lines) == 2
    assert "-" not in "".join(drawing["layout"]["xaxis"]["ticktext"])


@pytest.mark.parametrize(
    ("largest", "step"), [(3.0, 1.0), (4.6, 2.0), (12.0, 5.0), (0.09, 0.05), (900, 500)]
)
def test_ticks_are_round(largest, step):
    assert round_step(largest) == pytest.approx(step)


def test_a_pyramid_without_two_sexes_is_refused():
    with pytest.raises(ValueError, match="split of two"):
        draw(figure("pyramid"))


def test_a_hundred_people_are_divided_by_category():
    cells = share_cells((1000, 700), (1000, 300), place="P")
    spec = figure("hundred", cells, series=PLACES)
    with pytest.raises(StopIteration):
        draw(spec)  # the comparator's cells are missing: better loud than wrong
    cells += share_cells((9000, 5400), (9000, 3600), place="ICB")
    traces = draw(figure("hundred", cells, series=PLACES))["data"]
    assert [trace["x"] for trace in traces] == [[70.0, 60.0], [30.0, 40.0]]


def test_funnel_limits_narrow_with_size_and_hold_the_target():
    limits = list(funnel_limits(20.0, [500.0, 5000.0], SHARE))
    lower, upper = limits[0], limits[1]
    assert lower.values[-1] > lower.values[0]
    assert upper.values[-1] < upper.values[0]
    assert lower.values[-1] < 20.0 < upper.values[-1]
    wide, narrow = limits[3], limits[1]
    assert all(w > n for w, n in zip(wide.values, narrow.values, strict=True))


def test_funnel_limits_of_events_are_byars():
    admissions = Measure("Emergency admissions", unit="admissions", per=1000)
    low, high = interval_around(100.0, 1000.0, admissions, 0.95)
    assert (round(low, 1), round(high, 1)) == (81.4, 121.6)  # Byar, 100 events


@pytest.mark.parametrize(
    ("having", "expected"), [(300, "higher"), (200, None), (110, "lower")]
)
def test_only_what_chance_hardly_explains_is_an_exception(having, expected):
    cell = protect(share_cells((1000, having)), measure=SHARE, viewer=VIEWER).cells[0]
    assert is_exception(cell, 20.0, SHARE) == expected


def test_a_hidden_cell_is_never_an_exception():
    cell = protect(share_cells((1000, 3)), measure=SHARE, viewer=VIEWER).cells[0]
    assert is_exception(cell, 20.0, SHARE) is None


def test_map_draws_one_trace_per_class_and_leaves_hidden_areas_blank():
    areas = {f"E{n}": f"Area {n}" for n in range(9)}
    cells = [
        Cell({"area": code}, people(100), people(5 if n == 0 else 10 * n))
        for n, code in enumerate(areas)
    ]
    ring = [[0.0, 51.0], [0.1, 51.0], [0.1, 51.1]]
    spec = figure(
        "map",
        cells,
        category=Dimension("area", "Area", areas),
        outlines={code: [ring] for code in areas},
    )
    traces = draw(spec)["data"]
    assert [trace["name"] for trace in traces][-1] == "hidden or no people"
    assert sum(trace["x"].count(None) for trace in traces) == 9, "each area once"
    assert len(traces) == 5


def test_official_counts_need_no_rate():
    beds = Measure("Beds open", unit="beds")
    rows = [({"fifth": "1"}, 12.0), ({"fifth": "2"}, 1203.0)]
    published = official(rows, measure=beds, viewer=VIEWER)
    spec = figure("trend", published=published, value="count")
    assert draw(spec)["data"][0]["y"] == [12.0, 1203.0]
    assert as_table(spec).rows[1] == ("Second", "1,203")
    with pytest.raises(ValueError, match="no rate"):
        figure("trend", published=published)


def test_the_reading_says_which_way_is_better():
    assert figure().reading.endswith("lower is better")


def test_an_upset_plot_marks_the_sets_of_each_combination():
    parts = Dimension("part", "Together", {"a": "A only", "a+b": "A and B"})
    cells = [
        Cell({"part": "a"}, people(1000), people(203)),
        Cell({"part": "a+b"}, people(1000), people(4)),
    ]
    sets = {"A": ["a", "a+b"], "B": ["a+b"]}
    spec = figure("upset", cells, category=parts, sets=sets)
    drawn = draw(spec)
    bars, *dots = drawn["data"]
    assert bars["y"] == [20.5, None]
    filled = [trace["y"] for trace in dots if trace["marker"]["symbol"] == "circle"]
    assert filled == [["A"], ["A", "B"]]
    assert drawn["layout"]["yaxis2"]["categoryarray"] == ["B", "A"]
    assert [mark["text"] for mark in drawn["layout"]["annotations"]] == ["hidden"]
    assert as_table(spec).rows[1][0] == "A and B"
