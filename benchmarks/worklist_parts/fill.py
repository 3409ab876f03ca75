"""Run as the worker: a population, its lists in forty networks, and their teams.

`python -m benchmarks.worklist_parts.fill PEOPLE PASSWORD` writes the people, their
profiles and list entries directly, as many as a release of that size would hold.
"""

import json
import sys
from datetime import date

import django

django.setup()

from django.db import connection  # noqa: E402

from benchmarks.filling.accounts import account  # noqa: E402
from benchmarks.filling.registers import agreed  # noqa: E402
from benchmarks.worklist_parts.names import (  # noqa: E402
    PCNS,
    PRACTICES_EACH,
    TEAMS,
    user_of,
)
from dashboards.definitions import LISTS  # noqa: E402
from dashboards.models import ListRun  # noqa: E402
from governance.models import Org, OrgLink  # noqa: E402
from linkage.models import Release  # noqa: E402
from linkage.release import actions as release  # noqa: E402
from linkage.release.catalogue import Attribute, Catalogue  # noqa: E402

AS_OF = date(2026, 9, 30)
# One in so many people is on each list: 750 in a network of 37,500.
ONE_IN = 50
REASONS = [
    "Severe frailty, recorded 3 March 2026",
    "Emergency admissions: 3 in 12 months, 1 in the year before",
    "12 different medicines in 12 months",
    "Recorded as living alone",
]


def fill(people: int, password: str) -> None:
    organisations()
    outcomes = sorted({name for spec in LISTS.values() for name in spec.outcomes})
    made = Release.objects.create(
        as_of=AS_OF,
        state=Release.State.BUILDING,
        code_version="bench",
        people=people,
        catalogue=Catalogue(
            Attribute(name, name.replace("_", " "), "number") for name in outcomes
        ).as_rows(),
    )
    persons(people)
    profiles(made.pk, len(outcomes))
    entries(made.pk)
    release.publish_release(made.pk)
    agreed()
    for team in range(TEAMS):
        for member in range(2):
            username = user_of(team, member)
            account(username, "pcn_mdt_member", f"U{team:03d}", password)


def organisations() -> None:
    orgs = [Org(code="Q000", kind="icb", name="Bench ICB")]
    links = []
    for pcn in range(PCNS):
        orgs.append(Org(code=f"U{pcn:03d}", kind="pcn", name=f"Network {pcn}"))
        links.append(OrgLink(child_id=f"U{pcn:03d}", parent_id="Q000"))
        for n in range(PRACTICES_EACH):
            code = f"Z{pcn * PRACTICES_EACH + n:04d}"
            orgs.append(Org(code=code, kind="practice", name=f"Practice {code}"))
            links.append(OrgLink(child_id=code, parent_id=f"U{pcn:03d}"))
    Org.objects.bulk_create(orgs)
    OrgLink.objects.bulk_create(links)


def persons(people: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO person (person_no, sex, birth_month, practice_code)"
            " SELECT n, CASE n %% 2 WHEN 0 THEN 'F' ELSE 'M' END, '1950-01-01',"
            " 'Z' || lpad((n %% %s)::text, 4, '0') FROM generate_series(1, %s) n",
            [PCNS * PRACTICES_EACH, people],
        )


def profiles(release_id: int, attributes: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO profile (release_id, person_no, practice_code, values)"
            " SELECT %s, person_no, practice_code, array_fill(1::real, ARRAY[%s])"
            " FROM person",
            [release_id, attributes],
        )


def entries(release_id: int) -> None:
    """Write every programme's list, a part of everybody on each."""
    with connection.cursor() as cursor:
        for n, (name, spec) in enumerate(LISTS.items()):
            cursor.execute(
                "INSERT INTO list_entry (programme, person_no, practice_code,"
                " pcn_code, release_id, first_release, rank, probability, reasons,"
                " known, needs, changed, next_step, order_words)"
                " SELECT %s, person_no, practice_code, pcn, %s, %s,"
                " row_number() OVER (PARTITION BY pcn ORDER BY person_no),"
                " 0.3, %s, '[\"Has an unpaid carer\"]', '[]', '[]', %s, ''"
                " FROM (SELECT *, 'U' || lpad((substr(practice_code, 2)::int / %s)"
                " ::text, 3, '0') pcn FROM person"
                " WHERE (person_no / %s) %% %s = %s) p",
                [
                    name,
                    release_id,
                    release_id,
                    json.dumps(REASONS),
                    spec.next_steps[-1].name,
                    PRACTICES_EACH,
                    PCNS * PRACTICES_EACH,
                    ONE_IN,
                    # Programmes overlap: each shares people with the next.
                    n // 2,
                ],
            )
            ListRun.objects.create(
                programme=name,
                release_id=release_id,
                spec_hash=LISTS.hashes[name],
                people=cursor.rowcount,
            )


if __name__ == "__main__":
    fill(int(sys.argv[1]), sys.argv[2])
