"""Run as the worker: a release made directly as bitmaps, and the wide table beside it.

`python -m benchmarks.cohort_parts.fill PEOPLE PASSWORD` writes the release, the
organisations, an analyst and a place's lead who sign in with PASSWORD, those who opted
out, and `staging.bench_profile`: a row for each person with all that the release knows
of them, as wide as the profile of a refresh, and an index on every column that
questions ask.
"""

import sys
from datetime import date

import django
import numpy as np
import polars as pl

django.setup()

from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from benchmarks.cohort_parts import questions  # noqa: E402
from benchmarks.cohort_parts.columns import PCNS, PLACES, PRACTICES, Crowd  # noqa: E402
from benchmarks.filling.accounts import account  # noqa: E402
from benchmarks.filling.registers import agreed  # noqa: E402
from governance.models import OptOutSet, Org, OrgLink  # noqa: E402
from linkage import bulk  # noqa: E402
from linkage.models import AttributeBitmap, Release  # noqa: E402
from linkage.release import store  # noqa: E402
from linkage.release.actions import publish_release  # noqa: E402
from linkage.release.catalogue import Attribute, Catalogue  # noqa: E402
from linkage.release.selectors import EVERYONE, PEOPLE  # noqa: E402
from linkage.steps.index import bitmap_of, index  # noqa: E402

AS_OF = date(2026, 9, 30)
ANALYST, LEAD = "bench-analyst", "bench-lead"
# Of everybody, who opted out, and whose practice may not share their record.
OPTED_OUT = {"national": 0.05, "type1": 0.03}
ASKED = {"is_registered", *questions.FLAGS, *questions.CHOICES, *questions.NUMBERS}


def fill(people: int, password: str) -> None:
    organisations()
    account(ANALYST, "system_analyst", "Q000", password)
    account(LEAD, "place_lead", "P000", password)
    agreed()
    crowd = Crowd(people)
    opt_outs(crowd.numbers)
    release = Release.objects.create(
        as_of=AS_OF, state=Release.State.BUILDING, code_version="bench", people=people
    )
    ids = crowd.numbers
    store.replace_people(release.pk, EVERYONE, PEOPLE, ids)
    described: list[Attribute] = []
    wide = {"person_no": pl.Series(ids.astype(np.int32))}
    for attribute, column in crowd.columns():
        described.append(attribute)
        keep(release.pk, attribute, column, ids)
        wide[attribute.name] = column
    release.catalogue = Catalogue(described).as_rows()
    release.save(update_fields=["catalogue"])
    publish_release(release.pk)
    wide_table(pl.DataFrame(wide))


def keep(
    release_id: int, attribute: Attribute, column: pl.Series, ids: np.ndarray
) -> None:
    """Keep an attribute as a refresh does; the engine reads columns of numbers only."""
    made = index(ids, column, attribute)
    if attribute.kind == "number":
        store.replace_index(release_id, {attribute.name: made})
        return
    rows = []
    for value, who in made.bitmaps.items():
        who.run_optimize()
        rows.append(
            AttributeBitmap(
                release_id=release_id,
                attribute=attribute.name,
                value=value,
                people=len(who),
                bitmap=who.serialize(),
            )
        )
    AttributeBitmap.objects.bulk_create(rows, batch_size=200)


def opt_outs(ids: np.ndarray) -> None:
    """Keep who opted out, as gathered today."""
    rng = np.random.default_rng(13)
    for kind, share in OPTED_OUT.items():
        people = bitmap_of(ids[rng.random(len(ids)) < share])
        OptOutSet.objects.update_or_create(
            kind=kind,
            defaults={
                "people": people.serialize(),
                "status_at": timezone.now(),
                "made_at": timezone.now(),
            },
        )


def wide_table(frame: pl.DataFrame) -> None:
    """The profile as SQL would want it: typed columns, an index on each one asked."""
    types = {pl.Boolean: "boolean", pl.String: "text", pl.Float32: "real"}
    columns = [
        f"{name} {types.get(kind, 'integer')}"
        for name, kind in zip(frame.columns, frame.dtypes, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS staging.bench_profile")
        cursor.execute(f"CREATE TABLE staging.bench_profile ({', '.join(columns)})")
    with bulk.connect("default") as target:
        bulk.copy(target, frame, "bench_profile", schema="staging")
        target.commit()
    with connection.cursor() as cursor:
        for name in sorted(ASKED):
            cursor.execute(f"CREATE INDEX ON staging.bench_profile ({name})")
        cursor.execute("VACUUM ANALYZE staging.bench_profile")


def organisations() -> None:
    """The ICB, its places, networks and practices."""
    orgs = [Org(code="Q000", kind="icb", name="Bench ICB")]
    links = []
    for kind, prefix, count, width, over, parts in (
        ("place", "P", PLACES, 3, "Q000", 0),
        ("pcn", "U", PCNS, 3, "P", PLACES),
        ("practice", "Z8", PRACTICES, 4, "U", PCNS),
    ):
        for n in range(count):
            code = f"{prefix}{n:0{width}d}"
            orgs.append(Org(code=code, kind=kind, name=f"{kind.capitalize()} {n}"))
            parent = f"{over}{n // (count // parts):03d}" if parts else over
            links.append(OrgLink(child_id=code, parent_id=parent))
    Org.objects.bulk_create(orgs, ignore_conflicts=True)
    OrgLink.objects.bulk_create(links)


if __name__ == "__main__":
    fill(int(sys.argv[1]), sys.argv[2])
