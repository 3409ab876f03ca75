"""What models foretell of one person, in words: the figure, why, and over time."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from math import exp
from typing import Any

from governance.disclosure import HIDE_UP_TO
from linkage.models import Release
from linkage.release.sources import holders
from risk.definitions import MODELS
from risk.models import PersonRisk
from risk.selectors import NOT_SHOWN, model_card
from risk.specs import ModelSpec
from risk.standing import ModelStanding, not_in_order
from risk.steps.reasons import frequency, written

OF_CHANCE = "What it rests on: together these add up to the figure (log-odds)"
OF_POUNDS = (
    "What it rests on: the chance of any cost times how much it then is; each reason"
    " multiplies how much, and all together, multiplied, are the figure"
)


@dataclass(frozen=True)
class Past:
    """What a release foretold of a person, and as of which day."""

    release_id: int
    as_of: date
    value: float
    band: str


def trajectories(person_no: int) -> dict[str, list[Past]]:
    """Return a person's figures by model over the releases that explained them.

    The oldest first; of the releases of one day the last alone. A release in which a
    figure was too low to be explained, with the person on no list that it orders and
    nobody asking, has none.
    """
    rows = PersonRisk.objects.filter(person_no=person_no).order_by("release_id")
    told = list(rows.values_list("name", "release_id", "value", "band"))
    days = dict(
        Release.objects.filter(pk__in={row[1] for row in told}).values_list(
            "pk", "as_of"
        )
    )
    found: dict[str, dict[date, Past]] = {}
    for name, release_id, value, band in told:
        if release_id in days:
            day = days[release_id]
            found.setdefault(name, {})[day] = Past(release_id, day, value, band)
    return {name: [past[day] for day in sorted(past)] for name, past in found.items()}


@dataclass(frozen=True)
class Told:
    """What one model foretells of a person, as a page says it.

    `band` is what happened, in the model's trial, to the tenth of people whose figures
    were like this one's. `reasons` hold words and what each does to the figure, as
    `weighs` heads it and `explains` says: of a chance it adds to the log-odds, of
    pounds it multiplies them. The last is all that is not told, and together they are
    the figure. `before` are the figures of earlier days, as day, band and words;
    `since` says what was not kept. `halted` says that the model is not in order.
    """

    title: str
    chance: str
    band: str
    explains: str
    weighs: str
    reasons: list[tuple[str, str]]
    before: list[tuple[str, str, str]]
    since: str = ""
    halted: ModelStanding | None = None


def untold_of(
    values: Mapping[str, Any], told: Collection[Told]
) -> list[tuple[str, str, str]]:
    """Return the figures among a person's `values` (by attribute) that are not `told`,
    being low and on no list: model, figure, and whether the model is in order.

    What they rest on is worked out when somebody asks (`risk.tasks.explain`).
    """
    known = {each.title for each in told}
    found = []
    for name, spec in MODELS.items():
        value = values.get(spec.attribute)
        if value is None or spec.title in known:
            continue
        words = figure_words(value, spec)
        halted = not_in_order(name)
        standing = f"{halted.state}: {halted.because}" if halted else "In order"
        found.append((spec.title, words[:1].upper() + words[1:], standing))
    return found


def told_of(
    release_id: int,
    person_no: int,
    may: Callable[[list[str]], bool],
    closed: Collection[str] = (),
) -> list[Told]:
    """Return what every model foretells of a person and why; the caller audits.

    What rests on features that no reader `may` be told of keeps its weight alone.
    Of a model whose attribute is `closed` to the purpose nothing is told.
    """
    held = holders(release_id, [person_no])
    held_in = next(release for release, people in held.items() if people)
    rows = {
        row.name: row
        for row in PersonRisk.objects.filter(release_id=held_in, person_no=person_no)
    }
    past = trajectories(person_no)
    found = []
    for name, spec in MODELS.items():
        row = rows.get(name)
        if row is None or spec.attribute in closed:
            continue
        found.append(
            Told(
                title=spec.title,
                chance=figure_words(row.value, spec),
                band=trial_words(row.value, name, spec),
                explains=OF_POUNDS if spec.outcome.is_amount else OF_CHANCE,
                weighs="Does to the pounds" if spec.outcome.is_amount else "Adds",
                reasons=weighed(row, spec, may),
                before=[
                    (
                        written(each.as_of, None) or "",
                        band_title(each.band, spec),
                        figure_words(each.value, spec),
                    )
                    for each in past.get(name, [])
                    if each.release_id != held_in
                ],
                since=f"Days on which it was below {least_words(spec)} are kept only of"
                " people on a list that it orders, or of whom somebody asked why.",
                halted=not_in_order(name),
            )
        )
    return found


def weighed(
    row: PersonRisk, spec: ModelSpec, may: Callable[[list[str]], bool]
) -> list[tuple[str, str]]:
    """Return the reasons' words and what each does to the figure.

    A chance is the sum of its parts in log-odds. Pounds are the chance of any cost
    times how much it then is: reasons are of the second, where they add to the
    logarithm and so multiply, and what is not told is the pounds that they multiply.
    """
    told = [
        (
            each["words"] if may([each["feature"]]) else NOT_SHOWN,
            weight(each, spec),
        )
        for each in row.reasons
    ]
    if not spec.outcome.is_amount:
        return told
    first = exp(sum(each["adds"] for each in row.reasons if each["feature"]))
    base = f"£{row.value / first:,.0f}"
    return [
        (words, effect if each["feature"] else base)
        for each, (words, effect) in zip(row.reasons, told, strict=True)
    ]


def weight(reason: Mapping[str, Any], spec: ModelSpec) -> str:
    """Return what one reason does: "+0.42" log-odds, or "× 1.52" of pounds."""
    adds = float(reason["adds"])
    return f"× {exp(adds):.2f}" if spec.outcome.is_amount else f"{adds:+.2f}"


def band_title(band: str, spec: ModelSpec) -> str:
    """Return a band's title, or its name where the definition knows it no more."""
    return next((each.title for each in spec.bands if each.name == band), band)


def least_words(spec: ModelSpec) -> str:
    """Return from which figure on a person's figures are kept with their reasons."""
    if spec.outcome.is_amount:
        return f"£{spec.reasons_from:,.0f}"
    return f"{100 * spec.reasons_from:.0f} in 100"


def figure_words(value: float, spec: ModelSpec) -> str:
    """Return a figure as a natural frequency, or in pounds."""
    if spec.outcome.is_amount:
        return f"about £{round(value, -2):,.0f}"
    return f"{frequency(value)} {spec.happens}"


def trial_words(value: float, name: str, spec: ModelSpec) -> str:
    """Return what happened, in the trial, to people with a figure like this."""
    card = model_card(name)
    if card is None or spec.outcome.is_amount:
        return ""
    return happened_to_like(value, card.performance)


def happened_to_like(value: float, performance: Mapping[str, Any]) -> str:
    """Return what happened to the part of the trial's people that a chance falls in.

    Nothing of trials that kept no parts; and of 1 to 7 people only that they were so
    few, as the card hides them.
    """
    # Models that were tried before the top was looked at more closely have none.
    parts = [
        *performance["calibration_curve"],
        *performance.get("calibration_top", []),
    ]
    like = [part for part in parts if part["from"] <= value]
    if not like:
        return ""
    part = like[-1]
    if 1 <= round(part["observed"] * part["people"]) <= HIDE_UP_TO:
        return (
            f"When it was tried, fewer than {HIDE_UP_TO + 1} people with such figures"
            " did."
        )
    did, low, high = (
        round(100 * share) for share in (part["observed"], *part["interval"])
    )
    return (
        f"When it was tried, {did} in 100 people with such figures did (95% interval"
        f" {low} to {high})."
    )
