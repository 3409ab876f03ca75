"""Every programme: names what exists, and each rule of it works on made-up people."""

import pytest

from dashboards.definitions import FILES, LISTS
from dashboards.list_specs import AllOf, Is, ListSpec, asked_by, flat, placeholders
from dashboards.steps.shortlist import shortlist
from linkage.feature_definitions import codelists
from risk.definitions import MODELS
from risk.selectors import ordering_model
from tests.definitions.test_indicators import CATALOGUE
from tests.made_up import (
    AS_OF,
    alternatives,
    candidate,
    is_met,
    meeting,
    missing,
    people,
)

RULES = [
    (name, part, n)
    for name, spec in LISTS.items()
    for part in ("but_not", "reasons", "known", "needs", "next_steps")
    for n, item in enumerate(getattr(spec, part))
    if item.when is not None
]
NAMES = {(name, part, n): f"{name}-{part}-{n}" for name, part, n in RULES}


def listed(spec, row):
    """What the step makes of one made-up person."""
    return shortlist(people(spec, CATALOGUE, [row]), None, spec, as_of=AS_OF)


def rules(part):
    chosen = [r for r in RULES if r[1] == part]
    return pytest.mark.parametrize(
        ("name", "n"), [(r[0], r[2]) for r in chosen], ids=[NAMES[r] for r in chosen]
    )


def met_by_a_candidate(spec, rule):
    """A candidate of whom one more thing is true, still meeting who the list is for."""
    base = candidate(spec, CATALOGUE)
    for way in (rule, *alternatives(spec.who)):
        row = meeting(rule, meeting(way, base))
        frame = people(spec, CATALOGUE, [row])
        if is_met(spec.who, frame) and is_met(rule, frame):
            return row
    # A rule may contradict the first way onto the list: take each other way.
    for part in spec.who.all_of:
        for way in alternatives(part):
            row = meeting(rule, meeting(way, meeting(rule, base)))
            frame = people(spec, CATALOGUE, [row])
            if is_met(spec.who, frame) and is_met(rule, frame):
                return row
    raise AssertionError(f"nobody on this list can meet {rule}")


def test_there_are_at_least_ten_programmes():
    assert len(LISTS) >= 10


@pytest.mark.parametrize("name", LISTS)
def test_a_programme_reads_attributes_that_exist(name):
    spec = LISTS[name]
    assert spec.attributes <= set(CATALOGUE)
    assert CATALOGUE[spec.order_by].kind == "number"
    for attribute in (*spec.outcomes, *filter(None, [r.changed for r in spec.reasons])):
        assert CATALOGUE[attribute].kind == "number", attribute
    assert set(spec.coding_check) <= set(CATALOGUE)
    for order in spec.other_orders:
        assert order.attributes <= set(CATALOGUE)
        assert CATALOGUE[order.by].kind == "number"


@pytest.mark.parametrize("name", LISTS)
def test_a_programme_asks_for_values_that_exist(name):
    spec = LISTS[name]
    given = [
        spec.who,
        *(getattr(spec, part)[n].when for p, part, n in RULES if p == name),
    ]
    for rule in (each for every in given for each in flat(every)):
        kind = CATALOGUE[rule.attribute].kind
        if isinstance(rule, Is):
            values = (
                ("yes", "no") if kind == "flag" else CATALOGUE[rule.attribute].values
            )
            assert set(rule.among) <= {*values, "none"}, rule
        else:
            wanted = "date" if "within" in rule.kind else "number"
            assert kind == wanted or rule.kind == "not_known", rule


@pytest.mark.parametrize("name", LISTS)
def test_a_programme_says_what_a_reviewer_and_the_public_need(name):
    spec = LISTS[name]
    for words in (spec.why, spec.lawful_basis, *vars(spec.in_plain_words).values()):
        assert len(words.split()) >= 7
    assert spec.owner
    assert spec.honours_opt_outs
    assert spec.outcomes
    assert {e.name for e in spec.but_not} >= {"not_registered", "in_hospital"}
    codes = codelists()
    for step in spec.next_steps:
        assert bool(step.code) == bool(step.code_list)
        if step.code_list:
            assert step.code in codes[step.code_list].codes


def test_other_models_than_the_first_order_lists_too():
    models = {ordering_model(spec.order_by) for spec in LISTS.values()} - {None}
    onset = {"onset_diabetes_type2", "onset_chronic_kidney_disease"}
    assert models >= {"emergency_admission", *onset}


@pytest.mark.parametrize("name", LISTS)
def test_no_models_figure_decides_who_is_on_a_list(name):
    """A model that is stopped then costs a list its order, and never its people."""
    figures = {f for m in MODELS.values() for f in (m.attribute, m.band_attribute)}
    spec = LISTS[name]
    rules = [r.when for r in (*spec.reasons, *spec.known, *spec.needs)]
    rules += [step.when for step in spec.next_steps if step.when]
    assert not (spec.decisive | asked_by(rules)) & figures
    # Whom the model was not made for would stand last, whatever their need.
    model = ordering_model(spec.order_by)
    if model is not None and model.startswith("onset"):
        youngest = [r for r in flat(spec.who) if r.attribute == "age_years"]
        assert youngest[0].at_least >= MODELS[model].ages.at_least


def test_lists_ordered_by_a_chance_can_be_ordered_by_what_could_be_done():
    offering = [name for name, spec in LISTS.items() if spec.other_orders]
    assert len(offering) >= 5
    for name in offering:
        assert LISTS[name].other_orders[0].by == "impact"
        # Another order is offered where its numbers are there, and asked of nobody.
        assert "impact" not in LISTS[name].attributes


def test_a_list_can_be_ordered_by_impactability_itself():
    """`order_by` takes any number of the catalogue; the card then says its words."""
    spec = LISTS["proactive_care"]
    shared = spec.other_orders[0]
    given = spec.model_dump() | {
        "order_by": "impact",
        "order_is": "number",
        "order_words": "what could be done: {impact} of 100",
        "other_orders": (),
    }
    own = ListSpec.model_validate(given)
    assert "impact" in own.attributes
    rows = [
        candidate(own, CATALOGUE) | {"person_no": n, "impact": value}
        for n, value in ((1, 40.0), (2, 90.0), (3, None))
    ]
    made = shortlist(people(own, CATALOGUE, rows), None, own, as_of=AS_OF).entries
    ranked = dict(made.select("rank", "person_no").iter_rows())
    assert ranked == {1: 2, 2: 1, 3: 3}
    assert made.sort("rank")["order_words"][0] == "what could be done: 90 of 100"
    assert made["probability"].null_count() == 3
    clash = spec.model_dump() | {"other_orders": (shared, shared)}
    with pytest.raises(ValueError, match="two orders of one name"):
        ListSpec.model_validate(clash)


@pytest.mark.parametrize("name", FILES)
def test_a_form_of_file_says_whose_the_numbers_are_and_repeats_no_header(name):
    headers = [column.header for column in FILES[name].columns]
    assert len(set(headers)) == len(headers)
    assert {c.holds for c in FILES[name].columns} & {"nhs_number", "reference"}


@pytest.mark.parametrize("name", LISTS)
def test_a_made_up_candidate_is_listed_and_why_is_said(name):
    spec = LISTS[name]
    made = listed(spec, candidate(spec, CATALOGUE))
    assert made.entries.height == 1
    assert made.left_out.is_empty()
    row = made.entries.row(0, named=True)
    assert row["reasons"]
    assert "{" not in "".join([*row["reasons"], row["order_words"]])
    assert row["next_step"] in {step.name for step in spec.next_steps}


@pytest.mark.parametrize(
    ("name", "n"),
    [(name, n) for name, spec in LISTS.items() for n in range(len(spec.who.all_of))],
)
def test_who_misses_one_part_of_who_is_not_listed(name, n):
    spec = LISTS[name]
    made = listed(spec, missing(spec.who.all_of[n], candidate(spec, CATALOGUE)))
    assert made.entries.is_empty()


@pytest.mark.parametrize(
    ("name", "n", "way"),
    [
        (name, n, way)
        for name, spec in LISTS.items()
        for n, part in enumerate(spec.who.all_of)
        for way in range(len(alternatives(part)))
        if len(alternatives(part)) > 1
    ],
)
def test_each_way_onto_a_list_leads_there_alone(name, n, way):
    spec = LISTS[name]
    part = spec.who.all_of[n]
    others = AllOf(all_of=tuple(p for p in spec.who.all_of if p is not part) or (part,))
    row = meeting(others, missing(part, candidate(spec, CATALOGUE)))
    row = meeting(alternatives(part)[way], row)
    assert listed(spec, row).entries.height == 1


@rules("but_not")
def test_each_exclusion_keeps_its_people_off_and_counts_them(name, n):
    spec = LISTS[name]
    rule = spec.but_not[n]
    row = met_by_a_candidate(spec, rule.when)
    # Of several exclusions the first that holds counts.
    for earlier in spec.but_not[:n]:
        row = missing(earlier.when, row)
    made = listed(spec, row)
    assert made.entries.is_empty()
    assert made.left_out["rule"].to_list() == [rule.name]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("opt_out", ["type1_opt_out", "national_opt_out"])
def test_an_opt_out_that_is_honoured_keeps_its_people_off(name, opt_out):
    spec = LISTS[name]
    made = listed(spec, candidate(spec, CATALOGUE) | {opt_out: True})
    assert made.entries.is_empty()
    assert made.left_out["rule"].to_list() == [opt_out]


def said(spec: ListSpec, part: str, n: int) -> tuple[list[str], list[str]]:
    """The sentences of someone whom a rule holds for, and the sentence's own parts."""
    item = getattr(spec, part)[n]
    row = met_by_a_candidate(spec, item.when)
    row = passed_over_by_none(spec, row)
    entry = listed(spec, row).entries.row(0, named=True)
    plain = item.text
    for name in placeholders(plain):
        plain = plain.replace("{" + name + "}", "\0")
    return entry[part], [piece for piece in plain.split("\0") if piece]


def passed_over_by_none(spec, row):
    for exclusion in spec.but_not:
        if is_met(exclusion.when, people(spec, CATALOGUE, [row])):
            row = missing(exclusion.when, row)
    return row


def stands(sentences, pieces):
    return any(all(piece in each for piece in pieces) for each in sentences)


@rules("reasons")
def test_each_reason_is_said_of_whom_it_is_true_of(name, n):
    sentences, pieces = said(LISTS[name], "reasons", n)
    assert stands(sentences, pieces)


@rules("reasons")
def test_a_reason_is_not_said_of_whom_it_is_not_true_of(name, n):
    spec = LISTS[name]
    rule = spec.reasons[n]
    row = missing(rule.when, candidate(spec, CATALOGUE))
    frame = people(spec, CATALOGUE, [row])
    assert not is_met(rule.when, frame)
    made = listed(spec, row).entries
    if made.height:  # otherwise the reason is what puts people on the list
        others = [r.text for r in spec.reasons if r.when != rule.when]
        assert rule.text not in others
        assert rule.text not in made["reasons"][0].to_list()


@rules("known")
def test_each_thing_known_is_said(name, n):
    sentences, pieces = said(LISTS[name], "known", n)
    assert stands(sentences, pieces)


@rules("needs")
def test_each_need_is_said(name, n):
    sentences, pieces = said(LISTS[name], "needs", n)
    assert stands(sentences, pieces)


@rules("next_steps")
def test_each_step_is_suggested_where_its_rule_is_the_first_that_holds(name, n):
    spec = LISTS[name]
    row = met_by_a_candidate(spec, spec.next_steps[n].when)
    for earlier in spec.next_steps[:n]:
        row = missing(earlier.when, row)
    row = passed_over_by_none(spec, row)
    assert listed(spec, row).entries["next_step"].to_list() == [spec.next_steps[n].name]


@pytest.mark.parametrize("name", LISTS)
def test_the_step_for_everyone_else_is_the_last(name):
    spec = LISTS[name]
    row = candidate(spec, CATALOGUE)
    for step in spec.next_steps[:-1]:
        row = missing(step.when, row)
    made = listed(spec, row).entries
    expected = {spec.next_steps[-1].name}
    # Where no one on the list can miss a step's rule, nobody is left for the last.
    assert set(made["next_step"].to_list()) <= expected
