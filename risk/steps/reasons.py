"""Say in plain words, with values and dates, why a person's figure is what it is."""

import re
from datetime import date, timedelta

import numpy as np

from risk.specs import InputSpec, ModelSpec
from risk.steps.matrix import Floats

Value = str | float | bool | date | None
Reason = dict[str, str | float]
NUMBERS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve",
)  # fmt: skip
REST = "Everything else known, and what is usual for everybody"
OPTIONAL = re.compile(r"\[([^\]]*)\]")
COUNTED = re.compile(r"\{count:([^|}]*)\|([^}]*)\}")
NAMED = re.compile(r"\{(\w+)\}")
GAP = re.compile(r"[:,]?\s{2,}")


def said(
    person: dict[str, Value], added: Floats, spec: ModelSpec, total: float
) -> list[Reason]:
    """Return the reasons that raise a person's risk most, and the rest in one.

    `person` holds the inputs as remembered, `index_on`, and under "date <feature>"
    what the inputs' dates name. Only what is known, is not nothing, and adds enough to
    be worth saying: "no dementia recorded" and "A&E attendances: 0" weigh in the sum,
    but are no reasons that a team could act on. `total` is the log-odds that all of it
    adds up to.
    """
    told: list[Reason] = []
    for place in np.argsort(-added, kind="stable"):
        if added[place] < spec.reason_adds or len(told) == spec.reasons:
            break
        entry = spec.inputs[place]
        value = person[entry.feature]
        # False and 0 are equal.
        if value is not None and value != 0:
            told.append(
                {
                    "feature": entry.feature,
                    "words": wording(entry, value, person),
                    "adds": round(float(added[place]), 3),
                }
            )
    told_so_far = sum(float(reason["adds"]) for reason in told)
    rest: Reason = {
        "feature": "",
        "words": REST,
        "adds": round(total - told_so_far, 3),
    }
    return [*told, rest]


def wording(entry: InputSpec, value: Value, person: dict[str, Value]) -> str:
    """Return an input's words with its value and dates, as the definition says."""
    as_of = person.get("index_on")
    found: dict[str, str | None] = {"as_of": written(as_of, None)}
    for name, feature in entry.dates.items():
        found[name] = written(person.get(f"date {feature}"), as_of)
    if isinstance(value, int | float) and not isinstance(value, bool):
        found["value"] = f"{value:,.{entry.decimals}f}"
    else:
        found["value"] = str(value)

    def kept(part: re.Match[str]) -> str:
        asked = [name for name in NAMED.findall(part[1]) if name in found]
        return part[1] if all(found[name] for name in asked) else ""

    words = OPTIONAL.sub(kept, entry.words)
    words = COUNTED.sub(lambda noun: counted(value, noun[1], noun[2]), words)
    words = NAMED.sub(lambda name: found.get(name[1]) or "a day not known", words)
    # "eGFR" keeps its small letter.
    return words[:1].upper() + words[1:] if words[:2].islower() else words


def counted(value: Value, one: str, many: str) -> str:
    """Return "three admissions", "one admission", "1,204 days"."""
    number = round(float(value)) if isinstance(value, int | float) else 0
    word = NUMBERS[number] if 0 <= number < len(NUMBERS) else f"{number:,}"
    return f"{word} {one if number == 1 else many}"


def written(value: Value, as_of: Value) -> str | None:
    """Return a date as "3 March 2026"; a number is days before `as_of`."""
    if isinstance(value, int | float) and isinstance(as_of, date):
        value = as_of - timedelta(days=round(value))
    if not isinstance(value, date):
        return None
    return f"{value.day} {value:%B %Y}"


def frequency(probability: float) -> str:
    """Return a chance as a natural frequency: "about 3 in 10 people like this"."""
    # Halves go up, so that a quarter is never said to be 2 in 10; nothing is certain.
    tenths = int(probability * 10 + 0.5)
    if tenths > 9:
        return "more than 9 in 10 people like this"
    if tenths >= 1:
        return f"about {tenths} in 10 people like this"
    hundredths = int(probability * 100 + 0.5)
    if hundredths >= 1:
        return f"about {hundredths} in 100 people like this"
    return "fewer than 1 in 100 people like this"


def title(entry: InputSpec) -> str:
    """Return what an input is called where nobody's value is said."""
    words = COUNTED.sub(lambda noun: noun[2], OPTIONAL.sub("", entry.words))
    words = NAMED.sub("", words).replace(" on ,", ",").strip(" :,")
    words = GAP.sub(" ", words).removesuffix(" in the year to")
    return words[:1].upper() + words[1:] if words[:2].islower() else words
