"""What the columns of `derive` are called, and which values they may take."""

from collections.abc import Mapping
from dataclasses import replace

from linkage.feature_specs import (
    AnyOf,
    CountActivity,
    FeatureSpec,
    HasCode,
    LatestCode,
    LatestDate,
    LatestValue,
    OpenActivity,
    Overdue,
    Person,
    Register,
    When,
)
from linkage.release.catalogue import Attribute
from linkage.steps.derive.people import REGISTERED, RESIDENT, Geography
from linkage.steps.derive.words import CATEGORIES, NUMBERS

LEVELS = {
    "practice_code": "GP practice",
    "pcn_code": "Primary care network",
    "neighbourhood_code": "Neighbourhood",
    "place_code": "Place",
    "sub_icb_code": "Sub-ICB location",
    "icb_code": "Integrated care board",
    "lsoa_code": "LSOA of residence",
    "msoa_code": "MSOA of residence",
    "ward_code": "Ward of residence",
    "district_code": "District of residence",
    "council_code": "Council of residence",
}


def attributes(
    specs: Mapping[str, FeatureSpec], geography: Geography
) -> list[Attribute]:
    """Every attribute of the features part, in the order of the columns of `derive`.

    A level of the hierarchy without any code (no place in the reference data) has no
    attribute.
    """
    registered, resident = geography
    made = []
    for levels, frame in ((REGISTERED, registered), (RESIDENT, resident)):
        for level in levels:
            codes = tuple(frame[level].drop_nulls().unique().sort().to_list())
            if codes:
                made.append(Attribute(level, LEVELS[level], "category", values=codes))
    for name, spec in specs.items():
        made += [replace(each, sensitive=spec.sensitive) for each in _of(name, spec)]
    return made


def _of(name: str, spec: FeatureSpec) -> list[Attribute]:
    rule, source = spec.rule, f"features/{name}.yaml"
    numbers = {"unit": spec.unit, "bins": spec.bins, "source": source}
    match rule:
        case Register():
            return [
                Attribute(f"has_{name}", spec.title, "flag", source=source),
                Attribute(
                    f"{name}_since", f"{spec.title}, since", "date", source=source
                ),
            ]
        case HasCode() | OpenActivity() | AnyOf() | When() | Overdue():
            return [Attribute(name, spec.title, "flag", source=source)]
        case LatestDate():
            return [Attribute(name, spec.title, "date", source=source)]
        case LatestCode():
            first = Attribute(
                name, spec.title, "category", values=tuple(rule.groups), source=source
            )
        case LatestValue():
            first = Attribute(name, spec.title, "number", **numbers)  # type: ignore[arg-type]
        case CountActivity() if rule.take == "cost":
            return [
                Attribute(name, spec.title, "number", **(numbers | {"unit": "£"}))  # type: ignore[arg-type]
            ]
        case Person() if rule.of in CATEGORIES:
            values = CATEGORIES[rule.of]
            return [
                Attribute(name, spec.title, "category", values=values, source=source)
            ]
        case Person() if rule.of not in NUMBERS:
            return [Attribute(name, spec.title, "flag", source=source)]
        case _:
            return [Attribute(name, spec.title, "number", **numbers)]  # type: ignore[arg-type]
    dated = Attribute(f"{name}_on", f"{spec.title}, date", "date", source=source)
    return [first, dated]
