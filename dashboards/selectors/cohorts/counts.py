"""How many match, and how each step narrows them: published, in sentences."""

from dataclasses import dataclass

from dashboards import wording
from dashboards.charts import ChartSpec, Dimension
from dashboards.selectors.cohorts.asking import CohortAsked
from governance.disclosure import (
    Cell,
    DisclosureClass,
    Measure,
    Published,
    PublishedCell,
)
from segmentation.cohorts.searches import SearchingError, UnknownCodelistError
from segmentation.cohorts.selectors import UnknownCohortError

MATCHING = Measure("People who match", per=100)
STEP = "step"


@dataclass(frozen=True)
class Step:
    """One step as a page shows it: how many have it at all, how many are left."""

    words: str
    alone: PublishedCell
    left: PublishedCell
    # Of 100 people in the place, how many are left: the length of the bar.
    share: int


@dataclass(frozen=True)
class Answer:
    """What the builder answers. `waiting` and `problem` stand in place of counts."""

    total: PublishedCell | None
    place: PublishedCell | None
    steps: list[Step]
    kind: str
    notes: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    waiting: SearchingError | None = None
    problem: str = ""

    @property
    def headline(self) -> str:
        """The count as a sentence: the page's title and what is announced."""
        if self.waiting:
            return "The records are being searched"
        if self.problem:
            return self.problem
        if self.refusals:
            is_protected = self.kind == DisclosureClass.PROTECTED.value
            kind = "protected figure" if is_protected else "figure"
            return f"No {kind} can be given of this cohort"
        if self.total is None:
            return "Nothing is asked yet"
        if self.total.is_hidden:
            return f"{str(self.total.hidden).capitalize()} match: too few to show"
        noun = "person matches" if self.total.count == 1 else "people match"
        return f"{wording.count(self.total.count)} {noun}"


def answer(cohort: CohortAsked) -> Answer:
    """Count a cohort step by step, in the viewer's class."""
    kind = cohort.kind.value
    try:
        refusals = cohort.refusals
        steps = cohort.steps if not refusals else []
    except SearchingError as waiting:
        return Answer(None, None, [], kind, waiting=waiting)
    except (LookupError, UnknownCodelistError) as error:
        return Answer(None, None, [], kind, problem=problem_words(error))
    if refusals:
        return Answer(None, None, [], kind, refusals=tuple(refusals))
    published = narrowing(cohort)
    place, *cells = published.cells
    half = len(steps)
    shown = [
        Step(
            words=cohort.words(step.rule),
            alone=cells[n],
            left=cells[half + n],
            share=round(cells[half + n].rate or 0),
        )
        for n, step in enumerate(steps)
    ]
    total = cells[-1] if steps else place
    return Answer(total, place, shown, kind, (*published.notes, *cohort.notes))


def narrowing(cohort: CohortAsked) -> Published:
    """Publish the place's people, then each step alone, then what each leaves."""
    people = cohort.population.people
    cells = [Cell({STEP: "place"}, people, people)]
    cells += [
        Cell({STEP: f"alone {n}"}, people, step.alone)
        for n, step in enumerate(cohort.steps, 1)
    ]
    cells += [
        Cell({STEP: f"left {n}"}, people, step.left)
        for n, step in enumerate(cohort.steps, 1)
    ]
    return cohort.publish(cells, MATCHING)


def attrition_figure(cohort: CohortAsked) -> ChartSpec:
    """How the people narrow down, for files: one row for each step."""
    published = narrowing(cohort)
    labels = {"place": f"Everyone: {cohort.asked.basis_words}"}
    for n, step in enumerate(cohort.steps, 1):
        labels[f"alone {n}"] = f"{cohort.words(step.rule)} (alone)"
        labels[f"left {n}"] = f"{n}. {cohort.words(step.rule)}"
    return ChartSpec(
        key="steps",
        kind="bars",
        title=f"{cohort.title}: how the people narrow down",
        published=published,
        category=Dimension(STEP, "Step", labels),
        value="count",
        period=cohort.asked.at_date,
        evidence=cohort.asked.evidence([]),
    )


def problem_words(error: Exception) -> str:
    """Say why a criterion could not be answered."""
    if isinstance(error, UnknownCohortError):
        return str(error).capitalize()
    return str(error.args[0] if error.args else error).capitalize()
