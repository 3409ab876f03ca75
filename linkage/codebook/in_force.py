"""The codelists in force: the product's files, and what was accepted over them."""

from collections.abc import Mapping
from hashlib import sha256

from linkage.code_lists import Codelist
from linkage.feature_definitions import FEATURES, codelists, guarded_codelists
from linkage.feature_specs import CodelistSpec
from linkage.models import CodelistVersion
from linkage.steps.codelist_change import readers


def in_force() -> dict[str, Codelist]:
    """Every codelist by its name, the latest accepted version of each."""
    accepted = CodelistVersion.objects.filter(state=CodelistVersion.State.ACCEPTED)
    found = dict(codelists())
    for version in accepted.order_by("name", "version"):
        found[version.name] = as_codelist(version)
    return dict(sorted(found.items()))


def guarded_codes() -> frozenset[str]:
    """The codes and stems that sensitive features read: for few roles and purposes.

    Of the product's files, and of what was accepted over them.
    """
    names = guarded_codelists()
    accepted = CodelistVersion.objects.filter(
        name__in=names, state=CodelistVersion.State.ACCEPTED
    ).values_list("codes", flat=True)
    lists = [*(codelists()[name].codes for name in names), *accepted]
    return frozenset(code for codes in lists for code in codes)


def as_codelist(version: CodelistVersion) -> Codelist:
    """A kept version in the form that `derive` takes."""
    spec = CodelistSpec(
        title=version.title,
        system=version.system,
        match=version.match,  # type: ignore[arg-type]
        source=version.source,
    )
    return Codelist(version.name, spec, dict(version.codes), version.digest)


def digest_of(spec: CodelistSpec, codes: dict[str, str]) -> str:
    """One hash for a list's codes, terms and entry, in whatever order they came."""
    said = spec.model_dump_json() + repr(sorted(codes.items()))
    return sha256(said.encode()).hexdigest()


def ground_of(name: str, lists: Mapping[str, Codelist]) -> str:
    """One hash for what a change of a list is a change to.

    The list itself, and every other that a feature which reads it reads: who enters and
    leaves a register hangs on its codes that end it as well.
    """
    beside = {n for spec in readers(FEATURES, name).values() for n in spec.codelists}
    said = [(n, lists[n].digest) for n in sorted({name, *beside}) if n in lists]
    return sha256(repr(said).encode()).hexdigest()


def hashes() -> dict[str, str]:
    """The hash of every codelist in force, for the release that uses them."""
    return {name: codelist.digest for name, codelist in in_force().items()}
