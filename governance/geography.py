"""The two hierarchies as at a date: registered organisations and resident areas.

Frames are for steps and bulk work, dictionaries for pages. Links are dated, so the
same question asked of another date may have another answer.
"""

from datetime import date
from hashlib import sha256

import polars as pl
from django.db.models import Q

from governance.models import Area, AreaLink, Org, OrgLink

REGISTERED = ("practice", "pcn", "neighbourhood", "place", "sub_icb", "icb")
RESIDENT = ("lsoa", "msoa", "ward", "district", "council")
# Deciles of the domains of the Indices of Deprivation, kept in Area.traits.
AREA_DECILES = (
    "imd_income",
    "imd_employment",
    "imd_education",
    "imd_health",
    "imd_crime",
    "imd_housing",
    "imd_environment",
)
FUEL_POVERTY = "fuel_poverty_percent"


def registered_hierarchy(as_of: date) -> pl.DataFrame:
    """One row per practice open on the date, with what it belongs to on that date.

    Columns practice_code, pcn_code, neighbourhood_code, place_code, sub_icb_code,
    icb_code (text; null where the practice belongs to none), sorted by practice_code.
    """
    kinds = dict(Org.objects.values_list("code", "kind"))
    parents = _parents(OrgLink, OrgLink.Kind.MEMBER, as_of)
    practices = (
        Org.objects.filter(kind=Org.Kind.PRACTICE)
        .filter(Q(closed_on__isnull=True) | Q(closed_on__gt=as_of))
        .order_by("code")
        .values_list("code", flat=True)
    )
    return _frame(list(practices), kinds, parents, REGISTERED)


def resident_hierarchy(as_of: date) -> pl.DataFrame:
    """One row per LSOA: lsoa_code, msoa_code, ward_code, district_code, council_code,
    imd_decile (1 = most deprived), imd_fifth, imd_rank, is_rural, the deciles of the
    seven domains of deprivation, fuel_poverty_percent (of households); sorted by
    lsoa_code. Null where the reference data do not say.

    A unitary council is its own district.
    """
    kinds = dict(Area.objects.values_list("code", "kind"))
    parents = _parents(AreaLink, AreaLink.Kind.WITHIN, as_of)
    # An LSOA that another has replaced stays in the table for old records, and
    # belongs to nothing on this date.
    codes = sorted(c for c, kind in kinds.items() if kind == "lsoa" and c in parents)
    traits = pl.DataFrame(
        list(
            Area.objects.filter(kind=Area.Kind.LSOA).values_list(
                "code",
                "imd_decile",
                "imd_rank",
                "is_rural",
                *(f"traits__{name}" for name in (*AREA_DECILES, FUEL_POVERTY)),
            )
        ),
        schema={
            "lsoa_code": pl.String,
            "imd_decile": pl.Int16,
            "imd_rank": pl.Int32,
            "is_rural": pl.Boolean,
            **dict.fromkeys(AREA_DECILES, pl.Int16),
            FUEL_POVERTY: pl.Float64,
        },
        orient="row",
    )
    return (
        _frame(codes, kinds, parents, RESIDENT)
        .with_columns(
            pl.coalesce("district_code", "council_code").alias("district_code")
        )
        .join(traits, on="lsoa_code", how="left", maintain_order="left")
        .with_columns(imd_fifth=((pl.col("imd_decile") + 1) // 2).cast(pl.Int16))
    )


def geography(as_of: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Both hierarchies as at a date: (registered, resident)."""
    return registered_hierarchy(as_of), resident_hierarchy(as_of)


def fingerprint() -> str:
    """One hash of everything that the hierarchies of any date are made from."""
    whole = sha256()
    for model in (Org, OrgLink, Area, AreaLink):
        columns = [field.attname for field in model._meta.concrete_fields]
        for row in model.objects.order_by("pk").values_list(*columns).iterator():
            whole.update(repr(row).encode())
    return whole.hexdigest()


def names() -> dict[str, str]:
    """The name of every organisation and area by its code."""
    return dict(Area.objects.values_list("code", "name")) | dict(
        Org.objects.values_list("code", "name")
    )


def renamed() -> dict[str, str]:
    """Old code to new of every organisation and area that one other has replaced.

    Organisations stand under their ONS codes too. What was split is left out.
    """
    pairs: dict[str, set[str]] = {}
    for model, kind in (
        (OrgLink, OrgLink.Kind.SUCCESSOR),
        (AreaLink, AreaLink.Kind.SUCCESSOR),
    ):
        links = model.objects.filter(kind=kind).values_list("child_id", "parent_id")
        for old, new in links:
            pairs.setdefault(old, set()).add(new)
    ons = dict(Org.objects.exclude(ons_code="").values_list("code", "ons_code"))
    for old in [code for code in pairs if code in ons]:
        pairs[ons[old]] = {ons[new] for new in pairs[old] if new in ons}
    return {old: min(new) for old, new in pairs.items() if len(new) == 1}


def current_codes(code: str, as_of: date) -> list[str]:
    """What a code has become by a date: itself, its successor, or several of a split.

    Takes ONS codes of organisations too. Unknown codes give an empty list.
    """
    model: type[OrgLink] | type[AreaLink]
    if Area.objects.filter(code=code).exists():
        model, kind, start = AreaLink, AreaLink.Kind.SUCCESSOR, [code]
    else:
        model, kind = OrgLink, OrgLink.Kind.SUCCESSOR
        start = list(
            Org.objects.filter(Q(code=code) | Q(ons_code=code)).values_list(
                "code", flat=True
            )
        )
    next_of: dict[str, list[str]] = {}
    changes = model.objects.filter(kind=kind, start_on__lte=as_of)
    for child, parent in changes.values_list("child_id", "parent_id"):
        next_of.setdefault(child, []).append(parent)
    found, queue, seen = set(), start, set()
    while queue:
        at = queue.pop()
        if at in seen:
            continue
        seen.add(at)
        if at in next_of:
            queue.extend(next_of[at])
        else:
            found.add(at)
    return sorted(found)


def _parents(
    model: type[OrgLink] | type[AreaLink], kind: str, as_of: date
) -> dict[str, list[str]]:
    """Parents of every child by links in force on a date (a link's end is excluded)."""
    links = (
        model.objects.filter(kind=kind)
        .filter(Q(start_on__isnull=True) | Q(start_on__lte=as_of))
        .filter(Q(end_on__isnull=True) | Q(end_on__gt=as_of))
        .order_by("child_id", "parent_id")
        .values_list("child_id", "parent_id")
    )
    parents: dict[str, list[str]] = {}
    for child, parent in links:
        parents.setdefault(child, []).append(parent)
    return parents


def _frame(
    codes: list[str],
    kinds: dict[str, str],
    parents: dict[str, list[str]],
    levels: tuple[str, ...],
) -> pl.DataFrame:
    """One row per code with its nearest ancestor of each level.

    Nearest wins: a practice's own link to a neighbourhood counts before that of its
    network.
    """
    rows = []
    for code in codes:
        found = {kinds[code]: code}
        reach, seen = [code], {code}
        while reach:
            reach = [p for at in reach for p in parents.get(at, []) if p not in seen]
            seen.update(reach)
            for parent in reach:
                found.setdefault(kinds[parent], parent)
        rows.append([found.get(level) for level in levels])
    return pl.DataFrame(
        rows, schema={f"{level}_code": pl.String for level in levels}, orient="row"
    )
