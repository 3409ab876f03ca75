"""Features in plain Python, one person and one rule at a time: slow and obvious.

Written from the rules' docstrings and not from `derive`, to be compared with it.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from statistics import linear_regression, mean
from typing import Any

from linkage.code_lists import Codelist
from linkage.feature_specs import (
    AnyOf,
    CodePoints,
    Continuity,
    CountActivity,
    CountCodes,
    CountOf,
    DaysSinceActivity,
    DaysSinceCode,
    DistinctActivity,
    DistinctCodes,
    FeatureSpec,
    HasCode,
    LatestCode,
    LatestDate,
    LatestValue,
    OpenActivity,
    Overdue,
    Register,
    Returns,
    ShareOf,
    SumOf,
    Trend,
    Use,
    When,
)
from linkage.steps.holds import CountTest, Test
from linkage.vocabulary import ACTIVITY_KINDS, EVENT_KINDS, SETTINGS, SYSTEMS, URGENCIES

Row = Mapping[str, Any]
HOSPITAL = {EVENT_KINDS["diagnosis"], EVENT_KINDS["procedure"]}


class Oracle:
    """One person's events and activity as known by a date."""

    def __init__(
        self,
        events: Iterable[Row],
        activity: Iterable[Row],
        age_years: int,
        codelists: Mapping[str, Codelist],
        as_of: date,
    ) -> None:
        self.as_of = as_of
        self.age_years = age_years
        self.codelists = codelists
        self.events = [
            e
            for e in events
            if e["on_date"] <= as_of and (e["recorded_on"] or e["on_date"]) <= as_of
        ]
        self.activity = [
            a
            for a in activity
            if a["start_on"] <= as_of and (a["recorded_on"] or a["start_on"]) <= as_of
        ]
        self.made: dict[str, Any] = {}

    def values(self, name: str, spec: FeatureSpec) -> dict[str, Any]:
        """The columns of one feature."""
        columns = spec.columns(name)
        found = getattr(self, f"_{spec.rule.kind}")(spec.rule)
        made = dict(zip(columns, found, strict=True))
        self.made |= made
        return made

    def _is_on(self, event: Row, name: str) -> bool:
        codelist = self.codelists[name]
        if event["system"] != SYSTEMS[codelist.spec.system]:
            return False
        if codelist.spec.match == "exact":
            return event["code"] in codelist.codes
        return any(event["code"].startswith(stem) for stem in codelist.codes)

    def _on(self, names: Iterable[str]) -> list[Row]:
        names = list(names)
        return [e for e in self.events if any(self._is_on(e, n) for n in names)]

    def _within(self, events: list[Row], days: int | None) -> list[Row]:
        if days is None:
            return events
        return [e for e in events if (self.as_of - e["on_date"]).days < days]

    def _register(self, rule: Register) -> tuple[bool, date | None]:
        ends = [e["on_date"] for e in self._on(rule.resolved)]

        def counts(event: Row) -> bool:
            late = not ends or event["on_date"] > max(ends)
            return late and (
                rule.not_before is None or event["on_date"] >= rule.not_before
            )

        record = [
            e["on_date"]
            for e in self._on(rule.codes)
            if e["kind"] not in HOSPITAL and counts(e)
        ]
        hospital = [
            e["on_date"]
            for e in self._on((*rule.codes, *rule.hospital))
            if e["kind"] in HOSPITAL and counts(e)
        ]
        since = record + (hospital if len(set(hospital)) >= rule.hospital_days else [])
        if rule.or_sustained:
            limit = rule.or_sustained.below
            values = [e for e in self._on(rule.or_sustained.values) if counts(e)]
            run = self._run(values, lambda value: value < limit)
            if run and (run[-1] - run[0]).days >= rule.or_sustained.for_days:
                since.append(run[0])
        if rule.or_latest:
            wanted = rule.or_latest
            values = [
                e
                for e in self._on(wanted.values)
                if counts(e)
                and e["value"] is not None
                and wanted.low <= e["value"] <= wanted.high
            ]
            run = self._run(values, lambda value: value >= wanted.at_least)
            since += run[:1]
        if not since or self.age_years < rule.age_at_least:
            return False, None
        return True, min(since)

    def _run(self, events: list[Row], holds: Any) -> list[date]:
        """The days of the last unbroken run of daily means that hold."""
        days: dict[date, list[float]] = {}
        for event in events:
            if event["value"] is not None:
                days.setdefault(event["on_date"], []).append(event["value"])
        run: list[date] = []
        for day in sorted(days):
            run = [*run, day] if holds(mean(days[day])) else []
        return run

    def _has_code(self, rule: HasCode) -> tuple[bool]:
        ends = [e["on_date"] for e in self._on(rule.ended_by)]
        found = self._within(self._on(rule.codes), rule.within_days)
        return (any(not ends or e["on_date"] > max(ends) for e in found),)

    def _latest_value(self, rule: LatestValue) -> tuple[float | None, date | None]:
        days = self._plausible(rule)
        if not days:
            return None, None
        return mean(days[max(days)]), max(days)

    def _trend(self, rule: Trend) -> tuple[float | None]:
        days = self._plausible(rule)
        if len(days) < 2 or (max(days) - min(days)).days < rule.over_days:
            return (None,)
        years = [(day - min(days)).days / 365.25 for day in sorted(days)]
        values = [mean(days[day]) for day in sorted(days)]
        return (linear_regression(years, values).slope,)

    def _plausible(self, rule: LatestValue | Trend) -> dict[date, list[float]]:
        """Plausible values in our unit by day."""
        days: dict[date, list[float]] = {}
        for event in self._within(self._on(rule.codes), rule.within_days):
            value = event["value"]
            if value is None:
                continue
            unit = (event["unit"] or "").strip().lower()
            if unit in rule.convert:
                times, plus = rule.convert[unit]
                value = value * times + plus
            if rule.low <= value <= rule.high:
                days.setdefault(event["on_date"], []).append(value)
        return days

    def _latest_code(self, rule: LatestCode) -> tuple[str | None, date | None]:
        found = [
            (event["on_date"], place, group)
            for place, (group, lists) in enumerate(rule.groups.items())
            for event in self._within(self._on(lists), rule.within_days)
        ]
        if not found:
            return None, None
        day, _, group = max(found)
        return group, day

    def _latest_date(self, rule: LatestDate) -> tuple[date | None]:
        found = self._within(self._on(rule.codes), rule.within_days)
        return (max((e["on_date"] for e in found), default=None),)

    def _days_since_code(self, rule: DaysSinceCode) -> tuple[int | None]:
        latest = max((e["on_date"] for e in self._on(rule.codes)), default=None)
        return (None if latest is None else (self.as_of - latest).days,)

    def _count_codes(self, rule: CountCodes) -> tuple[int]:
        found = self._within(self._on(rule.codes), rule.within_days)
        return (len({e["on_date"] for e in found}),)

    def _distinct_codes(self, rule: DistinctCodes) -> tuple[int]:
        left_out = self._on(rule.leave_out)
        among = self._on(rule.codes) if rule.codes else self.events
        found = [
            e
            for e in self._within(among, rule.within_days)
            if e["system"] == SYSTEMS[rule.system] and e not in left_out
        ]
        return (len({e["code"][: rule.length] for e in found}),)

    def _code_points(self, rule: CodePoints) -> tuple[float]:
        recent = self._within(self.events, rule.within_days)
        codes = [e["code"] for e in recent if e["system"] == SYSTEMS[rule.system]]
        return (
            sum(
                points
                for points, stems in rule.points.items()
                for stem in stems
                if any(code.startswith(stem) for code in codes)
            ),
        )

    def _used(self, use: Use) -> list[Row]:
        def chosen(row: Row) -> bool:
            return (
                row["setting"] in {SETTINGS[w] for w in use.settings}
                and (
                    not use.kinds
                    or row["kind"] in {ACTIVITY_KINDS[w] for w in use.kinds}
                )
                and (
                    not use.urgencies
                    or row["urgency"] in {URGENCIES[w] for w in use.urgencies}
                )
                and (not use.outcomes or row["outcome"] in use.outcomes)
                and row["outcome"] not in use.not_outcomes
                and (not use.specialties or row["specialty"] in use.specialties)
                and (not use.reasons or row["reason_code"] in use.reasons)
                and (
                    not use.reason_starts
                    or (row["reason_code"] or "").startswith(use.reason_starts)
                )
                and (
                    use.nights_at_most is None
                    or (
                        self._end(row) is not None
                        and (row["end_on"] - row["start_on"]).days <= use.nights_at_most
                    )
                )
            )

        return [row for row in self.activity if chosen(row)]

    def _end(self, row: Row) -> date | None:
        end: date | None = row["end_on"]
        return end if end is not None and end <= self.as_of else None

    def _count_activity(self, rule: CountActivity) -> tuple[float]:
        days = {
            self.as_of - timedelta(days=back)
            for back in range(rule.from_days, rule.to_days)
        }
        used = self._used(rule.use)
        if rule.take == "count":
            return (sum(row["start_on"] in days for row in used),)
        total = 0.0
        for row in used:
            end = max(self._end(row) or self.as_of, row["start_on"])
            length = (end - row["start_on"]).days
            lasts = [row["start_on"] + timedelta(days=n) for n in range(length + 1)]
            if rule.take == "bed_days":
                # A night belongs to the day on which it ends.
                total += sum(day in days for day in lasts[1:])
            else:
                inside = sum(day in days for day in lasts)
                total += self._cost(row) * inside / len(lasts)
        return (total,)

    def _cost(self, row: Row) -> float:
        cost: float = row["cost_gbp"] or 0.0
        end, start = row["end_on"], row["start_on"]
        if end is None or end <= self.as_of:
            return cost
        if row["setting"] != SETTINGS["social_care"]:
            return 0.0  # priced when it ends
        return cost * ((self.as_of - start).days + 1) / ((end - start).days + 1)

    def _days_since_activity(self, rule: DaysSinceActivity) -> tuple[int | None]:
        latest = max((row["start_on"] for row in self._used(rule.use)), default=None)
        return (None if latest is None else (self.as_of - latest).days,)

    def _open_activity(self, rule: OpenActivity) -> tuple[bool]:
        return (any(self._end(row) is None for row in self._used(rule.use)),)

    def _count_of(self, rule: CountOf) -> tuple[int]:
        return (sum(bool(self.made[name]) for name in rule.features),)

    def _any_of(self, rule: AnyOf) -> tuple[bool]:
        return (any(self.made[name] for name in rule.features),)

    def _sum_of(self, rule: SumOf) -> tuple[float]:
        return (sum(self.made[name] or 0.0 for name in rule.features),)

    def _began(self, row: Row, to_days: int) -> bool:
        return (self.as_of - row["start_on"]).days < to_days

    def _distinct_activity(self, rule: DistinctActivity) -> tuple[int]:
        seen = {
            row[rule.of]
            for row in self._used(rule.use)
            if self._began(row, rule.to_days)
        }
        return (len(seen - {None}),)

    def _continuity(self, rule: Continuity) -> tuple[float | None]:
        seen = [
            row[rule.of]
            for row in self._used(rule.use)
            if self._began(row, rule.to_days) and row[rule.of] is not None
        ]
        if len(seen) < rule.at_least:
            return (None,)
        return (100 * max(seen.count(one) for one in seen) / len(seen),)

    def _returns(self, rule: Returns) -> tuple[int]:
        rows = self._used(rule.use)
        # In order of beginning; of two that begin on one day, the shorter first.
        rows = sorted(rows, key=lambda r: (r["start_on"], self._end(r) or date.max))
        back = 0
        for place, row in enumerate(rows):
            ends = [end for r in rows[:place] if (end := self._end(r))]
            late = ends and (row["start_on"] - max(ends)).days
            if ends and late <= rule.again_within_days:
                back += self._began(row, rule.to_days)
        return (back,)

    def _share_of(self, rule: ShareOf) -> tuple[float | None]:
        whole = self.made[rule.whole]
        return (100 * self.made[rule.part] / whole if whole else None,)

    def _when(self, rule: When) -> tuple[bool | None]:
        if not all(self._holds(test) for test in rule.among):
            return (None,)
        return (
            all(self._holds(test) for test in rule.all_of)
            and not any(self._holds(test) for test in rule.none_of)
            and (not rule.any_of or any(self._holds(test) for test in rule.any_of)),
        )

    def _overdue(self, rule: Overdue) -> tuple[bool | None]:
        if not all(self._holds(test) for test in rule.among):
            return (None,)
        done = self.made[rule.since]
        return (done is None or (self.as_of - done).days > rule.after_days,)

    def _holds(self, test: Test) -> bool:
        if isinstance(test, CountTest):
            known = sum(bool(self.made[flag]) for flag in test.count)
            return test.at_least <= known <= (test.at_most or len(test.count))
        value = self.made[test.feature]
        if value is None:
            return False
        if test.any_of is not None:
            return str(value) in test.any_of
        if not test.bounded:
            return bool(value)
        return (
            (test.at_least is None or value >= test.at_least)
            and (test.above is None or value > test.above)
            and (test.below is None or value < test.below)
            and (test.at_most is None or value <= test.at_most)
        )
