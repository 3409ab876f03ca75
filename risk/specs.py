"""The shapes of predictive models."""

from typing import Literal

from pydantic import model_validator

from governance.specs import Definition, Strict
from risk.score_specs import Ages


class InputSpec(Strict):
    """One feature that a model reads, and how a reason names it.

    `words` is said when the feature adds to a person's risk; `{value}` becomes the
    value. `kind` "flag" and "category" are read as 0/1 and as positions in `values`.
    `within_days` forgets what is older: of a number, days above it; beside `dated_by`,
    a value whose date lies further back. Feeds begin at some date, and without a
    limit the same person would look different for having a longer record.
    """

    feature: str
    words: str
    kind: Literal["number", "flag", "category"] = "number"
    values: tuple[str, ...] = ()
    decimals: int = 0
    within_days: int | None = None
    dated_by: str | None = None

    @model_validator(mode="after")
    def lists_its_values(self) -> "InputSpec":
        if (self.kind == "category") != bool(self.values):
            raise ValueError(f"{self.feature}: a category, and only one, lists values")
        if self.dated_by and not self.within_days:
            raise ValueError(f"{self.feature}: dated_by needs within_days")
        return self

    @property
    def features(self) -> tuple[str, ...]:
        return (self.feature, self.dated_by) if self.dated_by else (self.feature,)


class OutcomeSpec(Strict):
    """What the model foretells: a first activity within the horizon."""

    setting: str
    kind: str
    urgency: str
    horizon_days: int


class TrainingSpec(Strict):
    """How the model is trained and tried, in days before the release's date.

    `train_days` are the index dates to learn from, `test_days` the later one to be
    tried on; each leaves a whole horizon of outcomes. In each of `folds` the people
    of one fold are foretold by trees that never saw them: that sets the number of
    trees and the level. `most_people` bounds the sample. A model older than
    `renew_after_days` is trained again.
    """

    train_days: tuple[int, ...]
    test_days: int
    folds: int
    most_people: int
    seed: int
    renew_after_days: int

    @model_validator(mode="after")
    def tries_on_a_later_date(self) -> "TrainingSpec":
        if min(self.train_days) <= self.test_days:
            raise ValueError("every training date must be before the test date")
        return self


class TreesSpec(Strict):
    """The settings of the boosted trees."""

    most_rounds: int
    patience: int
    learning_rate: float
    leaves: int
    least_in_leaf: int
    feature_share: float
    ridge: float


class RiskBandSpec(Strict):
    """A band of predicted risk: the share of people at the top who reach it."""

    name: str
    title: str
    top_share: float


class ModelSpec(Definition):
    """A predictive model: outcome, population, inputs, training, bands and reasons.

    Inputs leave ethnicity out: it is kept for the audit of fairness. `reference`
    names the inputs of the simplest honest model, which the trained one must beat.
    `reasons_from` is the probability from which reasons are worked out, `reasons`
    how many are kept and `reason_adds` the log-odds that one must add to be told.
    """

    attribute: str
    band_attribute: str
    words: str
    intended_use: str
    not_for: str
    outcome: OutcomeSpec
    ages: Ages
    inputs: tuple[InputSpec, ...]
    reference: tuple[str, ...]
    audit_by: tuple[str, ...]
    training: TrainingSpec
    trees: TreesSpec
    bands: tuple[RiskBandSpec, ...]
    reasons_attribute: str
    reasons: int
    reasons_from: float
    reason_adds: float
    bins: tuple[float, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature that the inputs read, once."""
        return tuple(dict.fromkeys(f for e in self.inputs for f in e.features))

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
