"""Everything the store holds of one person, for them to read; sealed while it waits.

Read as the worker, whole. Names and address are not here: the practice that hands the
record over knows whose it is, and the vault's part is added there.
"""

import json
import os
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import connection
from django.utils import timezone
from pyroaring import BitMap

from dashboards import list_entries
from dashboards.definitions import LISTS
from dashboards.models import Decision
from dashboards.selectors.person import code_terms
from dashboards.steps.shortlist import written
from dashboards.steps.subject_record import Record, Section
from governance.access import ACCESS
from governance.models import LocalObjection, Org, SeenPeople
from linkage import legal_basis
from linkage.definitions import FEEDS
from linkage.models import Activity, Event, Person
from linkage.release import selectors as release
from linkage.release.sources import completed, holders
from linkage.vocabulary import ACTIVITY_KINDS, EVENT_KINDS, SETTINGS

NONCE = 12
SETTING_WORDS = {number: word.replace("_", " ") for word, number in SETTINGS.items()}
KIND_WORDS = {number: word.replace("_", " ") for word, number in ACTIVITY_KINDS.items()}
EVENT_WORDS = {number: word for word, number in EVENT_KINDS.items()}
PERSON = {
    "sex": "Sex",
    "birth_month": "Month of birth",
    "ethnicity": "Ethnic category code",
    "died_on": "Date of death",
    "practice_code": "Registered with",
    "lsoa_code": "Small area of residence",
    "in_care_home": "Lives in a care home",
    "needs_interpreter": "Needs an interpreter",
    "language": "Language",
    "type1_opt_out_on": "Type 1 opt-out since",
    "national_opt_out": "National Data Opt-out",
}


def gather(person_no: int) -> dict[str, Section]:
    """Return the whole record by section, newest first. As the worker, audited."""
    names = dict(Org.objects.values_list("code", "name"))
    return {
        "person": _person(person_no, names),
        "registrations": _dated("registration", person_no, "practice_code", names),
        "residences": _dated("residence", person_no, "lsoa_code", names),
        "events": _events(person_no),
        "activity": _activity(person_no, names),
        "worked_out": _worked_out(person_no),
        "lists": _lists(person_no),
        "decisions": _decisions(person_no),
        "objections": _objections(person_no),
        "seen_by": _seen_by(person_no, names),
    }


def seal(record: Record, request_id: int) -> bytes:
    """Encrypt a record for one request: a nonce, then AES-256-GCM."""
    nonce = os.urandom(NONCE)
    return nonce + _cipher().encrypt(
        nonce, json.dumps(record).encode(), str(request_id).encode()
    )


def unseal(sealed: bytes, request_id: int) -> dict[str, Section]:
    """Decrypt a record; cryptography's InvalidTag for that of another request."""
    held = bytes(sealed)
    opened = _cipher().decrypt(held[:NONCE], held[NONCE:], str(request_id).encode())
    found: dict[str, Section] = json.loads(opened)
    return found


def _cipher() -> AESGCM:
    key = HKDF(SHA256(), 32, salt=None, info=b"rights-pack")
    return AESGCM(key.derive(settings.SECRET_KEY.encode()))


def _section(title: str, columns: str, rows: Iterable[Iterable[Any]]) -> Section:
    return Section(
        title=title,
        columns=columns.split(", "),
        rows=[[_word(value) for value in row] for row in rows],
    )


def _word(value: Any) -> str:
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%d %B %Y, %H:%M").lstrip("0")
    return written(value)


def _feed(number: int) -> str:
    name = legal_basis.numbers().get(number, "")
    return FEEDS[name].title if name else "not known"


def _person(person_no: int, names: dict[str, str]) -> Section:
    row = Person.objects.get(pk=person_no)
    told = [(title, getattr(row, column)) for column, title in PERSON.items()]
    told = [(title, names.get(str(value), value)) for title, value in told]
    return _section("About you", "What, Value", told)


def _dated(table: str, person_no: int, code: str, names: dict[str, str]) -> Section:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {code}, start_on, end_on FROM {table}"
            " WHERE person_no = %s ORDER BY start_on DESC NULLS LAST",
            [person_no],
        )
        rows = cursor.fetchall()
    title = {"registration": "Practices", "residence": "Where you lived, by small area"}
    return _section(
        title[table],
        "Where, From, Until",
        ((names.get(at, at), start, end or "") for at, start, end in rows),
    )


def _events(person_no: int) -> Section:
    terms = code_terms()
    rows = Event.objects.filter(person_no=person_no).order_by("-on_date", "record_key")
    return _section(
        "Codes, measurements and prescriptions",
        "Date, Kind, Code, What, Value, Unit, Told by",
        (
            (
                row.on_date,
                EVENT_WORDS.get(row.kind, row.kind),
                row.code,
                terms.get(row.code, ""),
                "" if row.value is None else row.value,
                row.unit or "",
                _feed(row.feed_no),
            )
            for row in rows
        ),
    )


def _activity(person_no: int, names: dict[str, str]) -> Section:
    rows = Activity.objects.filter(person_no=person_no).order_by(
        "-start_on", "record_key"
    )
    return _section(
        "Use of services",
        "From, Until, Setting, What, Provider, Reason code, Told by",
        (
            (
                row.start_on,
                row.end_on or "",
                SETTING_WORDS.get(row.setting, row.setting),
                KIND_WORDS.get(row.kind, row.kind),
                names.get(row.provider_code or "", row.provider_code or ""),
                row.reason_code or "",
                _feed(row.feed_no),
            )
            for row in rows
        ),
    )


def _worked_out(person_no: int) -> Section:
    """What the platform worked out of the record: features, segments, scores."""
    live = release.current()
    rows: list[tuple[str, Any]] = []
    if live is not None:
        # Of whom a delta has not touched, the full release beneath holds the values.
        held = [
            held_in for held_in, who in holders(live.id, [person_no]).items() if who
        ]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT person_no, practice_code, lsoa_code, values FROM profile"
                " WHERE release_id = ANY(%s) AND person_no = %s",
                [held, person_no],
            )
            told_of = completed(live, cursor.fetchall())
        found = release.decoded(told_of, live.catalogue)
        for told in found.iter_rows(named=True):
            rows = [
                (live.attribute(name).title, value)
                for name, value in told.items()
                if name in live.catalogue and value is not None
            ]
    return _section("What we worked out about you", "What, Value", rows)


def _lists(person_no: int) -> Section:
    live = release.current()
    entries = list_entries.entries(live.id if live else 0, person_no=person_no)
    return _section(
        "Lists you are on",
        "List, Why",
        (
            (LISTS[e.programme].title, "; ".join(e.reasons))
            for e in entries
            if e.programme in LISTS
        ),
    )


def _decisions(person_no: int) -> Section:
    rows = Decision.objects.filter(person_no=person_no).order_by("-decided_at")
    return _section(
        "What teams decided",
        "When, List, Decision, Reason",
        (
            (
                row.decided_at,
                LISTS[row.programme].title if row.programme in LISTS else "",
                row.choice,
                row.reason.replace("_", " "),
            )
            for row in rows
        ),
    )


def _objections(person_no: int) -> Section:
    rows = LocalObjection.objects.filter(person_no=person_no).order_by("-made_at")
    return _section(
        "Your objections",
        "Said on, Withdrawn",
        ((row.said_on, row.withdrawn_at or "") for row in rows),
    )


def _seen_by(person_no: int, names: dict[str, str]) -> Section:
    """Every reading that showed this person, by role and organisation."""
    rows = SeenPeople.objects.order_by("-at").iterator(chunk_size=500)
    return _section(
        "Who has seen your record",
        "When, Role, Organisation, Purpose, What",
        (
            (
                row.at,
                ACCESS.roles[row.role].title if row.role in ACCESS.roles else row.role,
                names.get(row.org_code, row.org_code),
                ACCESS.purposes[row.purpose].title
                if row.purpose in ACCESS.purposes
                else row.purpose,
                row.event.replace("_", " "),
            )
            for row in rows
            if person_no in BitMap.deserialize(bytes(row.people))
        ),
    )
