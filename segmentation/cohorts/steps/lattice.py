"""What of a cohort may stand behind a protected figure: the fixed lattice.

A protected count can be asked again and again with small changes, and no rounding
survives that (docs/security.md). So whoever sees protected figures asks in fixed
words: catalogued values and the catalogue's own edges, never a cut-point of their
own, never a list of persons; few dimensions at a time; and never about a handful of
neighbours. Source: the disclosure rules of ONS Census 2021 and OpenSAFELY.
"""

from collections.abc import Iterator

from pyroaring import BitMap

from linkage.release.catalogue import Attribute, Catalogue
from linkage.steps.holds import CountTest, FeatureTest
from segmentation.cohorts.specs import (
    Coded,
    Criterion,
    Dated,
    Known,
    Listed,
    Rule,
    Saved,
    Who,
    criteria,
    features_of,
)
from segmentation.cohorts.steps.members import People, members

MOST_DIMENSIONS = 4
LEAST_BASE = 100
# Who and where someone is, without anything about their health or care.
PLAIN = {
    "sex",
    "age_years",
    "age_band",
    "ethnicity",
    "ethnicity_group",
    "imd_fifth",
    "imd_decile",
    "is_registered",
    "is_resident",
    "is_rural",
}


def beyond_lattice(who: Who, catalogue: Catalogue) -> list[str]:
    """Say in words what keeps a cohort from protected figures; nothing if it is fit."""
    found = [
        reason
        for criterion in criteria(who)
        for reason in _beyond(criterion, catalogue)
    ]
    asked = dimensions(who)
    if len(asked) > MOST_DIMENSIONS:
        found.append(
            f"it asks {len(asked)} different things of a person, and protected figures"
            f" allow {MOST_DIMENSIONS}"
        )
    return list(dict.fromkeys(found))


def dimensions(who: Who) -> set[str]:
    """Return the attributes that a cohort is cut by."""
    return {name for criterion in criteria(who) for name in features_of(criterion)}


def room(who: Who, *more: str) -> bool:
    """Whether protected figures of a cohort may be cut by these attributes besides."""
    return len(dimensions(who) | set(more)) <= MOST_DIMENSIONS


def base(who: Who, people: People, scope: BitMap) -> BitMap:
    """Return the scope narrowed by plain steps alone: sex, age, ethnicity, place."""
    plain: list[Rule] = [rule for rule in who.all_of if _is_plain(rule)]
    return members(Who(all_of=tuple(plain)), people, scope)


def _is_plain(rule: Rule) -> bool:
    asked = [name for each in criteria_of(rule) for name in features_of(each)]
    only_features = all(
        isinstance(each, FeatureTest | Known) for each in criteria_of(rule)
    )
    return only_features and all(
        name in PLAIN or name.endswith("_code") for name in asked
    )


def criteria_of(rule: Rule) -> Iterator[Criterion]:
    """Give the criteria of one step."""
    return criteria(rule)


def _beyond(criterion: Criterion, catalogue: Catalogue) -> Iterator[str]:
    match criterion:
        case Listed():
            yield "it names an imported list of persons"
        case Saved():
            yield "it rests on another saved cohort"
        case Coded():
            yield "it searches records for codes of its own"
        case Dated():
            title = _title(criterion.feature, catalogue)
            yield f"it cuts “{title}” at dates of its own"
        case FeatureTest() if criterion.bounded:
            yield from _free_cuts(criterion, catalogue)
        case FeatureTest() | CountTest() | Known():
            return


def _free_cuts(test: FeatureTest, catalogue: Catalogue) -> Iterator[str]:
    attribute = catalogue[test.feature]
    edges = lattice_edges(attribute)
    cuts = {test.at_least, test.below} - {None}
    # A whole number above 9 is at least 10: the same people, in words of the lattice.
    if attribute.unit != "£":
        cuts |= {c + 1 for c in (test.above, test.at_most) if c is not None}
    else:
        cuts |= {test.above, test.at_most} - {None}
    if any(cut not in edges for cut in cuts):
        known = ", ".join(f"{edge:,.10g}" for edge in sorted(edges)) or "none"
        yield (
            f"it cuts “{attribute.title}” at a point of its own; protected figures know"
            f" {known}"
        )


def lattice_edges(attribute: Attribute) -> set[float]:
    """Return the edges at which a number may be cut in protected figures."""
    if attribute.name == "age_years":
        return {float(age) for age in range(0, 95, 5)} | {18.0}
    return {float(edge) for edge in attribute.bins}


def _title(name: str, catalogue: Catalogue) -> str:
    return catalogue[name].title if name in catalogue else name
