"""A feature's rule in plain words, for people who read definitions and not YAML."""

from collections.abc import Iterable

from linkage.code_rules import (
    CodePoints,
    CountCodes,
    DaysSinceCode,
    DistinctCodes,
    HasCode,
    LatestCode,
    LatestDate,
    LatestValue,
    Register,
    Trend,
)
from linkage.feature_specs import (
    AnyOf,
    Continuity,
    CountActivity,
    CountOf,
    DaysSinceActivity,
    DistinctActivity,
    FeatureSpec,
    OpenActivity,
    Overdue,
    Person,
    Returns,
    ShareOf,
    SumOf,
    Use,
    When,
)
from linkage.steps.holds import CountTest, Test

OF = {
    "seen_by": "clinician",
    "provider_code": "provider",
    "specialty": "specialty",
    "setting": "care setting",
}
TAKEN = {"count": "How many began", "bed_days": "Nights of", "cost": "Cost of"}


def in_words(spec: FeatureSpec) -> list[str]:
    """Say a feature's rule in short sentences, each true by itself."""
    rule = spec.rule
    match rule:
        case Register():
            return _register(rule)
        case HasCode():
            ended = (
                f"; a later code of {_and(rule.ended_by)} ends it"
                if rule.ended_by
                else ""
            )
            return [f"A code of {_and(rule.codes)}{_within(rule.within_days)}{ended}."]
        case LatestValue():
            return [
                (
                    f"The latest value under {_and(rule.codes)}"
                    f"{_within(rule.within_days)}; several of one day give their mean."
                ),
                *_plausible(rule.low, rule.high, rule.convert),
            ]
        case Trend():
            return [
                (
                    f"The slope a year of a straight line through the values under"
                    f" {_and(rule.codes)}{_within(rule.within_days)}."
                ),
                f"Not known with days under {rule.over_days} days apart.",
                *_plausible(rule.low, rule.high, rule.convert),
            ]
        case LatestCode():
            groups = ", ".join(f"{g} ({_and(n)})" for g, n in rule.groups.items())
            return [f"Which came last{_within(rule.within_days)}: {groups}."]
        case LatestDate():
            return [
                (
                    f"The date of the latest code of {_and(rule.codes)}"
                    f"{_within(rule.within_days)}."
                )
            ]
        case DaysSinceCode():
            return [f"Days since the latest code of {_and(rule.codes)}."]
        case CountCodes():
            return [
                (
                    f"Different days with a code of {_and(rule.codes)}"
                    f"{_within(rule.within_days)}."
                )
            ]
        case DistinctCodes():
            return _distinct(rule)
        case CodePoints():
            return _points(rule)
        case Person():
            return ["From the person's own row, registration or address."]
    return _built(rule) or _activity(rule)


def _register(rule: Register) -> list[str]:
    words = [f"A code of {_and(rule.codes)} in the GP record."]
    if rule.hospital:
        times = "one day" if rule.hospital_days == 1 else f"{rule.hospital_days} days"
        words.append(f"Or a hospital code of {_and(rule.hospital)} on {times}.")
    if rule.resolved:
        words.append(
            f"Only codes later than the latest of {_and(rule.resolved)} count."
        )
    if rule.or_sustained:
        held = rule.or_sustained
        words.append(
            f"Or values under {_and(held.values)} below {held.below:g} for"
            f" {held.for_days} days without a better one between."
        )
    if rule.or_latest:
        words.append(
            f"Or a latest value under {_and(rule.or_latest.values)} of"
            f" {rule.or_latest.at_least:g} or over."
        )
    if rule.age_at_least:
        words.append(f"From {rule.age_at_least} years of age.")
    if rule.not_before:
        words.append(f"Codes before {rule.not_before:%-d %B %Y} do not count.")
    return words


def _distinct(rule: DistinctCodes) -> list[str]:
    among = f" on {_and(rule.codes)}" if rule.codes else ""
    but = f", without {_and(rule.leave_out)}" if rule.leave_out else ""
    return [
        (
            f"Different {rule.system.upper()} codes{among}"
            f"{_within(rule.within_days)}, taken to {rule.length} characters{but}."
        )
    ]


def _points(rule: CodePoints) -> list[str]:
    worth = "; ".join(
        f"{points:g} for {', '.join(stems)}" for points, stems in rule.points.items()
    )
    return [
        (
            f"The points of {rule.system.upper()} codes{_within(rule.within_days)},"
            " each stem once."
        ),
        f"Points by the code's beginning: {worth}.",
    ]


def _activity(rule: object) -> list[str]:
    match rule:
        case CountActivity():
            what = TAKEN[rule.take]
            span = f"in the {rule.to_days} days before the date"
            if rule.from_days:
                span = f"{rule.from_days} to {rule.to_days} days before the date"
            return [f"{what} {span}: {_use(rule.use)}."]
        case DaysSinceActivity():
            return [f"Days since the latest began: {_use(rule.use)}."]
        case OpenActivity():
            return [f"Whether one lasts at the date: {_use(rule.use)}."]
        case DistinctActivity():
            return [
                (
                    f"Different values of {OF[rule.of]} in {rule.to_days} days:"
                    f" {_use(rule.use)}."
                )
            ]
        case Continuity():
            return [
                (
                    f"The share with the {OF[rule.of]} seen most in {rule.to_days}"
                    f" days: {_use(rule.use)}."
                ),
                f"Not known under {rule.at_least}.",
            ]
        case Returns():
            return [
                (
                    f"How many in {rule.to_days} days began within"
                    f" {rule.again_within_days} days of the end of an earlier one:"
                    f" {_use(rule.use)}."
                )
            ]
    raise TypeError(f"no words for {type(rule).__name__}")


def _built(rule: object) -> list[str]:
    match rule:
        case CountOf():
            return [f"How many hold: {_and(rule.features)}."]
        case AnyOf():
            return [f"Any of: {_and(rule.features)}."]
        case SumOf():
            return [f"The sum of {_and(rule.features)}."]
        case ShareOf():
            return [f"{_plain(rule.part)} as a percentage of {_plain(rule.whole)}."]
        case When():
            words = [f"All of: {_tests(rule.all_of)}."] if rule.all_of else []
            if rule.any_of:
                words.append(f"Any of: {_tests(rule.any_of)}.")
            if rule.none_of:
                words.append(f"None of: {_tests(rule.none_of)}.")
            return words + _among(rule.among)
        case Overdue():
            return [
                (
                    f"{_plain(rule.since)} lies more than {rule.after_days} days back,"
                    " or nothing was ever done."
                ),
                *_among(rule.among),
            ]
    return []


def _among(tests: tuple[Test, ...]) -> list[str]:
    return [f"Asked only of those with: {_tests(tests)}."] if tests else []


def _tests(tests: Iterable[Test]) -> str:
    return "; ".join(_test(test) for test in tests)


def _test(test: Test) -> str:
    if isinstance(test, CountTest):
        return f"{test.at_least} or more of {_and(test.count)}"
    words = _plain(test.feature)
    if test.any_of is not None:
        return f"{words} is {' or '.join(test.any_of)}"
    bounds = (
        (test.at_least, "is {:g} or over"),
        (test.above, "is over {:g}"),
        (test.below, "is under {:g}"),
        (test.at_most, "is {:g} or under"),
    )
    said = [text.format(bound) for bound, text in bounds if bound is not None]
    return f"{words} {' and '.join(said)}".strip()


def _use(use: Use) -> str:
    words = [_and(use.settings)]
    for title, values in (
        ("kind", use.kinds),
        ("urgency", use.urgencies),
        ("outcome", use.outcomes),
        ("not outcome", use.not_outcomes),
        ("specialty", use.specialties),
        ("reason", use.reasons),
        ("reason beginning with", use.reason_starts),
    ):
        if values:
            words.append(f"{title} {_and(values)}")
    if use.nights_at_most is not None:
        words.append(f"ended after {use.nights_at_most} nights or fewer")
    return ", ".join(words)


def _plausible(
    low: float, high: float, convert: dict[str, tuple[float, float]]
) -> list[str]:
    words = [f"Values outside {low:g} to {high:g} are left out."]
    if convert:
        words.append(f"Values in {_and(convert)} are converted.")
    return words


def _within(days: int | None) -> str:
    return f" within {days} days" if days else ""


def _and(names: Iterable[str]) -> str:
    return ", ".join(_plain(name) for name in names)


def _plain(name: str) -> str:
    return name.replace("_", " ")
