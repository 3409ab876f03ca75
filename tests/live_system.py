"""A small system that really stands in both databases, met by production roles.

Organisations and background people are those of `page_builders`; on top of them come
a few hand-made people whose every value a test knows. The loader writes their facts,
the worker makes releases and lists, the vault keeps their names, and the web only
reads. Nothing here is rolled back: `emptied` leaves the databases as it found them.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any

import polars as pl
import psycopg
from django.db import connections
from django.test import Client
from django.utils import timezone

from config.environment import database
from dashboards.actions import make_lists, publish_release
from dashboards.definitions import LISTS
from governance import access, actions
from governance.access import Viewer
from governance.models import Org, User
from governance.registers.selectors import agreement_for
from linkage.models import Release
from linkage.release import parts, store
from linkage.release import selectors as release
from linkage.release.catalogue import Catalogue
from linkage.release.selectors import EVERYONE, PEOPLE
from linkage.steps.index import index, numbers_of, people_of
from linkage.vault import sealing
from linkage.vault.identities import PERSON_SEALED
from linkage.vault.keyring import keyring
from linkage.vault.models import CurrentRegistration, PersonIdentity
from linkage.vocabulary import ACTIVITY_KINDS, EVENT_KINDS, SETTINGS, SYSTEMS, URGENCIES
from tests import page_builders
from tests.live_people import (
    ATTRIBUTES,
    AUGUST,
    DREW,
    EDNA,
    EVERYBODY,
    NOT_RISING,
    PROGRAMME,
    SEPTEMBER,
    Someone,
    background,
    frame,
)
from tests.live_trusts import reach_trusts
from tests.live_vault import Vault

OUR_NETWORK, THEIR_NETWORK = "U1", "U3"
ROLE_PLACES = {
    "system_analyst": page_builders.ICB,
    "icb_board_member": page_builders.ICB,
    "place_lead": "P1",
    "pcn_mdt_member": OUR_NETWORK,
    "pcn_social_prescriber": OUR_NETWORK,
    "data_manager": page_builders.ICB,
    "linkage_reviewer": page_builders.ICB,
    "ig_lead": page_builders.ICB,
    "partner_client": "P1",
    "feed_supplier": page_builders.ICB,
    "place_analyst": "P1",
    "neighbourhood_analyst": "N1",
    "la_public_health": "990",
    "provider_analyst": "RXX01",
    "icp_member": page_builders.ICB,
    "voluntary_sector_partner": "P1",
    "pcn_clinician": OUR_NETWORK,
    "pcn_pharmacist": OUR_NETWORK,
    "practice_manager": "Z81001",
    "caldicott_guardian": page_builders.ICB,
    "researcher": page_builders.ICB,
}
_keys = count(1)


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
        told = pl.DataFrame(
            {
                "person_no": [s.person_no for s in known],
                "nhs_number": [s.nhs_number for s in known],
                "surname": [s.surname for s in known],
                "forename": [s.forename for s in known],
                "born_on": [date(1944, 2, 17)] * len(known),
                "line1": ["1 Harbour Row"] * len(known),
                "postcode": ["ZZ1 9ZZ"] * len(known),
            }
        )
        sealed = sealing.seal(
            told, list(PERSON_SEALED), table="person_identity", row="person_no"
        )
        numbers = sealing.seal_numbers(told["nhs_number"], keyring().oldest)
        PersonIdentity.objects.using("vault").bulk_create(
            PersonIdentity(
                person_no=s.person_no,
                number=number,
                sealed=payload,
                died_on=s.died_on,
                type1_opt_out_on=AUGUST if s.values.get("type1_opt_out") else None,
                national_opt_out=bool(s.values.get("national_opt_out")),
            )
            for s, number, payload in zip(known, numbers, sealed, strict=True)
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
            agreement=agreement_for(role, today),
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


def without_audit() -> AbstractContextManager[None]:
    """A block in which the audit trail cannot be written."""
    return without("EXECUTE", "FUNCTION audit_append(jsonb)", "audit_writer")


KEPT = ("django_migrations", "django_content_type")
VAULT_TABLES = ("person_identity", "current_registration", "reveal_event")
VAULT_TABLES += ("break_glass", "delivery")


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
            owner.execute(
                "TRUNCATE outcome, intervention, decision, list_visit,"
                " list_card, card_event, programme_tally, list_cover, list_digest"
            )


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
    load_people(everybody)
    name_people(everybody)
    publish(before, AUGUST, others := background())
    publish(after, SEPTEMBER, others)
    with acting_as("worker"):
        reach_trusts(everybody, others)
    live = Live(stack.enter_context(Vault.opened()))
    for role, org_code in ROLE_PLACES.items():
        live.users[role] = make_user(role, org_code)
    live.users["colleague"] = make_user("pcn_mdt_member", OUR_NETWORK, "colleague")
    live.users["their_mdt"] = make_user("pcn_mdt_member", THEIR_NETWORK)
    stack.enter_context(acting_as("web"))
    assert PROGRAMME in LISTS
    return live
