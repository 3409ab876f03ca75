"""The shapes of predictive models."""

from typing import Literal

from pydantic import model_validator

from governance.specs import Definition, Strict
from linkage.steps.holds import FeatureTest
from risk.score_specs import Ages


class InputSpec(Strict):
    """One feature that a model reads, and how a reason names it.

    `words` is said when the feature adds to a person's risk; `{value}` becomes the
    value. `kind` "flag" and "category" are read as 0/1 and as positions in `values`.
    `within_days` forgets what is older: of a number, days above it; beside `dated_by`,
    a value whose date lies further back. Feeds begin at some date, and without a
    limit the same person would look different for having a longer record.

    `words` may hold `{value}`, `{count:attendance|attendances}` (the number in words
    with its noun), `{as_of}` and the names of `dates`: features that are dates, or
    days before `as_of`. What stands in square brackets is said only where all of its
    dates are known: "{count:admission|admissions} in a year[, the last on {last}]".
    """

    feature: str
    words: str
    kind: Literal["number", "flag", "category"] = "number"
    values: tuple[str, ...] = ()
    decimals: int = 0
    within_days: int | None = None
    dated_by: str | None = None
    dates: dict[str, str] = {}

    @model_validator(mode="after")
    def lists_its_values(self) -> "InputSpec":
        if (self.kind == "category") != bool(self.values):
            raise ValueError(f"{self.feature}: a category, and only one, lists values")
        if self.dated_by and not self.within_days:
            raise ValueError(f"{self.feature}: dated_by needs within_days")
        return self

    @property
    def features(self) -> tuple[str, ...]:
        dated = (self.dated_by,) if self.dated_by else ()
        return (self.feature, *dated, *self.dates.values())


class OutcomeSpec(Strict):
    """What the model foretells within `horizon_days` of an index date.

    `activity`: a first use of this setting, kind and urgency. `onset`: the person
    comes onto the register that it `joins`. `cost_above`: use of services costs `gbp`
    or more. `cost`: what it costs in pounds; the only one that is an amount and not a
    chance.
    """

    of: Literal["activity", "onset", "cost_above", "cost"] = "activity"
    horizon_days: int
    setting: str | None = None
    kind: str | None = None
    urgency: str | None = None
    joins: str | None = None
    gbp: float | None = None

    @model_validator(mode="after")
    def says_what_it_needs(self) -> "OutcomeSpec":
        needs = {
            "activity": ("setting", "kind", "urgency"),
            "onset": ("joins",),
            "cost_above": ("gbp",),
            "cost": (),
        }[self.of]
        told = self.model_dump(exclude={"of", "horizon_days"}, exclude_none=True)
        if set(told) != set(needs):
            raise ValueError(f"an outcome of {self.of} says {', '.join(needs) or '-'}")
        return self

    @property
    def is_amount(self) -> bool:
        return self.of == "cost"


class TreatedSpec(Strict):
    """Who is under an intervention that means to prevent the outcome.

    People with `feature` (a date) within `within_days` before the index date, and
    those whom a programme took on before the horizon ended. They are marked and not
    learnt from: a model that learns from successes would stop finding those people.
    """

    feature: str
    within_days: int


class TrainingSpec(Strict):
    """How the model is trained and tried, in days before the release's date.

    `train_days` are the index dates to learn from, `test_days` the later one to be
    tried on; each leaves a whole horizon of outcomes. In each of `folds` the people
    of one fold are foretold by trees that never saw them: that sets the number of
    trees and the level. From `one_fold_from` rows on, one fold is enough for that.
    `most_people` bounds the sample. A model older than `renew_after_days` is trained
    again.
    """

    train_days: tuple[int, ...]
    test_days: int
    folds: int
    most_people: int
    seed: int
    renew_after_days: int
    one_fold_from: int = 400_000

    @model_validator(mode="after")
    def tries_on_a_later_date(self) -> "TrainingSpec":
        if min(self.train_days) <= self.test_days:
            raise ValueError("every training date must be before the test date")
        return self


class TreesSpec(Strict):
    """The settings of the boosted trees.

    Each tree sees at most `rows_a_tree` rows, drawn anew for every tenth: beyond that
    a tree of few leaves gains nothing from more.
    """

    most_rounds: int
    patience: int
    learning_rate: float
    leaves: int
    least_in_leaf: int
    feature_share: float
    ridge: float
    bins: int = 255
    rows_a_tree: int = 400_000


class LimitSpec(Strict):
    """How far a release may lie from what the model was tried on.

    `stability` of what is foretold and `input_stability` of each input: population
    stability index. `known_may_fall`: by which part of what it was the share of people
    an input is known of may fall. `having_may_fall`: the same of people who have any of
    an input: a register or a count that a feed no longer fills is known to be nothing,
    and not unknown. `level` and `group_level`: observed over expected of what was
    foretold a horizon ago, overall and in each of `groups` with `least_outcomes`; a
    ratio is beyond them where its 95% interval does not reach back. Beyond, there is an
    alert, and the model stops feeding lists (an input's own shift only warns).
    """

    stability: float = 0.25
    input_stability: float = 0.25
    known_may_fall: float = 0.3
    having_may_fall: float = 0.8
    level: tuple[float, float] = (0.8, 1.25)
    group_level: tuple[float, float] = (0.7, 1.4)
    groups: tuple[str, ...] = ("imd_fifth", "sex", "age_band", "ethnicity_group")
    least_outcomes: int = 100


class RenewalSpec(Strict):
    """How far a version that is trained anew may stray and still count as approved.

    `level` and `group_level` (as in `limits`): observed over expected in its trial;
    `slope` of its calibration; `rank_may_fall`: by how much its AUROC (of an amount:
    the variance explained) may lie below that of the version people looked at. Beyond,
    it waits until two people have looked at it, and the former stays in use.
    """

    level: tuple[float, float]
    group_level: tuple[float, float]
    slope: tuple[float, float]
    rank_may_fall: float


class RiskBandSpec(Strict):
    """A band of predicted risk: the share of people at the top who reach it."""

    name: str
    title: str
    top_share: float


class ModelSpec(Definition):
    """A predictive model: outcome, population, inputs, training, bands and reasons.

    Inputs leave ethnicity out: it is kept for the audit of fairness. `reference`
    names the inputs of the simplest honest model, which the trained one must beat.
    `happens` ends the sentence "about 3 in 10 people like this …". Whoever fails a test
    of `population` or meets one of `excluding` has no prediction.
    `reasons_from` is the probability from which reasons are worked out, `reasons`
    how many are kept and `reason_adds` the log-odds that one must add to be told.
    """

    attribute: str
    band_attribute: str
    words: str
    happens: str
    intended_use: str
    not_for: str
    outcome: OutcomeSpec
    ages: Ages
    population: tuple[FeatureTest, ...] = ()
    excluding: tuple[FeatureTest, ...] = ()
    treated: TreatedSpec | None = None
    inputs: tuple[InputSpec, ...]
    reference: tuple[str, ...]
    audit_by: tuple[str, ...]
    training: TrainingSpec
    trees: TreesSpec
    limits: LimitSpec = LimitSpec()
    renewal: RenewalSpec
    bands: tuple[RiskBandSpec, ...]
    reasons_attribute: str
    reasons: int
    reasons_from: float
    reason_adds: float
    bins: tuple[float, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature that the inputs and `asked` read, once."""
        read = [f for entry in self.inputs for f in entry.features]
        return tuple(dict.fromkeys([*read, *self.asked]))

    @property
    def asked(self) -> tuple[str, ...]:
        """What says who is of the population, and who under an intervention."""
        found = [test.feature for test in (*self.population, *self.excluding)]
        found += [self.treated.feature] if self.treated else []
        return tuple(dict.fromkeys(found))

    @model_validator(mode="after")
    def refers_to_its_inputs(self) -> "ModelSpec":
        known = {entry.feature for entry in self.inputs}
        if len(known) != len(self.inputs):
            raise ValueError("an input stands twice")
        if unknown := set(self.reference) - known:
            raise ValueError(f"reference names no input: {', '.join(sorted(unknown))}")
        shares = [band.top_share for band in self.bands]
        if shares != sorted(shares) or shares[-1] != 1:
            raise ValueError("bands go from the smallest top share to 1")
        horizon = self.outcome.horizon_days
        dates = sorted([self.training.test_days, *self.training.train_days])
        if dates[0] < horizon or dates[1] - dates[0] < horizon:
            raise ValueError("test outcomes must begin after training outcomes end")
        return self
