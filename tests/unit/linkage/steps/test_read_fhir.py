"""FHIR R4 resources become rows; none is lost, and none brings a foreign identifier."""

import json
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from linkage.definitions import FEEDS
from linkage.steps.read import read
from linkage.steps.read_fhir import read_fhir
from linkage.steps.validate import validate

SPEC = FEEDS["fhir_r4"]
SNOMED = "http://snomed.info/sct"
UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/"


def concept(code: str, system: str = SNOMED) -> dict:
    return {"coding": [{"system": system, "code": code}]}


def patient(**more) -> dict:
    return {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [
            {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-44-4693"},
            {"system": "http://hospital.example.org", "value": "MRN-771"},
            {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"},
        ],
        "name": [
            {"use": "maiden", "family": "Before", "given": ["Ada"]},
            {"use": "official", "family": "Byron", "given": ["Ada", "King"]},
        ],
        "gender": "female",
        "birthDate": "1950-12-10",
        **more,
    }


def about(kind: str, number: str = "r1", who: str = "Patient/p1", **more) -> dict:
    return {
        "resourceType": kind,
        "id": number,
        "subject": {"reference": who},
        **more,
    }


def condition(number: str = "c1", **more) -> dict:
    usual = {"code": concept("44054006"), "onsetDateTime": "2020-05-06T01:02:03Z"}
    return about("Condition", number, **usual | more)


def bundle(*resources: dict) -> dict:
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": f"urn:uuid:{r.get('id')}", "resource": r} for r in resources
        ],
    }


def rows(path: Path, *resources: dict) -> list[dict]:
    path.write_text(json.dumps(bundle(*resources)))
    return pl.concat(list(read_fhir(path))).to_dicts()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bundle.json"


def checked(path: Path):
    (frame,) = read(path, SPEC)
    return validate(frame, SPEC, date(2026, 9, 30)), frame.height


def test_a_resource_carries_the_identity_of_its_patient(file) -> None:
    # The patient comes after what is said about them.
    said, _ = rows(file, condition(), patient())
    assert said["resource_type"] == "Condition"
    assert (said["surname"], said["forename"]) == ("Byron", "Ada")
    assert said["nhs_number"] == "9990000018"
    assert said["on_date"] == "2020-05-06"
    assert said["code_snomed"] == "44054006"


@pytest.mark.parametrize(
    "reference",
    [
        "urn:uuid:p1",
        "Patient/p1",
        "https://fhir.example.org/r4/Patient/p1",
        "Patient/p1/_history/3",
        "Patient?identifier=http://hospital.example.org|MRN-771",
    ],
)
def test_every_way_to_name_a_patient_finds_them(file, reference) -> None:
    said, _ = rows(file, condition(subject={"reference": reference}), patient())
    assert said["surname"] == "Byron"


def test_a_reference_by_nhs_number_alone_is_kept(file) -> None:
    identifier = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}
    (said,) = rows(file, condition(subject={"identifier": identifier}))
    assert said["nhs_number"] == "9990000018"
    assert said["refused"] is None


def test_identifiers_of_other_systems_are_not_read(file) -> None:
    read_back = json.dumps(rows(file, patient(), condition()))
    assert "999-44-4693" not in read_back
    assert "MRN-771" not in read_back


def test_patients_of_other_files_of_the_folder_are_found(tmp_path) -> None:
    (tmp_path / "Condition.000.ndjson").write_text(json.dumps(condition()) + "\n\n")
    (tmp_path / "Patient.000.ndjson").write_text(json.dumps(patient()) + "\n")
    first, second = pl.concat(list(read_fhir(tmp_path))).to_dicts()
    assert first["surname"] == second["surname"] == "Byron"


def test_a_zip_reads_like_its_folder(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a/one.json", json.dumps(bundle(patient(), condition())))
        archive.writestr("readme.txt", "not FHIR")
    frame = pl.concat(list(read_fhir(tmp_path / "all.zip")))
    assert frame["resource_type"].to_list() == ["Patient", "Condition"]


def test_xml_reads_like_json(tmp_path) -> None:
    path = tmp_path / "x.xml"
    path.write_text(
        """<Bundle xmlns="http://hl7.org/fhir"><entry><resource><Patient>
        <id value="p1"/><text><div xmlns="http://www.w3.org/1999/xhtml">Ada</div></text>
        <extension url="https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-EthnicCategory">
        <valueCodeableConcept><coding><code value="G"/></coding></valueCodeableConcept>
        </extension>
        <name><family value="BYRON"/><given value="Ada"/><given value="King"/></name>
        <birthDate value="1950-12-10"/></Patient></resource></entry></Bundle>"""
    )
    (said,) = pl.concat(list(read_fhir(path))).to_dicts()
    assert (said["surname"], said["forename"]) == ("BYRON", "Ada")
    assert (said["born_on"], said["ethnicity"]) == ("1950-12-10", "G")


def test_a_document_type_is_refused(tmp_path) -> None:
    path = tmp_path / "x.xml"
    path.write_text('<!DOCTYPE x [<!ENTITY a "b">]><Patient/>')
    (said,) = pl.concat(list(read_fhir(path))).to_dicts()
    assert (said["refused"], said["refused_field"]) == (
        "unreadable",
        "XML with a document type",
    )


@pytest.mark.parametrize(
    ("line", "why"),
    [("{not json", "not JSON"), ("[]", "no resourceType"), ("{}", "no resourceType")],
)
def test_what_cannot_be_read_is_counted(tmp_path, line, why) -> None:
    path = tmp_path / "x.ndjson"
    path.write_text(f"{line}\n{json.dumps(patient())}\n")
    result, height = checked(path)
    assert height == 2
    assert result.accepted["resource_type"].to_list() == ["Patient"]
    assert result.rejected.rows() == [(1, "unreadable", why)]


@pytest.mark.parametrize(
    ("resource", "rule", "field"),
    [
        ({"resourceType": "Claim", "id": "x"}, "not_used", "resourceType: Claim"),
        (
            condition(verificationStatus=concept("entered-in-error", "x")),
            "not_used",
            "status: entered-in-error",
        ),
        (
            about("Encounter", status="planned"),
            "not_used",
            "status: planned",
        ),
        (condition(code=None), "missing", "Condition.code"),
        (condition(subject=None), "missing", "Condition.subject"),
        (condition(id=None), "missing", "id"),
        (condition(onsetDateTime=None), "missing", "date of the resource"),
        (
            condition(onsetDateTime="2026-02-30"),
            "not_a_date",
            "date of the resource",
        ),
        (condition(code=concept("12")), "not_a_snomed_code", "Condition.code"),
        (
            about(
                "Encounter", period={"start": "2020-01-01"}, **{"class": {"code": "X"}}
            ),
            "unknown_value",
            "Encounter.class",
        ),
    ],
)
def test_each_resource_that_is_not_loaded_has_its_reason(
    file, resource, rule, field
) -> None:
    file.write_text(json.dumps(bundle(patient(), resource)))
    result, height = checked(file)
    assert height == 2
    assert result.accepted["resource_type"].to_list() == ["Patient"]
    assert result.rejected.rows() == [(2, rule, field)]


@pytest.mark.parametrize(
    ("written", "day"),
    [("2020", "2020-01-01"), ("2020-05", "2020-05-01"), ("2020-05-06", "2020-05-06")],
)
def test_a_partial_date_counts_as_its_first_day(file, written, day) -> None:
    said, _ = rows(file, condition(onsetDateTime=written), patient())
    assert said["on_date"] == day


def test_a_blood_pressure_is_two_measurements(file) -> None:
    def part(code: str, value: float) -> dict:
        return {
            "code": concept(code, "http://loinc.org"),
            "valueQuantity": {"value": value, "code": "mm[Hg]"},
        }

    said, _ = rows(
        file,
        about(
            "Observation",
            code=concept("85354-9", "http://loinc.org"),
            effectiveDateTime="2020-01-01",
            component=[part("8480-6", 142), part("8462-4", 91.5)],
        ),
        patient(),
    )
    # LOINC as sent, but for the vital signs that have one SNOMED CT concept.
    assert said["code_local"] == "loinc:85354-9"
    assert (said["component_snomed_01"], said["component_value_01"]) == (
        "72313002",
        "142",
    )
    assert (said["component_snomed_02"], said["component_value_02"]) == (
        "1091811000000102",
        "91.5",
    )
    assert said["component_unit_02"] == "mm[Hg]"


def test_a_medicine_may_stand_in_another_resource(file) -> None:
    medication = {
        "resourceType": "Medication",
        "id": "m1",
        "code": concept("39113611000001102", "https://dmd.nhs.uk"),
    }
    request = about(
        "MedicationRequest",
        medicationReference={"reference": "Medication/m1"},
        authoredOn="2020-01-01",
    )
    contained = request | {
        "id": "r2",
        "contained": [medication],
        "medicationReference": {"reference": "#m1"},
    }
    found = rows(file, request, contained, medication, patient())
    assert [r["code_dmd"] for r in found[:2]] == ["39113611000001102"] * 2


def test_an_admission_says_how_and_where(file) -> None:
    encounter = about(
        "Encounter",
        status="finished",
        period={"start": "2024-03-01T10:00:00+00:00", "end": "2024-03-04"},
        hospitalization={
            "extension": [
                {
                    "url": UK_CORE + "Extension-UKCore-AdmissionMethod",
                    "valueCodeableConcept": concept("21", "x"),
                }
            ]
        },
        serviceProvider={
            "identifier": {
                "system": "https://fhir.nhs.uk/Id/ods-organization-code",
                "value": "RZ1",
            }
        },
    ) | {"class": {"code": "IMP"}}
    file.write_text(json.dumps(bundle(patient(), encounter)))
    result, _ = checked(file)
    said = result.accepted.filter(resource_type="Encounter").row(0, named=True)
    assert said["encounter_class"] == "admitted"
    assert said["admission_method"] == "emergency"
    assert (said["ended_on"], said["provider"]) == (date(2024, 3, 4), "RZ1")


def episode(**more) -> dict:
    # R4 names whom it is about "patient", not "subject".
    return {
        "resourceType": "EpisodeOfCare",
        "id": "e1",
        "status": "active",
        "patient": {"reference": "Patient/p1"},
        "type": [concept("710081004")],
        "period": {"start": "2026-03-01T09:00:00Z"},
        "managingOrganization": {
            "identifier": {
                "system": "https://fhir.nhs.uk/Id/ods-organization-code",
                "value": "RZ1",
            }
        },
        **more,
    }


def test_an_episode_of_care_says_who_looks_after_the_person_since_when(file) -> None:
    said, _ = rows(file, episode(), patient())
    assert (said["on_date"], said["ended_on"]) == ("2026-03-01", None)
    assert (said["provider"], said["care_type"]) == ("RZ1", "710081004")
    assert said["surname"] == "Byron"


@pytest.mark.parametrize(
    ("more", "ended"),
    [
        ({"period": {"start": "2026-03-01", "end": "2026-04-02"}}, "2026-04-02"),
        ({"meta": {"lastUpdated": "2026-05-06T07:08:09Z"}}, "2026-05-06"),
        ({}, "2026-03-01"),
    ],
)
def test_a_finished_episode_does_not_stay_open(file, more, ended) -> None:
    said, _ = rows(file, episode(status="finished", **more), patient())
    assert said["ended_on"] == ended


def test_an_episode_that_has_not_begun_is_no_fact(file) -> None:
    file.write_text(
        json.dumps(
            bundle(
                patient(),
                episode(status="waitlist"),
                episode(id="e2", patient=None),
                episode(id="e3", status="onhold", type=[concept("hacc", "x")]),
            )
        )
    )
    result, _ = checked(file)
    assert result.rejected.rows() == [
        (2, "not_used", "status: waitlist"),
        (3, "missing", "EpisodeOfCare.patient"),
    ]
    kept = result.accepted.filter(resource_type="EpisodeOfCare")
    assert kept["care_type"].to_list() == ["hacc"]


def test_ethnicity_is_the_nhs_category_by_letter_or_by_snomed(file) -> None:
    def stated(code: str) -> dict:
        return {
            "url": UK_CORE + "Extension-UKCore-EthnicCategory",
            "valueCodeableConcept": concept(code),
        }

    american = {
        "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
        "extension": [{"url": "text", "valueString": "White"}],
    }
    people = [
        patient(id="a", extension=[stated("J")]),
        patient(id="b", extension=[stated("976811000000108")]),
        patient(id="c", extension=[american]),
    ]
    file.write_text(json.dumps(bundle(*people)))
    assert checked(file)[0].accepted["ethnicity"].to_list() == ["J", "J", None]


@pytest.mark.sample
@pytest.mark.parametrize(
    ("path", "resources", "patients"),
    [
        ("synthea_fhir_r4/bundles_60_share.zip", 12_058, 60),
        ("synthea_bulk_ndjson_10", 5_945, 13),
    ],
)
def test_real_deliveries_are_accounted_for(
    sample_data, path, resources, patients
) -> None:
    result, height = checked(sample_data / "person_level" / path)
    left_out = result.rejected["row_number"].n_unique()
    assert height == resources == result.accepted.height + left_out
    assert result.accepted.filter(resource_type="Patient").height == patients
    assert result.accepted["surname"].null_count() == 0
    assert result.accepted["nhs_number"].null_count() == result.accepted.height
