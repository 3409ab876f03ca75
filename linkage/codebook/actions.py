"""Codelists change in two steps: proposed with their effect, then accepted."""

from collections import defaultdict

import polars as pl
from django.db import connection, transaction
from django.utils import timezone
from pyroaring import BitMap

from governance import audit
from governance.definitions import DefinitionError
from governance.geography import geography
from linkage.code_lists import parse_codes
from linkage.codebook.in_force import as_codelist, digest_of, ground_of, in_force
from linkage.codebook.selectors import change_of
from linkage.feature_definitions import FEATURES
from linkage.feature_specs import CodelistSpec
from linkage.models import CodelistEffect, CodelistVersion, ReleasePointer
from linkage.release import parts, store
from linkage.release.actions import FEATURES_PART
from linkage.steps.codelist_change import movements, readers
from linkage.steps.derive import derive, standing_on

NAME_LENGTH = 60
ACCEPT_LOCK = 7_201_963  # the advisory lock of whoever puts a list in force


class RefusedCodelistError(ValueError):
    """A codelist that cannot be proposed or accepted; the message says why."""


def propose(
    *,
    name: str,
    text: str,
    where: str,
    why: str,
    by: str,
    system: str = "",
    match: str = "",
    title: str = "",
    source: str = "",
) -> CodelistVersion:
    """Keep a new version of a codelist beside the one in force; nothing changes yet.

    What is left empty is taken from the version in force. `text` is the CSV,
    `where` the name of its file. RefusedCodelistError for a file without codes, a
    list that says nothing new, or a new list without system and title.
    """
    known = in_force().get(name)
    if not name.isidentifier() or len(name) > NAME_LENGTH or name != name.lower():
        raise RefusedCodelistError(
            "Name the list in small letters, digits and underscores, as x_icd10."
        )
    if known is None and not (system and title):
        raise RefusedCodelistError(
            f"{name} is a new list: say its title and coding system."
        )
    try:
        spec = CodelistSpec.model_validate(
            {
                "title": title or (known.spec.title if known else ""),
                "system": system or (known.spec.system if known else ""),
                "match": match or (known.spec.match if known else "exact"),
                "source": source or where,
            }
        )
        codes = parse_codes(text, where)
    except (DefinitionError, ValueError) as error:
        raise RefusedCodelistError(str(error)) from error
    if known and known.terms == codes and known.spec.match == spec.match:
        raise RefusedCodelistError(
            f"{where} holds the same codes and terms as {name} in force."
        )
    with transaction.atomic():
        latest = CodelistVersion.objects.filter(name=name).order_by("-version").first()
        made = CodelistVersion.objects.create(
            name=name,
            # Version 1 is the file that the product came with.
            version=latest.version + 1 if latest else 2 if known else 1,
            state=CodelistVersion.State.PROPOSED,
            title=spec.title,
            system=spec.system,
            match=spec.match,
            source=spec.source,
            why=why,
            codes=codes,
            digest=digest_of(spec, codes),
            proposed_by=by,
        )
        audit.record(
            "codelist_proposed",
            None,
            subject=f"{name} version {made.version}",
            by=by,
            codes=len(codes),
        )
    return made


def measure(*, version_id: int) -> CodelistVersion:
    """Work out who enters and leaves each feature by a proposed version.

    As at the date of the published release, over every shard; as the worker. May be
    repeated: what stands already is not worked out again, and what a decision was made
    on stays as it was shown. LookupError before the first release.
    """
    version = CodelistVersion.objects.get(pk=version_id)
    if version.state != CodelistVersion.State.PROPOSED:
        return version
    pointer = ReleasePointer.objects.select_related("release").first()
    if pointer is None:
        raise LookupError("no release has been published")
    as_of = pointer.release.as_of
    old = in_force()
    ground = ground_of(version.name, old)
    if (version.measured_on, version.measured_against) == (as_of, ground):
        return version
    new = old | {version.name: as_codelist(version)}
    wanted = readers(FEATURES, version.name)
    columns = [c for name, spec in wanted.items() for c in spec.columns(name)]
    specs = standing_on(FEATURES, columns)
    found: dict[tuple[str, str], BitMap] = defaultdict(BitMap)
    before: dict[str, BitMap] = defaultdict(BitMap)
    if version.name not in old:
        columns, specs = [], {}
    places = geography(as_of)
    shards = parts.shards(pointer.release_id, FEATURES_PART) if columns else []
    for shard in shards:
        read = store.read_shard(shard, until=as_of)
        frames = [
            derive(
                read.person,
                read.registration,
                read.residence,
                read.event,
                read.activity,
                places,
                specs=specs,
                codelists=lists,
                as_of=as_of,
            )
            for lists in (old, new)
        ]
        for key, people in movements(*frames, columns).items():
            found[key] |= BitMap(people)
        for column in columns:
            was = frames[0][column]
            held = was.fill_null(value=False) if was.dtype == pl.Boolean else None
            held = was.is_not_null() if held is None else held
            before[column] |= BitMap(frames[0]["person_no"].filter(held).to_list())
    with transaction.atomic():
        version = CodelistVersion.objects.select_for_update().get(pk=version_id)
        if version.state != CodelistVersion.State.PROPOSED:
            return version  # decided while this was being worked out
        CodelistEffect.objects.filter(version=version).delete()
        CodelistEffect.objects.bulk_create(
            CodelistEffect(
                version=version,
                feature=column,
                way=way,
                people=people.serialize(),
                before=before[column].serialize(),
            )
            for (column, way), people in sorted(found.items())
        )
        version.measured_on = as_of
        version.measured_against = ground
        version.save(update_fields=["measured_on", "measured_against"])
    return version


def accept(*, version_id: int, by: str) -> CodelistVersion:
    """Put a proposed version in force from the next refresh on.

    By somebody else than who proposed it, and after its effect was worked out beside
    the lists that are in force now: what was shown is what happens.
    """
    with transaction.atomic():
        # Two lists that one feature reads would each be accepted for the effect beside
        # the other's old codes.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ACCEPT_LOCK])
        version = CodelistVersion.objects.select_for_update().get(pk=version_id)
        if version.state != CodelistVersion.State.PROPOSED:
            raise RefusedCodelistError(f"This version is already {version.state}.")
        if version.measured_on is None:
            raise RefusedCodelistError(
                "Wait until its effect on the registers has been worked out."
            )
        if version.proposed_by == by:
            raise RefusedCodelistError("Somebody else must accept what you proposed.")
        if version.measured_against != ground_of(version.name, in_force()):
            raise RefusedCodelistError(
                "Another list that these features read was accepted after this effect"
                " was worked out. It is being worked out again: look at it before you"
                " accept."
            )
        CodelistVersion.objects.filter(
            name=version.name, state=CodelistVersion.State.ACCEPTED
        ).update(state=CodelistVersion.State.SUPERSEDED)
        return _decided(version, CodelistVersion.State.ACCEPTED, by)


def decline(*, version_id: int, by: str) -> CodelistVersion:
    """Close a proposed version without putting it in force."""
    with transaction.atomic():
        version = CodelistVersion.objects.select_for_update().get(pk=version_id)
        if version.state != CodelistVersion.State.PROPOSED:
            raise RefusedCodelistError(f"This version is already {version.state}.")
        return _decided(version, CodelistVersion.State.DECLINED, by)


def _decided(version: CodelistVersion, state: str, by: str) -> CodelistVersion:
    version.state = state
    version.decided_by = by
    version.decided_at = timezone.now()
    version.save(update_fields=["state", "decided_by", "decided_at"])
    changed = change_of(version)
    audit.record(
        f"codelist_{state}",
        None,
        subject=f"{version.name} version {version.version}",
        by=by,
        added=len(changed.added),
        removed=len(changed.removed),
    )
    return version
