"""`derive` against the plain-Python oracle, over many small invented histories."""

from datetime import timedelta
from math import isclose

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from linkage.feature_definitions import FEATURES, codelists
from linkage.feature_specs import Person
from linkage.vocabulary import ACTIVITY_KINDS, EVENT_KINDS, SETTINGS, SYSTEMS, URGENCIES
from tests.builders import AS_OF, derived, person
from tests.oracles.feature_oracle import Oracle

CODELISTS = codelists()
# Codes that several rules fight over, each with the system it is of.
CODES = [
    ("snomed", code)
    for code in (
        "13645005",  # COPD
        "941201000000103",  # COPD resolved
        "433144002",  # CKD stage 3
        "939211000000104",  # CKD resolved
        "1011481000000105",  # eGFR
        "60621009",  # body mass index
        "414916001",  # obesity
        "35489007",  # depression
        "196381000000100",  # depression resolved
        "44054006",  # type 2 diabetes
        "315051004",  # diabetes resolved
        "1049301000000100",  # HbA1c
        "925831000000107",  # moderate frailty
        "925861000000102",  # severe frailty
        "77176002",  # smoker
        "8517006",  # ex-smoker
        "105529008",  # lives alone
        "160734000",  # lives in a nursing home
        "160689007",  # housebound
        "160681005",  # mobile outside
        "314530002",  # medication review
        "823581000000101",  # care plan
        "27113001",  # body weight
        "394700004",  # asthma review
        "195967001",  # asthma
        "32911000",  # homeless
        "266948004",  # justice contact
        "1234567890",  # on no list
    )
] + [
    ("icd10", "J449"),
    ("icd10", "N184"),
    ("icd10", "N179"),
    ("icd10", "R54X"),
    ("icd10", "F009"),
    ("icd10", "N183"),
    ("icd10", "F329"),
    ("icd10", "E119"),
    ("bnf", "0212000B0AAAAAA"),
    ("bnf", "0212000B0BBAAAA"),
    ("bnf", "0402010ADAAAAAA"),
    ("bnf", "20030000000"),
    ("bnf", "0301011R0AAAPAP"),
    ("bnf", "0205051R0AAADAD"),
    ("bnf", "0403010B0AAAGAG"),
    ("icd10", "Z590"),
]
# Few different days, the edges of windows among them, so that days often meet.
EDGES = [0, 1, 89, 90, 91, 183, 364, 365, 366, 729, 730, 731, 1095, 1096, 7000, 9000]
DAYS = st.one_of(
    st.sampled_from(EDGES), st.sampled_from(EDGES), st.integers(-40, 2000)
).map(lambda back: AS_OF - timedelta(days=back))
# The uses of services that features count, and one that none does.
USES = [
    ("gp", "appointment", "Attended", None),
    ("gp", "appointment", "DNA", None),
    ("outpatient", "attendance", "5", None),
    ("emergency", "attendance", None, "emergency"),
    ("admitted", "spell", "1", "emergency"),
    ("admitted", "spell", "1", "elective"),
    ("admitted", "spell", "1", "maternity"),
    ("mental_health", "ward_stay", None, None),
    ("community", "referral", None, None),
    ("community", "contact", "3", None),
    ("social_care", "service", None, None),
    ("social_care", "request", None, None),
    ("prescribing", "prescription", None, None),
]


@st.composite
def event_rows(draw):
    system, code = draw(st.sampled_from(CODES))
    on_date = draw(DAYS)
    return {
        "person_no": 1,
        "record_key": draw(st.integers(1, 2**60)),
        "on_date": on_date,
        "recorded_on": draw(
            st.one_of(
                st.none(),
                st.just(on_date),
                st.integers(0, 60).map(lambda late: on_date + timedelta(days=late)),
            )
        ),
        "kind": draw(
            st.sampled_from(
                [EVENT_KINDS["observation"], EVENT_KINDS["diagnosis"]]
                if system == "snomed"
                else [EVENT_KINDS["diagnosis" if system == "icd10" else "prescription"]]
            )
        ),
        "system": SYSTEMS[system],
        "code": code,
        "value": draw(
            st.one_of(st.none(), st.sampled_from([7.5, 29.5, 30.0, 48.0, 60.0, 999.0]))
        ),
        "unit": draw(st.sampled_from([None, "%", " % ", "kg/m2", "mmol/mol"])),
    }


@st.composite
def activity_rows(draw):
    start = draw(DAYS)
    setting, kind, outcome, urgency = draw(st.sampled_from(USES))
    length = draw(st.sampled_from([0, 0, 1, 30, 366, 800]))
    end = start + timedelta(days=length)
    return {
        "person_no": 1,
        "record_key": draw(st.integers(1, 2**60)),
        "setting": SETTINGS[setting],
        "kind": ACTIVITY_KINDS[kind],
        "start_on": start,
        "end_on": draw(st.sampled_from([end, None])),
        "recorded_on": draw(st.sampled_from([None, start, end])),
        "urgency": URGENCIES[urgency] if urgency else None,
        "provider_code": None,
        "specialty": draw(
            st.sampled_from(
                [
                    None,
                    "Long term support: Nursing care",
                    "Short term support: ST-Max",
                    "320",
                    "430",
                ]
            )
        ),
        "outcome": outcome,
        "reason_code": draw(
            st.sampled_from([None, "Home Visit", "Video", "R296", "J441", "K703"])
        ),
        "seen_by": draw(st.sampled_from([None, "A", "A", "B"])),
        "cost_gbp": draw(st.sampled_from([None, 42.0, 1000.0])),
    }


def same(found, wanted):
    if isinstance(wanted, float) and found is not None:
        return isclose(found, wanted, rel_tol=1e-5, abs_tol=1e-6)
    return found == wanted


HISTORIES = st.lists(
    st.tuples(
        st.lists(event_rows(), max_size=25),
        st.lists(activity_rows(), max_size=12),
        st.sampled_from([10, 16, 17, 18, 49, 50, 70]),
    ),
    min_size=1,
    max_size=6,
)


def check_against_oracle(found, events, activity, age_years):
    oracle = Oracle(events, activity, age_years, CODELISTS, AS_OF)
    later = []
    for name, spec in FEATURES.items():
        if isinstance(spec.rule, Person):
            oracle.made[name] = found[name]
        elif spec.built_on:
            later.append(name)
        else:
            for column, value in oracle.values(name, spec).items():
                assert same(found[column], value), (column, found[column], value)
    while later:
        name = later.pop(0)
        if any(needed not in oracle.made for needed in FEATURES[name].built_on):
            later.append(name)
            continue
        for column, value in oracle.values(name, FEATURES[name]).items():
            assert same(found[column], value), (column, found[column], value)


@settings(deadline=None, max_examples=30)
@given(histories=HISTORIES)
def test_derive_agrees_with_the_plain_oracle(histories):
    numbered = list(enumerate(histories, start=1))
    month = AS_OF.replace(day=1)
    frame = derived(
        [e | {"person_no": n} for n, (events, _, _) in numbered for e in events],
        [a | {"person_no": n} for n, (_, activity, _) in numbered for a in activity],
        person_rows=[
            person(n, birth_month=month.replace(year=AS_OF.year - age))
            for n, (_, _, age) in numbered
        ],
    )
    for n, (events, activity, age) in numbered:
        found = frame.row(by_predicate=pl.col("person_no") == n, named=True)
        check_against_oracle(found, events, activity, age)


@settings(deadline=None, max_examples=20)
@given(
    events=st.lists(event_rows(), max_size=15),
    activity=st.lists(activity_rows(), max_size=8),
    later_events=st.lists(event_rows(), max_size=10),
    later_activity=st.lists(activity_rows(), max_size=6),
)
def test_nothing_that_became_known_later_matters(
    events, activity, later_events, later_activity
):
    """Rows recorded after the date, whatever they are dated, change no column."""
    late = AS_OF + timedelta(days=1)
    later_events = [e | {"recorded_on": late} for e in later_events]
    later_activity = [a | {"recorded_on": late} for a in later_activity]
    before = derived(events, activity)
    after = derived([*events, *later_events], [*activity, *later_activity])
    assert before.equals(after)


@settings(deadline=None, max_examples=12)
@given(
    events=st.lists(event_rows(), max_size=15),
    activity=st.lists(activity_rows(), max_size=8),
    random=st.randoms(use_true_random=False),
)
def test_the_order_of_rows_does_not_matter(events, activity, random):
    before = derived(events, activity)
    random.shuffle(events)
    random.shuffle(activity)
    # Sums of pounds may differ in the last digit.
    assert_frame_equal(before, derived(events, activity))
