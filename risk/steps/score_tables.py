"""Everything the scores of one release ask of codes, gathered once."""

from collections.abc import Mapping
from dataclasses import dataclass

from linkage.vocabulary import SYSTEMS
from risk.score_specs import (
    AdmissionMethod,
    CodedMethod,
    CohortMethod,
    RecordedMethod,
    ScoreSpec,
    WaysMethod,
)
from risk.steps.code_bits import Question, Questions
from risk.steps.points import PointsTable
from risk.steps.ways import BNF, Coded, Different, LastTwo, Part, WaysTable

ICD10 = SYSTEMS["icd10"]


@dataclass(frozen=True)
class ScoreTables:
    """The weights of every score by its name, and the questions they ask together.

    `hospital` are questions to ICD-10 codes of admissions; `record` those to the codes
    of GP records by the number of their system. `parts` are the parts of all ways.
    """

    specs: Mapping[str, ScoreSpec]
    points: Mapping[str, PointsTable]
    ways: Mapping[str, WaysTable]
    weights: Mapping[str, Mapping[str, float]]
    hospital: Questions
    record: Mapping[int, Questions]
    parts: tuple[Part, ...]

    @classmethod
    def gather(
        cls,
        specs: Mapping[str, ScoreSpec],
        points: Mapping[str, PointsTable],
        ways: Mapping[str, WaysTable],
        weights: Mapping[str, Mapping[str, float]],
    ) -> "ScoreTables":
        """Put the questions of the scores in `specs` together, each once."""
        asked = [
            group.question(spec.method.look_back_days)
            for name, spec in specs.items()
            if isinstance(spec.method, CodedMethod)
            for group in points[name].groups
        ]
        mine = {n: w for n, w in ways.items() if n in specs}
        parts = tuple(dict.fromkeys(p for table in mine.values() for p in table.parts))
        of_system: dict[int, list[Question]] = {}
        for part in parts:
            if isinstance(part, Coded | LastTwo):
                of_system.setdefault(part.asked.system, []).append(part.question)
            elif isinstance(part, Different):
                of_system.setdefault(BNF, [])
        return cls(
            specs,
            points,
            mine,
            weights,
            Questions(tuple(asked)),
            {system: Questions(tuple(q)) for system, q in of_system.items()},
            parts,
        )

    @property
    def features(self) -> set[str]:
        """The features of a release that the scores read, beside ages."""
        wanted = {f for table in self.ways.values() for f in table.features}
        for spec in self.specs.values():
            wanted |= set(features_of(spec))
        made = {spec.attribute for spec in self.specs.values()}
        made |= {s.band_attribute for s in self.specs.values() if s.band_attribute}
        return wanted - made

    @property
    def furthest_days(self) -> int:
        """How far back the hospital codes are read."""
        return max(
            (
                spec.method.look_back_days
                for spec in self.specs.values()
                if isinstance(spec.method, CodedMethod)
            ),
            default=0,
        )


def features_of(spec: ScoreSpec) -> tuple[str, ...]:
    """Return the features that one score's own definition names."""
    method = spec.method
    if isinstance(method, WaysMethod):
        return ("is_registered",)
    if isinstance(method, AdmissionMethod):
        return ("imd_decile",)
    if isinstance(method, RecordedMethod):
        return (method.feature,)
    return method.features if isinstance(method, CohortMethod) else ()
