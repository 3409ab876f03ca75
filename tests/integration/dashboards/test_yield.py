"""What a list yields by reason and practice, what people tell, and starts in steps."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from django.db import connections
from django.urls import reverse
from pyroaring import BitMap

from dashboards.actions import change, decide, tally_programmes, undo
from dashboards.actions.lists import _draw_lots
from dashboards.actions.stepped import compared_by_step
from dashboards.definitions import LISTS
from dashboards.list_specs import BALANCE
from dashboards.models import Allocation, Decision, ProgrammeTally
from dashboards.selectors import programme_yield as selectors
from governance import access
from linkage.vocabulary import ACTIVITY_KINDS, SETTINGS, URGENCIES
from risk.models import Treatment
from tests import live_system as system
from tests.live_pages import words
from tests.live_people import ANNA, BERT, CORA, PROGRAMME

pytestmark = pytest.mark.usefixtures("as_made")
PAGE = reverse("programme", args=[PROGRAMME])
SPEC = LISTS[PROGRAMME]
STEPPED = "rising_risk"


@pytest.fixture
def member(live):
    return live.viewer("pcn_mdt_member")


def take(viewer, someone, choice, reason):
    with access.scoped(viewer):
        return decide(
            programme=PROGRAMME,
            person_no=someone.person_no,
            choice=choice,
            reason=reason,
            by=viewer,
        )


def card(viewer, someone, kind, seen, **detail):
    with access.scoped(viewer):
        change(
            programme=PROGRAMME,
            person_no=someone.person_no,
            kind=kind,
            detail=detail,
            seen_version=seen,
            by=viewer,
        )


def counted():
    with system.acting_as("worker"):
        return tally_programmes()


def found(viewer):
    with access.scoped(viewer):
        return selectors.yield_of(viewer, PROGRAMME)


def line(made, start):
    """A line's cells by column, of the reason or practice that begins so."""
    at = next(each for each in made if each.title.startswith(start))
    return {c.at["what"]: c.count for c in at.cells} | {
        "decided": at.cells[0].denominator
    }


def test_a_decision_keeps_the_reasons_that_stood_on_the_card(member):
    decision = take(member, ANNA, "accept", "suitable")
    with access.scoped(member):
        because = Decision.objects.get(pk=decision.pk).because
    assert "Severe frailty, recorded {frailty_recorded_on}" in because
    assert "Recorded as living alone" in because
    assert set(because) <= {reason.text for reason in SPEC.reasons}


def test_an_acceptance_that_is_undone_marks_nobody_as_taken_on(live, member):
    """Else a model would learn that somebody nobody helped was safe."""
    with system.connect("migrator") as owner:
        owner.execute("TRUNCATE treatment")
    kept = take(member, BERT, "accept", "suitable")
    undone = take(member, ANNA, "accept", "suitable")
    with access.scoped(member):
        undo(decision_id=undone.pk, by=member)
        marked = list(Treatment.objects.values_list("person_no", flat=True))
    assert marked == [kept.person_no]
    theirs = live.viewer("their_mdt")
    with access.scoped(theirs):
        assert Treatment.objects.all().delete()[0] == 0


def test_the_team_sees_what_became_of_each_reason_and_practice(member):
    take(member, ANNA, "accept", "suitable")
    take(member, BERT, "already_known", next(iter(SPEC.choices.already_known)))
    take(member, CORA, "decline", "too_well")
    card(member, ANNA, "reported", 1, measure="wellbeing", value="3")
    card(member, ANNA, "reported", 2, measure="wellbeing", value="6")
    card(member, ANNA, "done", 3, on="2026-11-15")
    counted()
    made = found(member)
    assert line(made.by_reason, "Severe frailty") == {
        "decided": 1,
        "confirmed": 1,
        "accept": 1,
        "done": 1,
        "better": 1,
    }
    moderate = line(made.by_reason, "Moderate frailty")
    assert (moderate["decided"], moderate["confirmed"], moderate["accept"]) == (2, 1, 0)
    practices = {each.title: each for each in made.by_practice}
    assert len(practices) == len(member.practice_codes)
    assert system.audit_rows("list_yield_viewed")[-1]["user_id"] == member.user_id


def test_a_place_sees_no_small_yield(live, member):
    take(member, ANNA, "accept", "suitable")
    counted()
    made = found(live.viewer("place_lead"))
    cells = [c for each in (*made.by_reason, *made.by_practice) for c in each.cells]
    assert {c.count for c in cells} <= {0, None}
    assert any(c.is_hidden for c in cells)
    assert "What the list yields" in words(live.client("place_lead").get(PAGE))


SEES_ROWS = sorted(
    name
    for name, role in access.ACCESS.roles.items()
    if "programme" in role.pages and role.sees == "own_list"
)
OF_LANES = {"Emergency admissions: …": "admitted", "Severe frailty, recorded …": "gp"}


@pytest.mark.parametrize("role", [*SEES_ROWS, "place_lead"])
def test_a_reason_outside_a_teams_view_is_no_line(live, role):
    """Who sees figures of a whole place alone has no timeline, and sees each line."""
    with system.acting_as("worker"):
        tell("decided", range(1, 61))
    page = words(live.client(role).get(PAGE))
    timeline = access.ACCESS.roles[role].timeline
    for line_begins, lane in OF_LANES.items():
        is_told = role not in SEES_ROWS or lane in timeline
        assert (line_begins in page) == is_told
    is_cut = role in SEES_ROWS and not {*OF_LANES.values()} <= {*timeline}
    assert ("outside what your role may see" in page) >= is_cut


def tell(what, people, reason=0):
    ProgrammeTally.objects.create(
        programme=PROGRAMME,
        practice_code="Z81001",
        month=date(2026, 10, 1),
        measure=f"why:{reason}:{what}",
        persons=BitMap(people).serialize(),
    )


@pytest.mark.parametrize(
    ("decided", "accepted", "is_named"),
    [(60, 0, True), (15, 0, False), (60, 30, False), (200, 10, True)],
)
def test_a_rule_that_nobody_accepts_is_shown_to_its_owner(
    live, decided, accepted, is_named
):
    with system.acting_as("worker"):
        tell("decided", range(1, decided + 1))
        tell("accept", range(1, accepted + 1))
    page = words(live.client("place_lead").get(PAGE))
    assert ("Rules that teams turn down" in page) == is_named
    assert (f"For {SPEC.owner}" in page) == is_named
    lead = live.viewer("place_lead")
    with access.scoped(lead):
        assert selectors.unaccepted(lead) == ({PROGRAMME: 1} if is_named else {})


def test_what_people_tell_counts_when_they_were_asked_twice(live, member):
    card(member, ANNA, "reported", 0, measure="wellbeing", value="4")
    card(member, BERT, "reported", 0, measure="wellbeing", value="8")
    card(member, BERT, "reported", 1, measure="wellbeing", value="5")
    counted()
    with system.acting_as("worker"):
        rows = {
            row.measure: (set(BitMap.deserialize(bytes(row.persons))), row.amount)
            for row in ProgrammeTally.objects.filter(
                programme=PROGRAMME, measure__endswith="wellbeing"
            )
        }
    assert rows == {
        "first:wellbeing": ({BERT.person_no}, 8.0),
        "last:wellbeing": ({BERT.person_no}, 5.0),
    }
    page = words(live.client("place_lead").get(PAGE))
    assert "What people say of themselves" in page


def test_the_month_tells_who_was_invited_and_who_refused(live, member):
    take(member, ANNA, "accept", "suitable")
    card(member, ANNA, "invited", 1, how="letter", on="2026-11-03")
    card(member, ANNA, "refused", 2, on="2026-11-10")
    counted()
    with system.acting_as("worker"):
        measures = set(
            ProgrammeTally.objects.filter(programme=PROGRAMME).values_list(
                "measure", flat=True
            )
        )
    assert {"invited", "refused", "accept", "decided"} <= measures
    page = words(live.client("place_lead").get(PAGE))
    assert "First invitation sent" in page
    assert "Refused by the person" in page


@pytest.fixture
def stepped(live):
    """Twelve practices of thirty people; once started, each third has one use less."""
    spec = LISTS[STEPPED]
    comparison = spec.comparison
    practices = [f"Z9{n:04d}" for n in range(12)]
    steps = {code: n % comparison.steps for n, code in enumerate(practices)}
    rng = np.random.default_rng(4)
    lots, uses, number = [], [], 8_000_000
    for code in practices:
        starts = comparison.start_on + timedelta(
            days=steps[code] * comparison.days_a_step
        )
        for _ in range(30):
            number += 1
            lots.append(
                Allocation(
                    programme=STEPPED,
                    practice_code=code,
                    person_no=number,
                    arm=Allocation.Arm.STEP,
                    step=steps[code],
                    starts_on=starts,
                    drawn_on=comparison.start_on,
                    release_id=1,
                    traits={"age_years": 70.0, "condition_count": 3.0},
                )
            )
            for period in range(comparison.steps):
                begins = comparison.start_on + timedelta(
                    days=(period - 1) * comparison.days_a_step
                )
                many = rng.poisson(1.0 if begins >= starts else 2.0)
                for n in range(many):
                    uses.append((number, len(uses) + 9_000_000, begins, n))
    with system.acting_as("worker"):
        Allocation.objects.bulk_create(lots)
    with system.acting_as("loader"), connections["default"].cursor() as cursor:
        cursor.executemany(
            "INSERT INTO activity (person_no, record_key, subject_key, setting, kind,"
            " start_on, urgency, feed_no, run_id)"
            " VALUES (%s, %s, 1, %s, %s, %s, %s, 1, 1)",
            [
                (
                    person_no,
                    key,
                    SETTINGS["admitted"],
                    ACTIVITY_KINDS["spell"],
                    begins + timedelta(days=n % comparison.days_a_step),
                    URGENCIES["emergency"],
                )
                for person_no, key, begins, n in uses
            ],
        )
    yield [lot.person_no for lot in lots]
    with system.connect("migrator") as owner:
        owner.execute("TRUNCATE list_allocation, activity")


def compared(as_of):
    with system.acting_as("worker"):
        rows = compared_by_step(STEPPED, LISTS[STEPPED], as_of)
    return {row.measure: row for row in rows}


def test_a_start_in_steps_shows_its_balance_at_once_and_its_effect_at_the_end(stepped):
    spec = LISTS[STEPPED]
    ends = spec.comparison.start_on + timedelta(
        days=(spec.comparison.steps - 1) * spec.comparison.days_a_step
    )
    early = compared(ends - timedelta(days=1))
    assert early["comparison"].detail["effects"] == []
    assert not early["comparison"].detail["is_whole"]
    assert early["step:0"].detail["means"]["age_years"] == 70.0
    assert [early[f"step:{n}"].detail["practices"] for n in range(4)] == [3, 3, 3, 3]
    whole = compared(ends)["comparison"].detail
    effects = {row["measure"]: row for row in whole["effects"]}
    admissions = effects["emergency_admissions_12m"]
    # One fewer a person and period of 56 days.
    truth = -100 * 365.25 / spec.comparison.days_a_step
    assert admissions["lower"] <= truth <= admissions["upper"] < 0
    assert "cost_total_12m" not in effects


def test_the_page_of_a_start_in_steps_shows_it_to_who_may_see_it(live, stepped):
    rows = compared(date(2027, 6, 30)).values()
    with system.acting_as("worker"):
        ProgrammeTally.objects.bulk_create(rows)
    page = words(live.client("place_lead").get(reverse("programme", args=[STEPPED])))
    assert "How alike the steps were" in page
    assert "What the steps show" in page
    assert "Emergency admissions" in page


def test_who_opted_out_since_is_in_no_step(live, stepped):
    with system.connect("loader") as loader:
        loader.execute(
            "INSERT INTO person (person_no, sex, birth_month, practice_code,"
            " national_opt_out) VALUES (%s, 'F', '1950-01-01', 'Z90000', true)",
            [stepped[0]],
        )
    try:
        rows = compared(date(2026, 12, 1))
    finally:
        with system.connect("loader") as loader:
            loader.execute("DELETE FROM person WHERE person_no = %s", [stepped[0]])
    people = BitMap.deserialize(bytes(rows["comparison"].persons))
    assert stepped[0] not in people
    assert len(people) == len(stepped) - 1


def test_the_draw_keeps_who_was_listed_that_day(live):
    """The order of the practices and, in it, everybody on the list and their traits."""
    spec = LISTS[STEPPED]
    profile = pl.DataFrame(
        {
            "person_no": [1, 2, 3],
            "practice_code": ["Z81001", "Z81002", "Z81002"],
            **{name: [1.0, 2.0, 3.0] for name in BALANCE},
        },
        schema_overrides={"person_no": pl.Int32},
    )
    entries = profile.head(2).select("person_no", "practice_code")
    try:
        with system.acting_as("worker"):
            for _ in range(2):
                _draw_lots(STEPPED, spec, entries, profile, 1, spec.comparison.start_on)
            rows = list(
                Allocation.objects.filter(programme=STEPPED)
                .order_by("person_no")
                .values_list("practice_code", "person_no", "traits")
            )
    finally:
        with system.connect("migrator") as owner:
            owner.execute("TRUNCATE list_allocation")
    assert [row[:2] for row in rows if row[1]] == [("Z81001", 1), ("Z81002", 2)]
    assert rows[1][2] == dict.fromkeys(BALANCE, 2.0)
    assert sorted(row[0] for row in rows if row[1] is None) == ["Z81001", "Z81002"]
