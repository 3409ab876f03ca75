"""The shapes of published scores: how each is reckoned, for whom, how it is read.

A score is one YAML and, where it has weights, one CSV beside it. `kind` says by which
family it is reckoned; a new family is Python, a new score of a family is not.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from governance.specs import Definition, Strict
from linkage.steps.holds import FeatureTest
from linkage.vocabulary import EVENT_KINDS, SYSTEMS

LOCAL = "local"


class Ages(Strict):
    """The ages, in completed years, for which a score or model was made."""

    at_least: int = 0
    at_most: int = 120
    words: str


class BandSpec(Strict):
    """A band of a score: from `at_least`, or strictly above `above`."""

    name: str
    title: str
    at_least: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def begins_once(self) -> "BandSpec":
        if self.at_least is not None and self.above is not None:
            raise ValueError(f"{self.name}: say at_least or above, not both")
        return self


class CodedMethod(Strict):
    """Points for groups of ICD-10 codes, each group once, from hospital admissions.

    `table` is a CSV beside the definition: `group,title,codes,…` with code stems
    parted by blanks; `points` names its column of weights. A group in `supersedes`
    silences the milder ones beside it; a total below `floor` becomes it. Codes come
    from the admissions in `feeds`. Without an admission in `look_back_days` there is
    no score: nobody looked.
    """

    kind: Literal["coded"]
    table: str
    points: str
    feeds: tuple[str, ...]
    look_back_days: int
    supersedes: dict[str, tuple[str, ...]] = {}
    floor: float | None = None


class WaysMethod(Strict):
    """Points for conditions that a GP record shows in one of several ways.

    `table` is a CSV with one row for each way (`risk.steps.ways` names its columns);
    a condition counts once, if any of its ways holds. `codes` is a CSV of the score's
    own codes (`list,system,match,code,term`) beside the product's codelists. The
    total is divided by `out_of`. Only events of `event_kinds` count, and only people
    registered here have a score: nobody else's record was seen.
    """

    kind: Literal["ways"]
    table: str
    points: str
    codes: str | None = None
    out_of: float = 1
    event_kinds: tuple[str, ...] = ("observation", "prescription", "status")

    @model_validator(mode="after")
    def knows_the_kinds(self) -> "WaysMethod":
        if lost := set(self.event_kinds) - set(EVENT_KINDS):
            raise ValueError(f"no event kind {', '.join(sorted(lost))}")
        return self


class AdmissionMethod(Strict):
    """A score of the latest admission: of people in hospital or just out of it.

    `rule` names the published form (`risk.steps.admission`), `table` its weights
    (`term,title,weight`), `groups` the coded score whose groups of codes it reads.
    Whoever was not in hospital within `discharged_within_days` has no score.
    """

    kind: Literal["admission"]
    rule: Literal["parr30", "lace"]
    table: str
    groups: str
    discharged_within_days: int


class RecordedMethod(Strict):
    """A band that a clinician recorded, as a number: the place in `values`, from 1."""

    kind: Literal["recorded"]
    feature: str
    values: tuple[str, ...]


class ImportedMethod(Strict):
    """A value reckoned elsewhere and received with its date and source.

    The latest value of any of `codes` (of the code system `system`) or `local_codes`
    (as the feed of imported scores names them) within `within_days` and between `low`
    and `high`; older ones are no longer the person's, and nobody's is nothing because
    none came. Nothing is re-implemented. `lanes` of a person's timeline are those that
    the value tells of: who sees them is shown it.
    """

    kind: Literal["imported"]
    system: str = LOCAL
    codes: dict[str, str] = {}
    local_codes: dict[str, str]
    lanes: tuple[str, ...] = ("gp",)
    within_days: int
    low: float
    high: float

    @model_validator(mode="after")
    def knows_the_system(self) -> "ImportedMethod":
        if self.system not in SYSTEMS:
            raise ValueError(f"system {self.system!r} is none of {', '.join(SYSTEMS)}")
        return self

    @model_validator(mode="after")
    def has_a_range(self) -> "ImportedMethod":
        if self.low >= self.high:
            raise ValueError("the lowest valid value lies below the highest")
        return self


class InOrder(FeatureTest):
    """A test that only speaks where the feature `unless_known` is not known."""

    unless_known: str | None = None


class CohortMethod(Strict):
    """A published cohort: 1 where a test of `any_of` and none of `none_of` holds.

    Tests read features and other scores. Everybody of the score's ages is in or out.
    """

    kind: Literal["cohort"]
    any_of: tuple[InOrder, ...]
    none_of: tuple[FeatureTest, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """What its tests read."""
        asked = [test.feature for test in (*self.any_of, *self.none_of)]
        return (*asked, *(t.unless_known for t in self.any_of if t.unless_known))


Method = Annotated[
    CodedMethod
    | WaysMethod
    | AdmissionMethod
    | RecordedMethod
    | ImportedMethod
    | CohortMethod,
    Field(discriminator="kind"),
]


class ScoreSpec(Definition):
    """A published score: how it is reckoned, for whom, and how it is read.

    Bands ascend; the lowest begins nowhere. `licence` says under what terms the
    rule and its weights may be used.
    """

    attribute: str
    words: str
    licence: str
    ages: Ages
    method: Method
    unit: str = "points"
    bands: tuple[BandSpec, ...] = ()
    band_attribute: str | None = None
    bins: tuple[float, ...] = ()

    @model_validator(mode="after")
    def has_bands_and_their_name_together(self) -> "ScoreSpec":
        if bool(self.bands) != (self.band_attribute is not None):
            raise ValueError("bands and band_attribute come together")
        return self
