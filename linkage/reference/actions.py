"""Load a folder of reference data: organisations and areas to the store, postcodes
to the vault. The same folder twice changes nothing.
"""

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from governance import audit
from governance.access import refresh_scope
from governance.models import Area, AreaLink, Org, OrgLink, User
from linkage.reference.areas import Areas, read_areas
from linkage.reference.files import BadReference, Delivery
from linkage.reference.organisations import Organisations, read_organisations
from linkage.reference.postcodes import read_postcodes
from linkage.reference.successors import AREA_KINDS, read_successors

ORG_FIELDS = (
    "kind", "name", "ons_code", "opened_on", "closed_on", "longitude", "latitude",
)  # fmt: skip
AREA_FIELDS = (
    "kind", "name", "vintage", "imd_rank", "imd_decile", "is_rural", "traits",
)  # fmt: skip
BATCH = 2000


@dataclass
class Loaded:
    """What a load found, changed and did not read."""

    counts: dict[str, int] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def load_reference(*, folder: Path, by: str, valid_from: date | None = None) -> Loaded:
    """Load one folder of reference files.

    valid_from: links that this delivery gives differently from the last one end on
    that day and new ones begin; without it the delivery is a correction and links
    of the delivered organisations and areas that it no longer gives are removed.
    Postcodes are loaded where this process may open the vault. Raises BadReference
    before anything is written when a file cannot be used.
    """
    delivery = Delivery(folder)
    areas = read_areas(delivery)
    postcodes = read_postcodes(delivery)
    orgs = read_organisations(delivery, areas.lookup, postcodes)
    successors = read_successors(delivery, areas.lookup["lsoa_code"])
    done = Loaded(read=delivery.read, unread=delivery.unread())
    with transaction.atomic():
        _save_areas(areas, valid_from, done)
        _save_orgs(orgs, valid_from, done)
        _save_successors(successors, done)
        today = timezone.localdate()
        for user in User.objects.all():
            refresh_scope(user, today)
    _save_postcodes(postcodes, done)
    if orgs.outside:
        done.notes.append(
            f"{orgs.outside} practices of epraccur lie outside the ICB: left out"
        )
    audit.record(
        "reference_loaded", None, subject=folder.name, by=by, counts=done.counts
    )
    return done


def _save_orgs(found: Organisations, valid_from: date | None, done: Loaded) -> None:
    rows = [
        Org(**{k: v for k, v in row.items() if v is not None})
        for row in found.orgs.select("code", *ORG_FIELDS).iter_rows(named=True)
    ]
    Org.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=list(ORG_FIELDS),
        batch_size=BATCH,
    )
    for (kind,), part in found.orgs.group_by("kind", maintain_order=True):
        done.counts[str(kind)] = part.height
    _save_links(OrgLink, OrgLink.Kind.MEMBER, found.links, valid_from, done)


def _save_areas(found: Areas, valid_from: date | None, done: Loaded) -> None:
    # A delivery without boundaries leaves the outlines of the last one.
    drawn = pl.col("outline").is_not_null()
    for part, fields in (
        (found.areas.filter(drawn), (*AREA_FIELDS, "outline")),
        (found.areas.filter(~drawn), AREA_FIELDS),
    ):
        rows = part.select("code", *fields).iter_rows(named=True)
        Area.objects.bulk_create(
            [Area(**row | _decoded(row)) for row in rows],
            update_conflicts=True,
            unique_fields=["code"],
            update_fields=list(fields),
            batch_size=BATCH,
        )
    for (kind,), part in found.areas.group_by("kind", maintain_order=True):
        name = "council area" if kind == "council" else str(kind)
        done.counts[name] = part.height
    done.counts["areas with an outline"] = found.areas["outline"].count()
    links = found.links.with_columns(
        start_on=pl.lit(None, dtype=pl.Date), end_on=pl.lit(None, dtype=pl.Date)
    )
    _save_links(AreaLink, AreaLink.Kind.WITHIN, links, valid_from, done)


def _decoded(row: dict[str, Any]) -> dict[str, Any]:
    """The columns that are kept as JSON, out of their text."""
    texts = {name: row[name] for name in ("traits", "outline") if name in row}
    return {name: json.loads(text) for name, text in texts.items()}


def _save_links(
    model: type[OrgLink] | type[AreaLink],
    kind: str,
    links: pl.DataFrame,
    valid_from: date | None,
    done: Loaded,
) -> None:
    """Bring the links of the delivered children to what the delivery says."""
    wanted = {
        (child, parent, start_on): end_on
        for child, parent, start_on, end_on in links.select(
            "child", "parent", "start_on", "end_on"
        ).iter_rows()
    }
    children = {child for child, _, _ in wanted}
    kept = model.objects.filter(kind=kind, child_id__in=children)
    held = {(k.child_id, k.parent_id, k.start_on): k for k in kept}
    # A link begun on a later delivery's day is the one that this delivery gives
    # without a day.
    open_pairs = {
        (k.child_id, k.parent_id): k for k in held.values() if k.end_on is None
    }
    known = {child for child, _, _ in held}
    made, ended, gone = [], [], []
    matched = set()
    for (child, parent, start_on), end_on in wanted.items():
        link = held.get((child, parent, start_on))
        if link is None and start_on is None:
            link = open_pairs.get((child, parent))
        if link is None or (start_on is None and link.end_on is not None):
            begun = start_on or (valid_from if child in known else None)
            made.append(
                model(
                    child_id=child,
                    parent_id=parent,
                    kind=kind,
                    start_on=begun,
                    end_on=end_on,
                )
            )
        else:
            matched.add(link.pk)
            if link.end_on != end_on:
                link.end_on = end_on
                ended.append(link)
    for link in held.values():
        if link.pk in matched:
            continue
        if valid_from is None:
            gone.append(link.pk)
        elif link.end_on is None:
            link.end_on = valid_from
            ended.append(link)
    model.objects.filter(pk__in=gone).delete()
    model.objects.bulk_update(ended, ["end_on"], batch_size=BATCH)
    model.objects.bulk_create(made, batch_size=BATCH)
    what = "links of organisations" if model is OrgLink else "links of areas"
    done.counts[what] = len(wanted)
    done.changes |= {
        f"{what} made": len(made),
        f"{what} with a new end": len(ended),
        f"{what} removed": len(gone),
    }


def _save_successors(successors: pl.DataFrame, done: Loaded) -> None:
    """Keep closed codes as closed organisations or areas, pointing at the new ones."""
    ons = dict(Org.objects.exclude(ons_code="").values_list("ons_code", "code"))
    for row in successors.iter_rows(named=True):
        if row["kind"] in AREA_KINDS:
            _succeed_area(row)
        else:
            new = ons.get(row["new_code"], row["new_code"])
            _succeed_org(row, new)
    done.counts["successors"] = successors.height


def _succeed_org(row: dict[str, object], new: str) -> None:
    if not Org.objects.filter(code=new).exists():
        raise BadReference(
            f"successors: row {row['row']}: new_code {row['new_code']!r} is no"
            " organisation of this delivery"
        )
    old, _ = Org.objects.get_or_create(
        code=row["old_code"],
        defaults={"kind": row["kind"], "name": row["old_name"] or row["old_code"]},
    )
    Org.objects.filter(code=old.code).update(closed_on=row["changed_on"])
    OrgLink.objects.update_or_create(
        child=old,
        parent_id=new,
        kind=OrgLink.Kind.SUCCESSOR,
        defaults={"start_on": row["changed_on"]},
    )


def _succeed_area(row: dict[str, object]) -> None:
    if not Area.objects.filter(code=row["new_code"]).exists():
        raise BadReference(
            f"successors: row {row['row']}: new_code {row['new_code']!r} is no area"
            " of this delivery"
        )
    changed_on = row["changed_on"]
    assert isinstance(changed_on, date)
    old, _ = Area.objects.get_or_create(
        code=row["old_code"],
        defaults={
            "kind": row["kind"],
            "name": row["old_name"] or row["old_code"],
            "vintage": changed_on.year - 1,
        },
    )
    AreaLink.objects.update_or_create(
        child=old,
        parent_id=row["new_code"],
        kind=AreaLink.Kind.SUCCESSOR,
        defaults={"start_on": changed_on},
    )


def _save_postcodes(postcodes: pl.DataFrame, done: Loaded) -> None:
    done.counts["postcodes"] = postcodes.height
    if "vault" not in settings.DATABASES:
        done.notes.append(
            "postcodes were read and not kept: this process may not open the vault"
            " (run load_reference as the vault process)"
        )
        return
    from linkage.vault.store import replace_postcodes

    replace_postcodes(postcodes.select("postcode", "lsoa_code"))
