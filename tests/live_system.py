"""A small system that really stands in both databases, met by production roles.

Organisations and background people are those of `page_builders`; on top of them come
a few hand-made people whose every value a test knows. The loader writes their facts,
the worker makes releases and lists, the vault keeps their names, and the web only
reads. Nothing here is rolled back: `emptied` leaves the databases as it found them.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import count
from typing import Any

import polars as pl
import psycopg
from django.db import connections
from django.test import Client
from django.utils import timezone

from config.environment import database
from dashboards.actions import make_lists
from dashboards.definitions import LISTS
from dashboards.list_specs import placeholders
from governance import access, actions
from governance.access import Viewer
from governance.models import Org, User
from linkage.models import Release
from linkage.release import parts, store
from linkage.release import selectors as release
from linkage.release.actions import publish_release
from linkage.release.catalogue import Attribute, Catalogue
from linkage.release.selectors import EVERYONE, PEOPLE
from linkage.steps.index import index, numbers_of, people_of
from linkage.vault.models import CurrentRegistration, PersonIdentity
from linkage.vocabulary import ACTIVITY_KINDS, EVENT_KINDS, SETTINGS, SYSTEMS, URGENCIES
from tests import page_builders
from tests.live_vault import Vault

PROGRAMME = "proactive_care"
AUGUST, SEPTEMBER = date(2026, 8, 31), date(2026, 9, 30)
OUR_NETWORK, THEIR_NETWORK = "U1", "U3"
ROLE_PLACES = {
    "system_analyst": page_builders.ICB,
    "icb_board_member": page_builders.ICB,
    "place_lead": "P1",
    "pcn_mdt_member": OUR_NETWORK,
    "pcn_social_prescriber": OUR_NETWORK,
    "data_manager": page_builders.ICB,
    "ig_lead": page_builders.ICB,
    "partner_client": "P1",
}
# Every person of a list is on it by these values; a test changes what it is about.
CANDIDATE: dict[str, Any] = {
    "age_years": 82.0,
    "frailty_recorded": "moderate",
    "frailty_recorded_on": date(2026, 3, 3),
    "emergency_admissions_12m": 2.0,
    "emergency_admissions_prior_12m": 1.0,
    "risk_emergency_12m": 0.3,
}
FLAGS = ("on_palliative_register", "in_care_home", "in_hospital", "lives_alone")
FLAGS += ("open_community_referral", "long_term_social_care", "has_carer")
FLAGS += ("needs_interpreter", "is_housebound", "type1_opt_out", "national_opt_out")
NUMBERS = ("efi_score", "medicines_12m", "last_medication_review_days", "hfrs")
NUMBERS += ("mental_health_contacts_12m", "emergency_attendances_prior_12m")
NUMBERS += ("bed_days_12m",)
DATES = ("frailty_recorded_on", "care_plan_on")
LIST_ATTRIBUTES = [
    *(Attribute(name, name.replace("_", " "), "flag") for name in FLAGS),
    *(Attribute(name, name.replace("_", " "), "number") for name in NUMBERS),
    *(Attribute(name, name.replace("_", " "), "date") for name in DATES),
    Attribute("efi", "Electronic frailty index", "category", values=("fit", "severe")),
]
ATTRIBUTES = page_builders.attributes() + LIST_ATTRIBUTES
BACKGROUND = 900
_keys = count(1)


@dataclass(frozen=True)
class Someone:
    """A hand-made person: number, practice, names for the vault, list values.

    What the vault has heard since the release was made: `died_on`, or that they
    `left` their practice.
    """

    person_no: int
    practice: str | None
    surname: str = "NOBODY"
    forename: str = "Nora"
    nhs_number: str = "9990000000"
    values: Mapping[str, Any] = field(default_factory=dict)
    died_on: date | None = None
    left: bool = False

    def but(self, **values: Any) -> "Someone":
        """The same person with other values."""
        return replace(self, values=dict(self.values) | values)

    def row(self) -> dict[str, Any]:
        """Their row of a release, over the background's defaults."""
        pcn = page_builders.practice_codes().get(self.practice or "")
        place = {"U1": "P1", "U2": "P1", "U3": "P2", "U4": "P2"}.get(pcn or "")
        return (
            dict.fromkeys(a.name for a in ATTRIBUTES)
            | dict.fromkeys(FLAGS, False)
            | {
                "person_no": self.person_no,
                "practice_code": self.practice,
                "pcn_code": pcn,
                "place_code": place,
                "icb_code": page_builders.ICB,
                "is_registered": self.practice is not None,
                "is_resident": True,
                "has_diabetes_type1": False,
                "has_diabetes_type2": False,
                "sex": "F",
                "age_band": "80-84",
                "ethnicity_group": "White",
                "imd_fifth": "1",
                "segment": page_builders.SEGMENTS[0],
                "condition_count": 3.0,
                "medicines_12m": 4.0,
                "emergency_attendances_12m": 1.0,
                "emergency_attendances_prior_12m": 1.0,
                "bed_days_12m": 5.0,
                "cost_total_12m": 4000.0,
            }
            | CANDIDATE
            | dict(self.values)
        )


def background(seed: int = 3) -> pl.DataFrame:
    """Some hundred people of every practice, none of whom belongs on a list."""
    made = page_builders.make_people(BACKGROUND, seed)
    return made.with_columns(
        emergency_admissions_prior_12m="emergency_admissions_12m",
        emergency_attendances_prior_12m="emergency_attendances_12m",
    )


def frame(someones: Iterable[Someone], others: pl.DataFrame | None) -> pl.DataFrame:
    """Everyone of a release: one row per person, a column per attribute."""
    types = {"flag": pl.Boolean, "category": pl.String, "date": pl.Date}
    schema = {"person_no": pl.Int32} | {
        a.name: types.get(a.kind, pl.Float64) for a in ATTRIBUTES
    }
    made = pl.DataFrame([s.row() for s in someones], schema=schema)
    if others is None:
        return made
    missing = [n for n in schema if n not in others.columns]
    filled = others.with_columns(
        pl.lit(None, dtype=schema[n]).alias(n) for n in missing
    )
    filled = filled.with_columns(pl.col(n).fill_null(value=False) for n in FLAGS)
    return pl.concat([filled.select(list(schema)).cast(schema), made])


def build_release(people: pl.DataFrame, as_of: date) -> int:
    """Write a release of these people as the stages do, all but publishing it."""
    people = people.sort("person_no")
    made = Release.objects.create(
        as_of=as_of,
        state=Release.State.BUILDING,
        code_version="test",
        people=people.height,
        catalogue=Catalogue(ATTRIBUTES).as_rows(),
    )
    parts.write(made.pk, 0, "features", people)
    ids = people_of(people)
    store.replace_people(made.pk, EVERYONE, PEOPLE, ids)
    indexed = {a.name: index(ids, people[a.name], a) for a in ATTRIBUTES}
    store.replace_index(made.pk, indexed)
    numbers = [numbers_of(people[a.name], a).alias(a.name) for a in ATTRIBUTES]
    values = pl.select(pl.concat_list(numbers)).to_series().alias("values")
    store.replace_profiles(
        made.pk,
        0,
        people.select(
            "person_no",
            "practice_code",
            "lsoa_code",
            values,
        ),
    )
    return made.pk


def publish(someones: Iterable[Someone], as_of: date, others: pl.DataFrame) -> int:
    """Build a release, make its lists and let readers see it, as the worker."""
    with acting_as("worker"):
        release_id = build_release(frame(someones, others), as_of)
        make_lists(release_id)
        publish_release(release_id)
    return release_id


def load_people(someones: Iterable[Someone]) -> None:
    """Write the people themselves to the store, as the loader."""
    with acting_as("loader"), connections["default"].cursor() as cursor:
        cursor.executemany(
            "INSERT INTO person (person_no, sex, birth_month, practice_code,"
            " type1_opt_out_on, national_opt_out)"
            " VALUES (%s, 'F', '1944-02-01', %s, %s, %s)",
            [
                [
                    s.person_no,
                    s.practice,
                    AUGUST if s.values.get("type1_opt_out") else None,
                    bool(s.values.get("national_opt_out")),
                ]
                for s in someones
            ],
        )


def load_activity(
    person_no: int,
    setting: str,
    kind: str,
    start_on: date,
    *,
    provider: str = "RXX01",
    urgency: str | None = None,
) -> None:
    """Write one use of a service, of two days, as the loader."""
    with acting_as("loader"), connections["default"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO activity (person_no, record_key, subject_key, setting, kind,"
            " start_on, end_on, urgency, provider_code, feed_no, run_id)"
            " VALUES (%s, %s, 1, %s, %s, %s, %s, %s, %s, 1, 1)",
            [
                person_no,
                next(_keys),
                SETTINGS[setting],
                ACTIVITY_KINDS[kind],
                start_on,
                start_on + timedelta(days=2),
                URGENCIES[urgency] if urgency else None,
                provider,
            ],
        )


def load_event(
    person_no: int, kind: str, code: str, on_date: date, *, system: str = "snomed"
) -> None:
    """Write one dated code, as the loader."""
    with acting_as("loader"), connections["default"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO event (person_no, record_key, subject_key, on_date, kind,"
            " system, code, feed_no, run_id) VALUES (%s, %s, 1, %s, %s, %s, %s, 1, 1)",
            [
                person_no,
                next(_keys),
                on_date,
                EVENT_KINDS[kind],
                SYSTEMS[system],
                code,
            ],
        )


def name_people(someones: Iterable[Someone]) -> None:
    """Write who the people are to the vault, as the vault."""
    known = list(someones)
    with acting_as("vault", "vault"):
        PersonIdentity.objects.using("vault").bulk_create(
            PersonIdentity(
                person_no=s.person_no,
                nhs_number=s.nhs_number,
                surname=s.surname,
                forename=s.forename,
                born_on=date(1944, 2, 17),
                line1="1 Harbour Row",
                postcode="ZZ1 9ZZ",
                died_on=s.died_on,
                type1_opt_out_on=AUGUST if s.values.get("type1_opt_out") else None,
                national_opt_out=bool(s.values.get("national_opt_out")),
            )
            for s in known
        )
        CurrentRegistration.objects.using("vault").bulk_create(
            CurrentRegistration(person_no=s.person_no, practice_code=s.practice)
            for s in known
            if s.practice and not s.left
        )


@contextmanager
def acting_as(role: str, alias: str = "default") -> Iterator[None]:
    """Run a block with one of Django's connections under a production role."""
    given = connections[alias].settings_dict
    before = {key: given[key] for key in ("USER", "PASSWORD")}
    wanted = database(os.environ[f"TEST_{role.upper()}_DATABASE_URL"])
    connections[alias].close()
    given.update({key: wanted[key] for key in before})
    try:
        yield
    finally:
        connections[alias].close()
        given.update(before)


def make_user(role: str, org_code: str, name: str = "") -> User:
    """Someone who signs in under one role at one place, made as the worker."""
    today = timezone.localdate()
    with acting_as("worker"):
        user = actions.create_user(
            username=name or f"{role}-{org_code}".lower(),
            full_name=(name or role).replace("_", " ").title(),
            password=page_builders.PASSWORD,
            trained_until=today + timedelta(days=90),
            by="test",
        )
        actions.grant_role(
            user=user,
            role=role,
            org=Org.objects.get(pk=org_code),
            start_on=today - timedelta(days=30),
            end_on=None,
            by="test",
        )
    return user


def viewer_of(user: User, purpose: str | None = None) -> Viewer:
    """The viewer a user is under their oldest grant."""
    viewer = access.viewer_for(user, purpose=purpose)
    assert viewer is not None
    return viewer


def signed_in(user: User, purpose: str | None = None) -> Client:
    """A client signed in as a user, for one of the role's purposes."""
    client = Client()
    client.force_login(user)
    if purpose:
        session = client.session
        session["purpose"] = purpose
        session.save()
    return client


def audit_rows(event: str | None = None) -> list[dict[str, Any]]:
    """The audit trail in order, as its reader sees it."""
    with connect("audit_reader") as reader:
        cursor = reader.execute(
            "SELECT event, user_id, role, purpose, org_code, subject, persons, outcome,"
            " detail FROM governance_auditevent WHERE event = coalesce(%s, event)"
            " ORDER BY id",
            [event],
        )
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def connect(role: str) -> psycopg.Connection:
    """A connection of a production role beside Django's own, in autocommit."""
    url = os.environ[f"TEST_{role.upper()}_DATABASE_URL"]
    return psycopg.connect(url, autocommit=True)


def reason(attribute: str, **values: object) -> str:
    """The programme's sentence that counts an attribute, as its definition words it."""
    text = next(
        r.text
        for r in LISTS[PROGRAMME].reasons
        if placeholders(r.text)[:1] == [attribute]
    )
    return text.format(**{attribute: values.pop("is_", None)} | values)


def in_clear(page: str) -> str:
    """A page without what is random in it."""
    page = re.sub(r'(name="csrfmiddlewaretoken" value=)"[^"]*"', r"\1", page)
    return re.sub(r'nonce="[^"]*"', "", page)


@contextmanager
def without(
    right: str, table: str, role: str, *, owner: str = "migrator"
) -> Iterator[None]:
    """A block in which a role has lost a right, so that what it does there fails."""
    with connect(owner) as connection:
        connection.execute(f"REVOKE {right} ON {table} FROM {role}")
        try:
            yield
        finally:
            connection.execute(f"GRANT {right} ON {table} TO {role}")


KEPT = ("django_migrations", "django_content_type")
VAULT_TABLES = ("person_identity", "current_registration", "reveal_event")


@contextmanager
def emptied() -> Iterator[None]:
    """A block after which no table of the store holds a row that it wrote."""
    release.forget()
    try:
        yield
    finally:
        release.forget()
        with connect("migrator") as owner:
            tables = owner.execute(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
                " AND NOT relispartition AND relnamespace = 'public'::regnamespace"
                " AND relname <> ALL (%s)",
                [list(KEPT)],
            ).fetchall()
            owner.execute(
                f"TRUNCATE {', '.join(name for (name,) in tables)} RESTART IDENTITY"
            )
        with connect("vault_migrator") as owner:
            owner.execute(f"TRUNCATE {', '.join(VAULT_TABLES)} RESTART IDENTITY")


ANNA = Someone(
    7705001,
    "Z81001",
    "ANDERTON",
    "Anna",
    "9990010017",
    {
        "frailty_recorded": "severe",
        "emergency_admissions_12m": 3.0,
        "medicines_12m": 12.0,
        "risk_emergency_12m": 0.62,
        "lives_alone": True,
        "last_medication_review_days": 400.0,
        "hfrs": 7.5,
    },
)
BERT = Someone(
    7705002,
    "Z81001",
    "BELLWETHER",
    "Bert",
    "9990010025",
    {"risk_emergency_12m": 0.45, "is_housebound": True},
)
CORA = Someone(
    7705003,
    "Z81002",
    "CORNFORTH",
    "Cora",
    "9990010033",
    {
        "risk_emergency_12m": 0.41,
        "needs_interpreter": True,
        "open_community_referral": True,
    },
)
DREW = Someone(7705004, "Z81002", "DRYSDALE", "Drew", "9990010041")
JACK = Someone(
    7705015, "Z81001", "JESSOP", "Jack", "9990010157", {"type1_opt_out": True}
)
KATE = Someone(
    7705016, "Z81002", "KETTERING", "Kate", "9990010165", {"national_opt_out": True}
)
# On the list in August and, their use no longer rising, off it in September.
EDNA = Someone(7705005, "Z81001", "EASTERBROOK", "Edna", "9990010050")
RUTH = Someone(
    7705006,
    "Z81001",
    "RAVENSCROFT",
    "Ruth",
    "9990010068",
    {"risk_emergency_12m": 0.25},
    died_on=date(2026, 11, 1),
)
SAM = Someone(
    7705007,
    "Z81002",
    "SALTONSTALL",
    "Sam",
    "9990010076",
    {"risk_emergency_12m": 0.2},
    left=True,
)
OPTED_OUT = (JACK, KATE)
PASSED_OVER = (
    Someone(7705011, "Z81001", values={"on_palliative_register": True}),
    Someone(7705012, "Z81001", values={"in_care_home": True}),
    Someone(7705013, "Z81002", values={"in_hospital": True}),
    Someone(7705014, "Z81001", values={"care_plan_on": date(2026, 7, 1)}),
)
# Of the other network: whatever is theirs must never reach the first one's viewers.
ODA = Someone(
    7705031,
    "Z81005",
    "OXENFOORD",
    "Odalys",
    "9990050310",
    {"medicines_12m": 987.0, "last_medication_review_days": 654.0},
)
PIP = Someone(7705032, "Z81006", "PENHALIGON", "Pippin", "9990050329")
OURS, THEIRS = (ANNA, BERT, CORA, DREW, RUTH, SAM), (ODA, PIP)
EVERYBODY = (*OURS, EDNA, *OPTED_OUT, *PASSED_OVER, *THEIRS)
NOT_RISING = {"emergency_admissions_12m": 1.0}


@dataclass
class Live:
    """The system as it stands: two releases, the second current, and its users."""

    vault: Vault
    users: dict[str, User] = field(default_factory=dict)

    def client(self, role: str, purpose: str | None = None) -> Client:
        return signed_in(self.users[role], purpose)

    def viewer(self, role: str, purpose: str | None = None) -> Viewer:
        return viewer_of(self.users[role], purpose)

    def forget_decisions(self) -> None:
        """Take back what a test wrote, so that the next finds the list as made."""
        with connect("migrator") as owner:
            owner.execute("TRUNCATE outcome, intervention, decision, list_visit")


def raise_system(stack: ExitStack, *, without: Iterable[Someone] = ()) -> Live:
    """Make everything, and leave Django's store connection with the web's role.

    `without` leaves people out of both databases, as if they had never lived.
    """
    everybody = [s for s in EVERYBODY if s not in without]
    stack.enter_context(emptied())
    with acting_as("worker"):
        page_builders.make_organisations()
    before = [s for s in everybody if s is not DREW]
    after = [s.but(**NOT_RISING) if s is EDNA else s for s in everybody]
    others = background()
    load_people(everybody)
    name_people(everybody)
    publish(before, AUGUST, others)
    publish(after, SEPTEMBER, others)
    live = Live(stack.enter_context(Vault.opened()))
    for role, org_code in ROLE_PLACES.items():
        live.users[role] = make_user(role, org_code)
    live.users["colleague"] = make_user("pcn_mdt_member", OUR_NETWORK, "colleague")
    live.users["their_mdt"] = make_user("pcn_mdt_member", THEIR_NETWORK)
    stack.enter_context(acting_as("web"))
    assert set(LISTS) == {PROGRAMME}
    return live
