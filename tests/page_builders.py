"""A small invented system for page tests: organisations, people, sign-ins, a release.

Two places of two networks of two practices each. People of the first place are
older, more deprived and more often admitted, so that pages have something to say.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from django.http import HttpResponse
from django.utils import timezone
from pyroaring import BitMap

from governance import registers
from governance.definitions import load_file
from governance.models import Area, Grant, OptOutSet, Org, OrgLink, User
from governance.registers import actions
from governance.registers.selectors import agreement_for
from governance.registers.specs import OPT_OUTS, SeedSpec
from linkage.definitions import FEEDS
from linkage.release.catalogue import Attribute
from linkage.release.selectors import ReleaseView
from risk.models import TrainedModel
from segmentation.definitions import SCHEMES
from tests.builders import AS_OF, release_view

SEED = Path(registers.__file__).with_name("demo.yaml")
ICB = "QZZ"
PLACES = {"P1": "Northgate", "P2": "Southmoor"}
PCNS = {"U1": "Northgate East PCN", "U2": "Northgate West PCN"}
PCNS |= {"U3": "Southmoor East PCN", "U4": "Southmoor West PCN"}
# The areas of councils, and the councils themselves as their own feeds write them.
COUNCILS = {"E10000001": "Eastmarsh Council", "E10000002": "Westmoor Council"}
COUNCIL_AREAS = {"990": "E10000001", "991": "E10000002"}
TRUSTS = {"RXX01": "Eastmarsh Hospitals", "RXX02": "Westmoor Hospitals"}
PASSWORD = "a long enough passphrase"
AGE_BANDS = [f"{age:02d}-{age + 4:02d}" for age in range(0, 90, 5)] + ["90+"]
SEGMENTS = [segment.name for segment in SCHEMES["bridges_to_health"].segments]
GROUPS = ["White", "Mixed", "Asian", "Black", "Other", "Not known"]
GROUP_SHARES = [0.7, 0.05, 0.1, 0.05, 0.05, 0.05]


def practice_codes() -> dict[str, str]:
    """Every practice's code with its network's."""
    return {f"Z8100{n + 1}": f"U{n // 2 + 1}" for n in range(8)}


def make_organisations() -> None:
    """The organisations and areas in the database, linked as of long ago."""
    orgs = [Org(code=ICB, kind="icb", name="Eastmarsh Integrated Care Board")]
    orgs += [Org(code=c, kind="place", name=n) for c, n in PLACES.items()]
    orgs += [Org(code=c, kind="pcn", name=n) for c, n in PCNS.items()]
    orgs += [
        Org(code=code, kind="practice", name=f"Practice {code[-1]}")
        for code in practice_codes()
    ]
    orgs += [
        Org(code=la, kind="council", name=COUNCILS[area], ons_code=area)
        for la, area in COUNCIL_AREAS.items()
    ]
    orgs += [Org(code=c, kind="trust", name=n) for c, n in TRUSTS.items()]
    Org.objects.bulk_create(orgs)
    parents = {"P1": ICB, "P2": ICB, "U1": "P1", "U2": "P1", "U3": "P2", "U4": "P2"}
    parents |= practice_codes()
    Org.objects.create(code="N1", kind="neighbourhood", name="Northgate East")
    OrgLink.objects.create(child_id="U1", parent_id="N1")
    OrgLink.objects.bulk_create(
        OrgLink(child_id=child, parent_id=parent) for child, parent in parents.items()
    )
    Area.objects.bulk_create(
        Area(
            code=f"E0190000{n}",
            kind="lsoa",
            name=f"Eastmarsh 00{n}",
            vintage=2021,
            outline=[[[n * 0.1, 51], [n * 0.1 + 0.1, 51], [n * 0.1 + 0.1, 51.1]]],
        )
        for n in range(1, 9)
    )
    for code, kind, name in [
        ("E07000001", "district", "Marsh"),
        ("E07000002", "district", "Moor"),
        *((area, "council", name) for area, name in COUNCILS.items()),
    ]:
        Area.objects.create(code=code, kind=kind, name=name, vintage=2021)
    make_registers()


def make_registers() -> None:
    """Every feed has its legal basis, every use its policy, and opt-outs are fresh."""
    today, now = timezone.localdate(), timezone.now()
    actions.seed(spec=load_file(SEED, SeedSpec), feeds=list(FEEDS), today=today)
    nobody = BitMap().serialize()
    OptOutSet.objects.bulk_create(
        OptOutSet(kind=kind, people=nobody, status_at=now, made_at=now)
        for kind in OPT_OUTS
    )


def make_user(role: str, org_code: str, name: str = "") -> User:
    """Someone who signs in with PASSWORD under one role at one place."""
    user = User.objects.create_user(
        username=name or f"{role}-{org_code}".lower(),
        password=PASSWORD,
        full_name=(name or role).replace("_", " ").title(),
        trained_until=timezone.localdate() + timedelta(days=90),
    )
    Grant.objects.create(
        user=user,
        role=role,
        org_id=org_code,
        start_on=timezone.localdate() - timedelta(days=30),
        granted_by="test",
        agreement=agreement_for(role, timezone.localdate()),
    )
    return user


def make_release(people: int = 6000, seed: int = 1) -> ReleaseView:
    """A release in memory, with every attribute that the pages read."""
    return release_view(make_people(people, seed), attributes(), as_of=AS_OF)


def make_people(people: int, seed: int) -> pl.DataFrame:
    """One row per person with the attributes' columns."""
    rng = np.random.default_rng(seed)
    codes = list(practice_codes())
    at = rng.integers(0, len(codes), people)
    is_north = at < 4
    age = np.clip(rng.gamma(2.2, 18 + 6 * is_north, people), 0, 99).astype(int)
    fifth = np.where(is_north, rng.integers(1, 4, people), rng.integers(2, 6, people))
    rate = 0.04 + 0.002 * age + 0.05 * (fifth == 1)
    conditions = rng.poisson(age / 40)
    frail = rng.choice(["moderate", "severe"], people)
    practices = np.array(codes)[at]
    segment = np.where(age > 74, 0, np.where(conditions > 1, 3, len(SEGMENTS) - 1))
    return pl.DataFrame(
        {
            "person_no": np.arange(1, people + 1, dtype=np.int32),
            "practice_code": practices,
            "pcn_code": [practice_codes()[code] for code in practices],
            "place_code": np.where(is_north, "P1", "P2"),
            "icb_code": [ICB] * people,
            "lsoa_code": [f"E0190000{n + 1}" for n in at],
            "district_code": np.where(is_north, "E07000001", "E07000002"),
            "council_code": np.where(is_north, *COUNCILS),
            "is_registered": [True] * people,
            "is_resident": rng.random(people) > 0.05,
            "sex": rng.choice(["F", "M"], people),
            "age_years": age.astype(float),
            "age_band": [AGE_BANDS[min(a // 5, 18)] for a in age],
            "ethnicity_group": rng.choice(GROUPS, people, p=GROUP_SHARES),
            "imd_fifth": fifth.astype(str),
            "segment": [SEGMENTS[n] for n in segment],
            "condition_count": conditions.astype(float),
            "has_diabetes_type1": rng.random(people) < 0.005,
            "has_diabetes_type2": rng.random(people) < 0.02 + age / 900,
            "frailty_recorded": pl.Series(frail).set(
                pl.Series((age < 65) | (rng.random(people) < 0.6)), None
            ),
            "smoking_status": rng.choice(["current", "ex", "never"], people),
            "emergency_admissions_12m": rng.poisson(rate).astype(float),
            "emergency_admissions_prior_12m": rng.poisson(rate * 0.8).astype(float),
            "emergency_attendances_12m": rng.poisson(rate * 3).astype(float),
            "cost_total_12m": (rate * 9000 * rng.gamma(1, 1, people)).round(2),
            "risk_emergency_12m": rng.beta(1, 9, people),
        }
    )


def make_model(
    name: str,
    performance: Mapping[str, Any] | None = None,
    *,
    version: int = 1,
    people: int = 4000,
) -> TrainedModel:
    """A version of a model in use whose card says so much, and nobody approved."""
    return TrainedModel.objects.create(
        name=name,
        version=version,
        approved_as=version,
        index_on=date(2024, 8, 31),
        horizon_days=365,
        people=people,
        outcomes=people // 10,
        seed=1,
        spec_hash="a" * 64,
        features=[],
        performance=dict(performance or {}),
        payload=b"",
        in_use=True,
    )


def text_of(response: HttpResponse) -> str:
    """What a page says that was found and may be seen."""
    assert response.status_code == 200
    return response.content.decode()


def attributes() -> list[Attribute]:
    """The catalogue of `make_people`."""
    categories = {
        "practice_code": list(practice_codes()),
        "pcn_code": list(PCNS),
        "place_code": list(PLACES),
        "icb_code": [ICB],
        "lsoa_code": [f"E0190000{n}" for n in range(1, 9)],
        "district_code": ["E07000001", "E07000002"],
        "council_code": list(COUNCILS),
        "sex": ["F", "M", "U"],
        "age_band": AGE_BANDS,
        "ethnicity_group": GROUPS,
        "imd_fifth": ["1", "2", "3", "4", "5"],
        "segment": SEGMENTS,
        "frailty_recorded": ["mild", "moderate", "severe"],
        "smoking_status": ["current", "ex", "never"],
    }
    flags = ["is_registered", "is_resident"]
    flags += ["has_diabetes_type1", "has_diabetes_type2"]
    numbers = ["age_years", "condition_count", "cost_total_12m", "risk_emergency_12m"]
    numbers += ["emergency_admissions_12m", "emergency_admissions_prior_12m"]
    numbers += ["emergency_attendances_12m"]

    def title(name: str) -> str:
        return name.removesuffix("_12m").replace("_", " ").capitalize()

    made = [
        Attribute(name, title(name), "category", values=tuple(values))
        for name, values in categories.items()
    ]
    made += [Attribute(name, title(name), "flag") for name in flags]
    return made + [Attribute(name, title(name), "number") for name in numbers]
