"""One person of the viewer's own: what happened, as far as the role may see it.

Row-level security shows the person only to their practice's viewers; the role's
`timeline` in governance/roles.yaml says which settings, and the registers which feeds
the purpose may use. The reading is audited before a row is fetched.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from dashboards.definitions import LISTS
from dashboards.models import Decision
from dashboards.selectors.lanes import (
    EVENT_LANES,
    LANES,
    closed_feed_numbers,
    open_to,
)
from dashboards.selectors.worklist import OUTCOME_WORDS
from dashboards.selectors.worklist_told import teller
from dashboards.steps.shortlist import written
from governance import audit
from governance.access import Viewer
from governance.models import Org
from linkage.codebook.in_force import guarded_codes
from linkage.definitions import FEEDS
from linkage.feature_definitions import codelists
from linkage.models import Activity, Event, Person
from linkage.release import selectors as release
from linkage.vocabulary import (
    ACTIVITY_KINDS,
    EVENT_KINDS,
    SETTINGS,
    SYSTEMS,
    URGENCIES,
)
from risk.definitions import MODELS
from risk.score_specs import LOCAL
from risk.selectors import imported_codes, imported_scores
from risk.told import Told, told_of, untold_of
from segmentation.selectors import explain
from segmentation.steps.explain import Explanation

log = logging.getLogger("catchment.person")
YEARS = 3
MOST_EVENTS = 200

SETTING_WORDS = {number: word for word, number in SETTINGS.items()}
KIND_WORDS = {number: word.replace("_", " ") for word, number in ACTIVITY_KINDS.items()}
URGENCY_WORDS = {number: word for word, number in URGENCIES.items()}
EVENT_WORDS = {number: word for word, number in EVENT_KINDS.items()}


@dataclass(frozen=True)
class Mark:
    """One use of a service on a lane. `start` and `width` are shares of the window."""

    start: float
    width: float
    on: date
    until: date | None
    words: str
    urgent: bool


@dataclass(frozen=True)
class Lane:
    title: str
    marks: list[Mark]


@dataclass(frozen=True)
class Life:
    """A person's page: the summary, the lanes, and the rest as tables."""

    person_no: int
    summary: str
    is_current: bool
    lanes: list[Lane]
    hidden_lanes: list[str]
    window_start: date
    window_end: date
    activity_rows: list[tuple[str, ...]]
    event_rows: list[tuple[str, ...]]
    facts: list[tuple[str, str]]
    conditions: list[str]
    decisions: list[tuple[str, ...]]
    foretold: list[Told]
    untold: list[tuple[str, str, str]]


def own(viewer: Viewer, person_no: int) -> Person | None:
    """Return a person of the viewer's own, whom the purpose's opt-outs leave open."""
    person = Person.objects.filter(
        person_no=person_no, practice_code__in=viewer.practice_codes
    ).first()
    return person if person is not None and _may_be_seen(person, viewer) else None


def life(viewer: Viewer, person_no: int) -> Life | None:
    """Return one person's page, or None where the viewer may not see them."""
    live = release.current()
    if live is None:
        return None
    audit.record(
        "person_viewed",
        viewer,
        subject="person",
        persons=1,
        seen=[person_no],
        release=live.id,
    )
    person = own(viewer, person_no)
    if person is None:
        return None
    end = live.as_of
    start = end - timedelta(days=365 * YEARS)
    allowed = open_to(viewer)
    settings = [SETTINGS[LANES[lane][1]] for lane in LANES if lane in allowed]
    activity = list(
        Activity.objects.filter(
            person_no=person_no, setting__in=settings, start_on__range=(start, end)
        )
        .exclude(feed_no__in=closed_feed_numbers(viewer))
        .order_by("-start_on")
    )
    profile = release.profile_rows(viewer, [person_no])
    values = profile.row(0, named=True) if len(profile) else {}
    figures = [spec.attribute for spec in MODELS.values()]
    tells = teller(viewer, figures, live.id)
    foretold = told_of(live.id, person_no, tells.may, tells.closed)
    return Life(
        person_no=person_no,
        summary=_summary(person, values, end),
        is_current=person.died_on is None and person.practice_code is not None,
        lanes=_lanes(activity, allowed, start, end),
        hidden_lanes=[
            title for name, (title, _) in LANES.items() if name not in allowed
        ],
        window_start=start,
        window_end=end,
        activity_rows=[_activity_row(a) for a in activity],
        event_rows=_events(viewer, person_no, start, end),
        facts=_facts(values, allowed),
        conditions=_conditions(viewer, values),
        decisions=_decisions(viewer, person_no),
        foretold=foretold,
        untold=untold_of(values, foretold),
    )


def _may_be_seen(person: Person, viewer: Viewer) -> bool:
    """An opt-out closes the uses that honour it; never the person's own care."""
    honoured = viewer.standing.honoured("rows")
    opted_out = ("type1" in honoured and person.type1_opt_out_on is not None) or (
        "national" in honoured and person.national_opt_out
    )
    return not opted_out


def _summary(person: Person, values: dict[str, Any], as_of: date) -> str:
    sex = {"F": "Woman", "M": "Man"}.get(person.sex or "", "Person")
    age = _age(person.birth_month, as_of)
    practice = Org.objects.filter(code=person.practice_code).first()
    words = f"{sex} aged {age}" if age is not None else f"{sex}, age not known"
    if values.get("condition_count"):
        words += f", {written(values['condition_count'])} long-term conditions"
    if person.died_on is not None:
        return f"{words}; died"
    if practice is None:
        return f"{words}; not registered here today"
    return f"{words}, registered with {practice.name}"


def _age(birth_month: date | None, as_of: date) -> int | None:
    if birth_month is None:
        return None
    before = as_of.month < birth_month.month
    return as_of.year - birth_month.year - int(before)


def _lanes(
    activity: Sequence[Activity], allowed: frozenset[str], start: date, end: date
) -> list[Lane]:
    days = (end - start).days
    by_setting: dict[int, list[Mark]] = {}
    for row in activity:
        until = row.end_on or row.start_on
        width = max(0.003, ((until - row.start_on).days + 1) / days)
        at = (row.start_on - start).days / days
        by_setting.setdefault(row.setting, []).append(
            Mark(
                start=round(at, 4),
                width=round(min(width, 1 - at), 4),
                on=row.start_on,
                until=row.end_on,
                words=_words(row),
                urgent=URGENCY_WORDS.get(row.urgency or 0) == "emergency",
            )
        )
    return [
        Lane(title, by_setting.get(SETTINGS[setting], []))
        for name, (title, setting) in LANES.items()
        if name in allowed
    ]


def _words(row: Activity) -> str:
    words = KIND_WORDS.get(row.kind, "use")
    urgency = URGENCY_WORDS.get(row.urgency or 0)
    return f"{urgency} {words}" if urgency in ("emergency", "elective") else words


def _activity_row(row: Activity) -> tuple[str, ...]:
    setting = SETTING_WORDS[row.setting]
    days = "" if row.end_on is None else str((row.end_on - row.start_on).days)
    return (
        written(row.start_on),
        LANES[setting][0] if setting in LANES else setting,
        _words(row),
        days,
        row.provider_code or "",
    )


def _events(
    viewer: Viewer, person_no: int, start: date, end: date
) -> list[tuple[str, ...]]:
    allowed = open_to(viewer)
    kinds = [EVENT_KINDS[k] for k, lane in EVENT_LANES.items() if lane in allowed]
    rows = (
        Event.objects.filter(
            person_no=person_no, kind__in=kinds, on_date__range=(start, end)
        )
        .exclude(feed_no__in=closed_feed_numbers(viewer))
        # Scores reckoned elsewhere are shown as such, to who sees all that they tell.
        .exclude(system=SYSTEMS[LOCAL], code__in=imported_codes())
        .order_by("-on_date")[:MOST_EVENTS]
    )
    terms = code_terms()
    guarded = frozenset() if viewer.sees_sensitive else guarded_codes()
    return [
        (
            written(row.on_date),
            EVENT_WORDS[row.kind],
            terms.get(row.code, f"code {row.code}"),
            ""
            if row.value is None
            else f"{written(row.value)} {row.unit or ''}".strip(),
        )
        for row in rows
        if not any(row.code.startswith(stem) for stem in guarded)
    ]


def why_segment(viewer: Viewer, person_no: int) -> Explanation | None:
    """Return why a person is in their segment: element, feature, code, date.

    The caller has audited the reading (`life` does). None where the release does not
    hold them, or was made with another version of the scheme.
    """
    allowed = open_to(viewer)
    kinds = [EVENT_KINDS[k] for k, lane in EVENT_LANES.items() if lane in allowed]
    try:
        return explain(viewer, person_no, kinds=kinds)
    except ValueError:
        log.info("the release was made with another version of the scheme")
        return None


@cache
def code_terms() -> dict[str, str]:
    """Return the words of codes that the product's own lists carry."""
    found: dict[str, str] = {}
    for codelist in codelists().values():
        found |= {code: term for code, term in codelist.terms.items() if term}
    return found


# Title, attribute, unit, and the lane of the role's definition that it comes from.
FACTS = (
    ("Frailty recorded", "frailty_recorded", "", "gp"),
    ("Electronic frailty index", "efi_score", "", "gp"),
    ("Charlson comorbidity score", "charlson", "", "admitted"),
    ("Hospital frailty risk score", "hfrs", "", "admitted"),
    ("Different medicines in 12 months", "medicines_12m", "", "medicine"),
    ("Body mass index", "latest_bmi", "kg/m²", "gp"),
    ("Systolic blood pressure", "latest_systolic", "mmHg", "gp"),
    ("HbA1c", "latest_hba1c", "mmol/mol", "gp"),
    ("eGFR", "latest_egfr", "mL/min/1.73 m²", "gp"),
    ("Smoking", "smoking_status", "", "gp"),
)


def _facts(values: dict[str, Any], allowed: frozenset[str]) -> list[tuple[str, str]]:
    facts = []
    for title, name, unit, lane in FACTS:
        if lane not in allowed:
            continue
        value = values.get(name)
        words = written(value)
        if value is not None and values.get(f"{name}_on"):
            words = f"{words} {unit} on {written(values[f'{name}_on'])}"
        elif value is not None and unit:
            words = f"{words} {unit}"
        facts.append((title, words))
    return facts + _imported(values, allowed)


def _imported(values: dict[str, Any], allowed: frozenset[str]) -> list[tuple[str, str]]:
    """Scores reckoned elsewhere: value, unit, date and the feed that it came by.

    None that has come is said as such: it is not a low value.
    """
    found = []
    for spec, method in imported_scores():
        if not set(method.lanes) <= allowed:
            continue
        value = values.get(spec.attribute)
        words = "none received"
        if value is not None:
            feed = values.get(f"{spec.attribute}_source")
            source = FEEDS[feed].title if feed in FEEDS else "a feed not known"
            words = (
                f"{written(value)} {spec.unit} on"
                f" {written(values.get(f'{spec.attribute}_on'))}, from: {source}"
            )
        found.append((spec.title, words))
    return found


def _conditions(viewer: Viewer, values: dict[str, Any]) -> list[str]:
    live = release.current()
    assert live is not None
    tells = teller(viewer, values, live.id)
    found = []
    for name, value in values.items():
        if name.startswith("has_") and value is True and tells.may([name]):
            since = values.get(f"{name.removeprefix('has_')}_since")
            title = live.attribute(name).title
            found.append(f"{title}, since {written(since)}" if since else title)
    return sorted(found)


def _decisions(viewer: Viewer, person_no: int) -> list[tuple[str, ...]]:
    rows = Decision.objects.filter(
        person_no=person_no, practice_code__in=viewer.practice_codes
    ).order_by("-decided_at")
    return [
        (
            written(row.decided_at.date()),
            LISTS[row.programme].title if row.programme in LISTS else row.programme,
            OUTCOME_WORDS.get(row.choice, "Undone"),
            row.reason.replace("_", " "),
        )
        for row in rows
    ]
