"""The clinical feeds: layouts, keys, dates, codes, and what they must not give away."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from synthetic.clinical_feeds.context import Registrations
from synthetic.clinical_feeds.delivery import financial_year
from synthetic.clinical_feeds.gp_care import FRAILTY_CODES
from synthetic.clinical_feeds.gp_codes import diagnoses
from synthetic.clinical_feeds.gp_medication import medicines
from synthetic.clinical_feeds.hospital_spells import births_of, procedures
from synthetic.identity import source_records
from synthetic.lives import EVERY
from synthetic.lives.spells import reasons

AS_OF = date(2026, 9, 30)
DIHEDRAL = np.array(
    [
        [(i + j) % 5 + (5 if (i >= 5) != (j >= 5) else 0) for j in range(10)]
        for i in range(10)
    ]
)


def gp(out, feed):
    return pl.read_parquet(sorted((out / "landing").glob(f"{feed}_*.parquet")))


def csv(out, pattern):
    paths = sorted((out / "landing").glob(pattern))
    assert paths, pattern
    return pl.concat(
        [pl.read_csv(path, infer_schema=False) for path in paths], how="diagonal"
    )


def valid_sctid(code: str) -> bool:
    """Verhoeff check of a SNOMED CT identifier, by permutation of the positions."""
    start = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    check = 0
    for place, digit in enumerate(reversed(code)):
        value = int(digit)
        for _ in range(place % 8):
            value = start[value]
        check = _times(check, value)
    return check == 0


def _times(a: int, b: int) -> int:
    """Multiply in the dihedral group of the pentagon."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
    return 5 + (a - b) % 5 if b < 5 else (a - b) % 5


def test_every_snomed_code_written_is_well_formed(clinical):
    codes = set(gp(clinical, "gp_observation")["snomed_concept_id"].unique())
    wrong = {code for code in codes if not code.isdigit() or not valid_sctid(code)}
    assert wrong  # unknown codes are among the faults
    assert wrong <= {"999999999", "1234567890", "EMISNQ123", "^ESCT1190330"}


@pytest.mark.parametrize("kind", ["usual", "unusual", "misleading", "resolved"])
def test_diagnosis_codes_belong_to_one_kind(kind):
    mine = set(diagnoses(kind)["code"])
    for other in {"usual", "unusual", "misleading", "resolved"} - {kind}:
        assert not mine & set(diagnoses(other)["code"])
    assert all(valid_sctid(code) for code in mine)


def test_every_condition_can_be_coded():
    named = set(diagnoses("usual")["condition"])
    assert named == {*EVERY, "palliative_care"}


def test_code_tables_are_well_formed():
    assert medicines()["bnf_code"].str.len_chars().eq(15).all()
    assert reasons()["icd10"].str.contains(r"^[A-Z]\d\d[0-9X]$").all()
    assert procedures()["icd10"].str.contains(r"^[A-Z]\d\d[0-9X]$").all()
    assert procedures()["opcs4"].str.contains(r"^[A-Z]\d{3}$").all()
    for table in (reasons(), procedures(), medicines()):
        named = {k for keys in table["conditions"] for k in keys.split("|") if k}
        assert named <= set(EVERY)


@pytest.mark.parametrize(
    ("feed", "key"),
    [
        ("gp_observation", "observation_id"),
        ("gp_medication", "issue_record_id"),
        ("gp_appointment", "slot_id"),
    ],
)
def test_gp_rows_repeat_only_as_a_whole(clinical, feed, key):
    frame = gp(clinical, feed)
    assert 0 < frame.height - frame[key].n_unique() < 0.01 * frame.height
    assert frame.unique().height == frame[key].n_unique()


def test_gp_rows_are_of_registrations(clinical, people):
    known = people.registrations.select(
        "patient_id", organisation="practice_code"
    ).unique()
    for feed in ("gp_observation", "gp_medication", "gp_appointment"):
        frame = gp(clinical, feed)
        assert frame.join(
            known, on=["patient_id", "organisation"], how="anti"
        ).is_empty()


def test_nothing_is_recorded_after_as_of_but_some_dates_are_impossible(clinical):
    frame = gp(clinical, "gp_observation")
    assert frame["model_updated_datetime"].max() <= AS_OF
    ahead = (frame["effective_datetime"] > AS_OF).mean()
    assert 0 < ahead < 0.001
    wait = (
        frame["model_updated_datetime"] - frame["effective_datetime"]
    ).dt.total_days()
    assert 0.01 < (wait.is_between(14, 300)).mean() < 0.03  # late rows


def test_registrations_agree_with_a_slow_look_up(people):
    """The fast look-up against a walk through each person's registrations."""
    rng = np.random.default_rng(5)
    person = np.sort(rng.integers(0, people.persons.height, 2000)).astype(np.int32)
    day = rng.integers(17_000, 20_700, 2000).astype(np.int32)
    fast = Registrations(people)
    at = fast.at(person, day)
    theirs: dict[int, list[tuple[int, str]]] = {}
    for who, patient_id, start in (
        people.registrations.sort("person", "start_on")
        .select("person", "patient_id", pl.col("start_on").cast(pl.Int32))
        .iter_rows()
    ):
        theirs.setdefault(who, []).append((start, patient_id))
    for who, on, found in zip(person.tolist(), day.tolist(), at.tolist(), strict=True):
        known = theirs.get(who, [])
        begun = [patient_id for start, patient_id in known if start <= on]
        expected = begun[-1] if begun else (known[0][1] if known else None)
        assert (fast.patient_id[found] if found >= 0 else None) == expected


def test_truth_says_what_the_journal_holds(clinical, people):
    truth = pl.read_parquet(clinical / "truth/conditions.parquet")
    share = truth["coded"].mean()
    assert 0.93 < share < 0.995
    journal = gp(clinical, "gp_observation").join(
        people.registrations.select("person", "patient_id"), on="patient_id"
    )
    of = truth.filter("coded", pl.col("condition") == "dementia")
    codes = [
        *diagnoses("usual").filter(pl.col("condition") == "dementia")["code"],
        *diagnoses("unusual").filter(pl.col("condition") == "dementia")["code"],
    ]
    first = (
        journal.filter(pl.col("snomed_concept_id").is_in(codes))
        .group_by("person")
        .agg(pl.col("effective_datetime").min())
    )
    both = of.join(first, on="person", how="left")
    assert both["effective_datetime"].null_count() <= 0.02 * both.height
    same = both["effective_datetime"] == both["first_coded_on"]
    assert same.mean() > 0.95


def test_some_practices_hardly_code_smoking_or_frailty(clinical):
    journal = gp(clinical, "gp_observation")
    patients = journal.group_by("organisation").agg(pl.col("patient_id").n_unique())
    for codes in (["266919005", "8517006", "77176002"], [*FRAILTY_CODES]):
        coded = (
            journal.filter(pl.col("snomed_concept_id").is_in(codes))
            .group_by("organisation")
            .len()
        )
        rate = (
            patients.join(coded, on="organisation", how="left")
            .with_columns(rate=pl.col("len").fill_null(0) / pl.col("patient_id"))
            .sort("rate")["rate"]
        )
        assert rate[0] < 0.4 * rate.median()


def test_episodes_make_up_spells(clinical):
    rows = csv(clinical, "sus_apc_*.csv").unique()
    assert rows["EPIKEY"].n_unique() == rows.height
    spells = rows.group_by("SUSSPELLID").agg(
        pl.col("EPIORDER").cast(pl.Int32).sort().alias("orders"),
        pl.col("DISDATE").n_unique().alias("ends"),
        pl.col("EPISTART").min() == pl.col("ADMIDATE").min(),
    )
    orders = spells["orders"].list.eval(pl.element() == pl.int_range(1, pl.len() + 1))
    assert orders.list.all().all()
    assert spells["ends"].max() == 1
    assert (spells["EPISTART"]).mean() > 0.99  # the rest are impossible dates
    assert rows["EPIORDER"].cast(pl.Int32).max() >= 2


def test_open_spells_have_no_end_and_the_dead_are_discharged_dead(clinical, lived):
    rows = csv(clinical, "sus_apc_*.csv")
    open_ = rows.filter(pl.col("DISDATE").is_null())
    assert open_.height > 0
    assert open_["DISMETH"].null_count() == open_.height
    assert rows["DISDATE"].drop_nulls().max() <= AS_OF.isoformat()
    dead = rows.filter(pl.col("DISMETH") == "4")["SUSSPELLID"].n_unique()
    in_hospital = lived.deaths.filter(pl.col("place") == "hospital").height
    assert dead == in_hospital


def test_emergency_admissions_are_those_of_the_lives(clinical, lived):
    rows = csv(clinical, "sus_apc_*.csv")
    emergency = rows.filter(pl.col("ADMIMETH").str.starts_with("2"))
    simulated = sum(chunk.spells.height for chunk in lived.chunks)
    assert emergency["SUSSPELLID"].n_unique() == simulated


def test_a_trust_knows_a_person_by_one_number(clinical, people):
    rows = csv(clinical, "sus_apc_RZ1_*.csv")
    known = source_records(people, "RZ1", people.persons["person"].to_numpy())
    assert set(rows["LOPATID"]) <= set(known["local_id"])
    assert rows["NEWNHSNO"].null_count() > 0
    outpatients = csv(clinical, "sus_op_RZ1_*.csv")
    assert set(outpatients["LOPATID"]) & set(rows["LOPATID"])


def test_one_file_comes_with_other_headers(clinical):
    headers = {
        path.name: path.open().readline().strip().split(",")
        for path in (clinical / "landing").glob("sus_op_*.csv")
    }
    renamed = [name for name, columns in headers.items() if "APPT_DATE" in columns]
    assert renamed == ["sus_op_RZ2_202324.csv"]
    assert "LOCAL_PATIENT_ID" in headers[renamed[0]]


def test_prostate_cancer_is_a_mans(clinical):
    rows = csv(clinical, "sus_apc_*.csv")
    codes = rows.unpivot(
        on=[f"DIAG_{i:02d}" for i in range(1, 21)], index=["SEX"], value_name="code"
    )
    prostate = codes.filter(pl.col("code") == "C61X")
    assert (prostate["SEX"] == "2").mean() < 0.02  # wrongly recorded sex


def test_contacts_belong_to_referrals_and_follow_them(clinical):
    referrals = csv(clinical, "mhsds_referral_*.csv").unique()
    contacts = csv(clinical, "mhsds_contact_*.csv").unique()
    both = contacts.join(referrals, on="UniqServReqID", how="left", suffix="_of")
    assert both["Person_ID_of"].null_count() == 0
    assert (both["Person_ID"] == both["Person_ID_of"]).all()
    assert (both["CareContDate"] >= both["ReferralRequestReceivedDate"]).all()


def test_social_care_events_have_their_own_columns(clinical):
    rows = csv(clinical, "social_care_cld_*.csv").unique()
    assert set(rows["Event_Type"]) == {"Request", "Assessment", "Service", "Review"}
    service = rows.filter(pl.col("Event_Type") == "Service")
    assert service["Unit_Cost"].null_count() == 0
    others = rows.filter(pl.col("Event_Type") != "Service")
    assert others["Unit_Cost"].null_count() == others.height
    assert rows["Event_Reference"].n_unique() == rows.height


def test_deaths_come_as_tokens_only(clinical, people, lived):
    rows = csv(clinical, "ons_deaths_*.csv")
    assert "NHS_NUMBER" not in rows.columns
    tokens = rows["Pseudo NHS Number"].drop_nulls()
    assert tokens.str.contains(r"^[0-9a-f]{64}$").all()
    assert not set(tokens) & set(people.persons["nhs_number"])
    assert 0.9 * lived.deaths.height < rows.height <= lived.deaths.height


def test_seen_at_names_every_source_once_a_person(clinical, lived):
    seen = lived.seen_at
    assert seen.select("person", "source").is_duplicated().sum() == 0
    assert {"RZ1", "RZ2", "RZ3", "RZ4"} <= set(seen["source"])
    assert (seen["first_on"] <= seen["last_on"]).all()


def test_births_have_mothers_of_their_household(people):
    births = births_of(people.persons, (people.window[0] - date(1970, 1, 1)).days)
    with_mother = births.mother >= 0
    assert with_mother.mean() > 0.6
    household = people.persons["household"]
    assert (
        household.gather(births.baby[with_mother])
        == household.gather(births.mother[with_mother])
    ).all()


def test_financial_years_turn_in_april():
    days = pl.DataFrame({"on": [date(2026, 3, 31), date(2026, 4, 1), date(2100, 1, 1)]})
    found = days.select(financial_year(pl.col("on")))["on"]
    assert found.to_list() == ["202526", "202627", "209900"]


def test_circumstances_and_who_saw_the_person_are_in_the_feeds(clinical):
    codes = set(gp(clinical, "gp_observation")["snomed_concept_id"].unique())
    # Common enough for 8,000 people: work and being out of it.
    assert {"160903007", "160904001", "73438004"} <= codes
    slots = gp(clinical, "gp_appointment")
    times = slots.group_by("patient_id", "session_holder_id").len()
    most = times.group_by("patient_id").agg(
        pl.col("len").max(), all=pl.col("len").sum()
    )
    often = most.filter(pl.col("all") >= 10)
    # About half with the usual one, and nobody with one alone by rule.
    assert 0.4 < (often["len"] / often["all"]).mean() < 0.75
