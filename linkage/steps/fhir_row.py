"""Flatten one FHIR R4 resource to the text columns of the feed `fhir_r4`."""

from collections.abc import Iterator, Mapping
from typing import Any

from linkage.steps.fhir_files import listed

Row = dict[str, str | None]

SNOMED = "http://snomed.info/sct"
# The short names of the code systems that are kept as they are ("loinc:8302-2").
LOCAL_SYSTEMS = {
    "http://loinc.org": "loinc",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "rxnorm",
    "http://hl7.org/fhir/sid/cvx": "cvx",
}
# LOINC and SNOMED CT codes that stand for one measurement with one unit, as HL7's
# vital signs profiles and the UK Core R4 examples pair them.
VITAL_SIGNS = {
    "39156-5": "60621009",  # body mass index, kg/m2
    "29463-7": "27113001",  # body weight, kg
    "8302-2": "50373000",  # body height, cm
    "8480-6": "72313002",  # systolic arterial pressure, mm[Hg]
    "8462-4": "1091811000000102",  # diastolic arterial pressure, mm[Hg]
}
DMD = ("https://dmd.nhs.uk", "http://dmd.nhs.uk")
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
ODS_CODE = "https://fhir.nhs.uk/Id/ods-organization-code"
UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/"
ETHNIC_CATEGORY = UK_CORE + "Extension-UKCore-EthnicCategory"
INTERPRETER = UK_CORE + "Extension-UKCore-InterpreterRequired"
ADMISSION_METHOD = UK_CORE + "Extension-UKCore-AdmissionMethod"
VACCINATION_PROCEDURE = UK_CORE + "Extension-UKCore-VaccinationProcedure"
COMPONENTS = 6
# Where each type says when it happened, first one found; periods give their start.
WHEN = {
    "Patient": ("birthDate",),
    "Encounter": ("period",),
    "Condition": ("onsetDateTime", "onsetPeriod", "recordedDate"),
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant"),
    "Procedure": ("performedDateTime", "performedPeriod"),
    "MedicationRequest": ("authoredOn",),
    "Immunization": ("occurrenceDateTime",),
    "CarePlan": ("period", "created"),
    "EpisodeOfCare": ("period",),
}
RECORDED = ("recordedDate", "issued", "recorded", "authoredOn", "created")
CODED_IN = {
    "Condition": ("code",),
    "Observation": ("code",),
    "Procedure": ("code",),
    "MedicationRequest": ("medicationCodeableConcept",),
    "Immunization": ("vaccineCode",),
    "CarePlan": ("category", "code"),
}
# Types that say something of a patient, and are refused where they name none.
ABOUT_SOMEBODY = {"Encounter", "EpisodeOfCare", *CODED_IN}
# What was not done, not meant or not yet so is no fact about the person.
NO_FACT = {
    "entered-in-error", "not-done", "cancelled", "planned", "draft", "refuted",
    "proposed", "unknown", "preparation", "waitlist",
}  # fmt: skip
BASE = ("resource_type", "resource_id", "state", "on_date", "recorded_on", "version_on")
PERSON = (
    "patient_id", "nhs_number", "surname", "forename", "born_on", "sex", "line1",
    "postcode", "lived_from", "ethnicity", "died_on", "language",
    "needs_interpreter", "practice_code",
)  # fmt: skip
FACT = (
    "code_snomed", "code_dmd", "code_local", "value", "unit", "value_snomed",
    "encounter_class", "ended_on", "provider", "admission_method", "reason_snomed",
    "care_type",
)  # fmt: skip
COMPONENT = tuple(
    f"component_{part}_{n:02d}"
    for n in range(1, COMPONENTS + 1)
    for part in ("snomed", "local", "value", "unit")
)
COLUMNS = (*BASE, *PERSON, *FACT, *COMPONENT)


def fhir_row(
    resource: Mapping[str, Any],
    person: Row,
    medications: Mapping[str, Mapping[str, Any]],
) -> Row:
    """One row with COLUMNS; null where the resource says nothing.

    person: the row of `person_row` for the patient it is about. medications: the
    delivery's Medication resources by "Medication/id".
    """
    kind = str(resource["resourceType"])
    row: Row = dict.fromkeys(COLUMNS)
    row |= person
    row["resource_type"] = kind
    row["resource_id"] = _text(resource.get("id"))
    row["state"] = _state(resource)
    row["on_date"] = _first_day(resource, WHEN.get(kind, ()))
    row["version_on"] = _day(_at(resource, "meta", "lastUpdated"))
    row["recorded_on"] = _first_day(resource, RECORDED)
    # Required of every row by the feed, so that an unknown class is no silence.
    row["encounter_class"] = "none"
    if kind == "Encounter":
        row |= _encounter(resource)
    elif kind == "EpisodeOfCare":
        row |= _episode(resource)
    elif kind in CODED_IN:
        row |= _coded(resource, kind, medications)
    return row


def person_row(patient: Mapping[str, Any]) -> Row:
    """What a Patient says about who it is. Of identifiers only the NHS number is read:
    record numbers, social security and passport numbers of other systems stay out.
    """
    name = _preferred(patient.get("name"), "official")
    home = _preferred(patient.get("address"), "home")
    speaks = _preferred(patient.get("communication"), "")
    surgery = _text(
        next(
            (
                identifier.get("value")
                for reference in listed(patient.get("generalPractitioner"))
                for identifier in listed(reference.get("identifier"))
                if identifier.get("system") == ODS_CODE
            ),
            None,
        )
    )
    return {
        "patient_id": _text(patient.get("id")),
        "nhs_number": nhs_number(patient),
        "surname": _text(name.get("family")),
        "forename": _text(next(iter(listed(name.get("given"))), None)),
        "born_on": _text(patient.get("birthDate")),
        "sex": _text(patient.get("gender")),
        "line1": _text(next(iter(listed(home.get("line"))), None)),
        "postcode": _text(home.get("postalCode")),
        "lived_from": _day(_at(home, "period", "start")),
        "ethnicity": _code(_extension(patient, ETHNIC_CATEGORY)),
        "died_on": _day(patient.get("deceasedDateTime")),
        "language": _code(speaks.get("language")),
        "needs_interpreter": _flag(patient, INTERPRETER),
        "practice_code": surgery,
    }


def nhs_number(holder: Mapping[str, Any]) -> str | None:
    """The NHS number among the identifiers of a resource or a reference."""
    for identifier in listed(holder.get("identifier")):
        if isinstance(identifier, dict) and identifier.get("system") == NHS_NUMBER:
            return _text(identifier.get("value"))
    return None


def _encounter(resource: Mapping[str, Any]) -> Row:
    hospital = resource.get("hospitalization") or {}
    return {
        "encounter_class": _text(_at(resource, "class", "code")),
        "ended_on": _day(_at(resource, "period", "end")),
        "provider": _ods_code(resource.get("serviceProvider")),
        "admission_method": _code(_extension(hospital, ADMISSION_METHOD)),
        "reason_snomed": _code(resource.get("reasonCode"), SNOMED),
    }


def _episode(resource: Mapping[str, Any]) -> Row:
    """A time in an organisation's care. One that is finished and does not say since
    when ends with its last update, or else on its first day: it must not stay open.
    """
    ended = _day(_at(resource, "period", "end"))
    if ended is None and resource.get("status") == "finished":
        ended = _day(_at(resource, "meta", "lastUpdated"))
        ended = ended or _first_day(resource, WHEN["EpisodeOfCare"])
    kind = resource.get("type")
    return {
        "ended_on": ended,
        "provider": _ods_code(resource.get("managingOrganization")),
        "care_type": _code(kind, SNOMED) or _code(kind),
    }


def _coded(
    resource: Mapping[str, Any],
    kind: str,
    medications: Mapping[str, Mapping[str, Any]],
) -> Row:
    concept = next((resource[c] for c in CODED_IN[kind] if resource.get(c)), None)
    if kind == "MedicationRequest" and concept is None:
        reference = str(_at(resource, "medicationReference", "reference") or "")
        concept = medications.get(reference, {}).get("code")
        for inside in listed(resource.get("contained")):
            if reference == f"#{inside.get('id')}":
                concept = inside.get("code")
    if kind == "Immunization":
        concept = [*_extension(resource, VACCINATION_PROCEDURE), *listed(concept)]
    row: Row = _codes(concept, "code_") | {
        "code_dmd": next(filter(None, (_code(concept, s) for s in DMD)), None),
        "ended_on": _first_day(resource, ("abatementDateTime", "period")),
    }
    if kind == "Observation":
        row |= {
            "value": _text(_at(resource, "valueQuantity", "value")),
            "unit": _unit(resource),
            "value_snomed": _code(resource.get("valueCodeableConcept"), SNOMED),
        }
        parts = listed(resource.get("component"))[:COMPONENTS]
        for n, part in enumerate(parts, start=1):
            row |= _codes(part.get("code"), "component_", f"_{n:02d}")
            row |= {
                f"component_value_{n:02d}": _text(_at(part, "valueQuantity", "value")),
                f"component_unit_{n:02d}": _unit(part),
            }
    return row


def _state(resource: Mapping[str, Any]) -> str:
    """ "valid", or the status that makes the resource no fact."""
    said = [
        resource.get("status"),
        _code(resource.get("verificationStatus")),
    ]
    return next((s for s in said if isinstance(s, str) and s in NO_FACT), "valid")


def _codings(concept: Any) -> Iterator[Mapping[str, Any]]:
    for each in listed(concept):
        if isinstance(each, dict):
            yield from (c for c in listed(each.get("coding")) if isinstance(c, dict))


def _code(concept: Any, system: str | None = None) -> str | None:
    """The first code of a concept, of one system where given."""
    for coding in _codings(concept):
        if coding.get("code") and system in (None, coding.get("system")):
            return _text(coding["code"])
    return None


def _codes(concept: Any, before: str, after: str = "") -> Row:
    """The SNOMED CT code of a concept, or else its code in a system that we keep."""
    snomed, local = _code(concept, SNOMED), None
    for coding in _codings(concept):
        short = LOCAL_SYSTEMS.get(str(coding.get("system")))
        if snomed is None and short == "loinc":
            snomed = VITAL_SIGNS.get(str(coding.get("code")))
        if short and coding.get("code"):
            local = local or f"{short}:{coding['code']}"
    return {
        f"{before}snomed{after}": snomed,
        f"{before}local{after}": None if snomed else local,
    }


def _unit(holder: Mapping[str, Any]) -> str | None:
    quantity = holder.get("valueQuantity") or {}
    return _text(quantity.get("code") or quantity.get("unit"))


def _extension(holder: Mapping[str, Any], url: str) -> list[Any]:
    return [
        e.get("valueCodeableConcept")
        for e in listed(holder.get("extension"))
        if isinstance(e, dict) and e.get("url") == url
    ]


def _flag(holder: Mapping[str, Any], url: str) -> str | None:
    for extension in listed(holder.get("extension")):
        if isinstance(extension, dict) and extension.get("url") == url:
            return _text(extension.get("valueBoolean"))
    return None


def _ods_code(reference: Any) -> str | None:
    for identifier in listed(_at(reference, "identifier")):
        if isinstance(identifier, dict) and identifier.get("system") == ODS_CODE:
            return _text(identifier.get("value"))
    return None


def _preferred(items: Any, use: str) -> Mapping[str, Any]:
    """The item of the wanted use, or preferred; else the first that is not old."""
    found = [i for i in listed(items) if isinstance(i, dict)]
    for item in found:
        if item.get("use") == use or item.get("preferred") is True:
            return item
    return next((i for i in found if i.get("use") != "old"), {})


def _first_day(resource: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = resource.get(name)
        day = _day(value.get("start") if isinstance(value, dict) else value)
        if day:
            return day
    return None


def _day(value: Any) -> str | None:
    """The day as written, without its time; of a year or month the first day.

    General practice records do the same with partial dates (EMIS: 1 January).
    """
    text = _text(value)
    if text is None:
        return None
    return text[:10] + {4: "-01-01", 7: "-01"}.get(len(text), "")


def _at(holder: Any, *names: str) -> Any:
    for name in names:
        if not isinstance(holder, dict):
            return None
        holder = holder.get(name)
    return holder


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, dict | list):
        return None
    return str(value)
