"""What criteria call things: features, values, places, code lists, saved cohorts."""

from functools import cache

from dashboards.selectors.asked import Asked
from dashboards.selectors.lenses import FIFTHS, SEXES, worded
from linkage import imported
from linkage.codebook.in_force import in_force
from linkage.release.catalogue import Attribute
from segmentation.cohorts.selectors import cohorts
from segmentation.cohorts.steps.words import Names
from segmentation.definitions import SCHEMES


def names_for(asked: Asked) -> Names:
    """Return the names that this viewer's sentences use."""
    places = asked.geography.names

    def label(attribute: str, value: str) -> str:
        if attribute.endswith("_code"):
            return places.get(value, value)
        return value_words(attribute, value)

    return Names(
        attributes=asked.release.catalogue,
        label=label,
        codelists=codelist_titles(),
        imported={each.pk: each.title for each in imported.lists(asked.viewer)},
        cohorts={cohort.pk: cohort.title for cohort in cohorts(asked.viewer)},
    )


def codelist_titles() -> dict[str, str]:
    """Every code list's title by its name, as they are in force."""
    return {name: each.spec.title for name, each in in_force().items()}


@cache
def segment_titles() -> dict[str, dict[str, str]]:
    """The titles of every scheme's segments, by the scheme's attribute."""
    return {
        scheme.attribute: {segment.name: segment.title for segment in scheme.segments}
        for scheme in SCHEMES.values()
    }


def value_words(attribute: str, value: str) -> str:
    """Say one value of an attribute: "1 (most deprived)", "Men and boys", "Severe"."""
    known = {"imd_fifth": FIFTHS, "sex": SEXES} | segment_titles()
    if attribute in known and value in known[attribute]:
        return known[attribute][value]
    return worded(value)


def choices(attribute: Attribute, asked: Asked) -> list[tuple[str, str]]:
    """Return the values that a criterion may tick, with their words."""
    if attribute.kind == "flag":
        return [("yes", "Yes"), ("no", "No")]
    if attribute.name.endswith("_code"):
        places = asked.geography.names
        named = [(value, places.get(value, value)) for value in attribute.values]
        return sorted(named, key=lambda pair: pair[1])
    return [(value, value_words(attribute.name, value)) for value in attribute.values]
