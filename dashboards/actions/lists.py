"""Make every programme's list for a release, and measure what earlier lists led to."""

from datetime import date

import polars as pl
from django.utils import timezone

from dashboards import store
from dashboards.actions import list_patches
from dashboards.definitions import LISTS
from dashboards.list_specs import BALANCE, ListSpec
from dashboards.models import Allocation, Outcome
from dashboards.opt_outs import NO_CONTACT, honoured_by
from dashboards.profiles import Profiles
from dashboards.steps.allocate import allocate_people, allocate_practices
from dashboards.steps.homes import shared_homes
from dashboards.steps.shortlist import shortlist
from linkage.release import selectors as release
from linkage.release import touched
from linkage.release.publish import past_deltas
from linkage.release.stages import StageOutcome
from risk import actions as risk_actions
from risk import selectors as risk


def make_lists(release_id: int) -> StageOutcome:
    """Make the lists of one release, from everyone in it.

    Safe to repeat: a list's rows of this release are replaced. Readers see them when
    the release is published, with everything else. A delta makes anew who was touched
    and carries the others over; what changed is since the refresh before its own.
    """
    now = release.view(release_id)
    live = release.current()
    if live is not None and live.id == release_id:
        live = release.previous()
    earlier, delta = live, None
    if live is not None and touched.beneath(release_id) is not None:
        earlier = release.previous()
        delta = list_patches.carried(now, live.id, earlier)
        store.forget_lists(past_deltas(release_id))
    objects = pl.col("person_no").is_in(store.objecting())
    looked_at = listed = 0
    on_any = []
    ordered: dict[str, set[int]] = {}
    everybody = _of_everybody(now)
    watched = None if delta else list_patches.watched(earlier)
    for programme, spec in LISTS.items():
        absent = sorted(spec.attributes - set(now.catalogue))
        if absent:
            # One programme that this release cannot carry keeps no other from its
            # team; its owner is shown why.
            store.write_missing_run(
                programme,
                release_id,
                LISTS.hashes[programme],
                f"This release does not hold {', '.join(absent)}.",
            )
            continue
        carries = delta and list_patches.may_carry(delta, programme, spec)
        patched = delta if carries else None
        if patched is not None:
            profile = patched.anew(spec.attributes)
        else:
            profile = everybody.of(spec.attributes)
        if risk.may_feed_lists(spec.order_by):
            # Not approved, or stopped: the list stands, the model does not order it.
            unknown = pl.lit(None, dtype=pl.Float64).alias(spec.order_by)
            profile = profile.with_columns(unknown)
        if patched is not None:
            before = patched.seen(spec)
        else:
            before = list_patches.seen(delta.before if delta else watched, spec)
        refuses = pl.col("person_no").is_in(store.refusing(programme))
        profile = profile.with_columns(local_objection=objects, no_contact=refuses)
        made = shortlist(
            profile,
            before,
            spec,
            as_of=now.as_of,
            honours=(*honoured_by(spec, timezone.localdate()), NO_CONTACT),
        )
        of_list = programme, release_id, LISTS.hashes[programme]
        if patched is not None:
            written = list_patches.patch(patched, programme, spec, made)
            on_list, measured = written.people, patched.everybody
            store.write_run(
                *of_list,
                on_list.height,
                written.left_out,
                over=patched.beneath.release_id,
                gone=written.gone,
            )
        else:
            since = live.id if live else None
            store.replace_entries(programme, release_id, made.entries, since)
            on_list, measured = (
                made.entries.select("person_no", "practice_code"),
                profile,
            )
            passed = list_patches.passed(made.left_out)
            store.write_run(*of_list, on_list.height, passed)
        on_any.append(on_list)
        model = risk.ordering_model(spec.order_by)
        if model is not None:
            ordered.setdefault(model, set()).update(on_list["person_no"])
        # The order of practices is drawn by the full release, of all of them.
        by_practice = spec.comparison is not None and spec.comparison.by == "practice"
        if spec.comparison is not None and not (patched and by_practice):
            _draw_lots(programme, spec, made.entries, profile, release_id, now.as_of)
        _measure(programme, spec, measured, release_id, now.as_of)
        looked_at, listed = profile.height, listed + on_list.height
    if on_any:
        people = pl.concat(on_any).unique("person_no")
        _find_homes(people, now.as_of, anew=delta is None)
    # A card says what its chance rests on, be it low.
    risk_actions.explain(release_id, ordered)
    return StageOutcome(rows_in=looked_at, rows_out=listed)


def _find_homes(people: pl.DataFrame, as_of: date, *, anew: bool = True) -> None:
    """Write who of those on lists shares a home with another of them.

    anew: number all homes anew; else only those that have changed.
    """
    keys = store.home_keys(people["person_no"].to_list(), as_of)
    homes = shared_homes(people.join(keys, on="person_no", how="left"))
    if anew:
        store.replace_homes(homes)
    else:
        store.renew_homes(homes)


def _of_everybody(now: release.ReleaseView) -> Profiles:
    """What lists read of everybody in a release, for those that it can carry."""
    held = set(now.catalogue)
    wanted = [s.attributes for s in LISTS.values() if s.attributes <= held]
    return Profiles(
        lambda names: store.profile(now.id, now.catalogue, names),
        wanted,
        len(now.everyone),
    )


def _draw_lots(
    programme: str,
    spec: ListSpec,
    entries: pl.DataFrame,
    profile: pl.DataFrame,
    release_id: int,
    as_of: date,
) -> None:
    """Draw the lots of who is new to a comparison, once and for all."""
    comparison = spec.comparison
    assert comparison is not None
    if not comparison.start_on <= as_of < comparison.until:
        return
    had = store.drawn(programme)
    common = {"programme": programme, "drawn_on": as_of, "release_id": release_id}
    if comparison.by == "practice":
        if had:  # the order of the practices is drawn together, at the start
            return
        practices = sorted(profile["practice_code"].drop_nulls().unique())
        steps = allocate_practices(practices, comparison)
        # Whoever is listed on this day stays in the comparison, whatever comes.
        cohort = entries.select("person_no", "practice_code").join(
            steps, on="practice_code"
        )
        traits = profile.select("person_no", *BALANCE)
        store.write_lots(
            Allocation(
                arm=Allocation.Arm.STEP,
                traits={name: row.pop(name) for name in BALANCE if name in row},
                **row,
                **common,
            )
            for row in (
                *steps.iter_rows(named=True),
                *cohort.join(traits, on="person_no", how="left").iter_rows(named=True),
            )
        )
        return
    new = entries.filter(
        ~pl.col("person_no").is_in([n for _, n in had if n is not None])
    )
    known = profile.select("person_no", *BALANCE)
    drawn = allocate_people(new.select("person_no", "practice_code"), comparison)
    rows = drawn.join(known, on="person_no", how="left").iter_rows(named=True)
    store.write_lots(
        Allocation(
            practice_code=row["practice_code"],
            person_no=row["person_no"],
            arm=row["arm"],
            starts_on=row["starts_on"],
            traits={name: row[name] for name in BALANCE},
            **common,
        )
        for row in rows
    )


def _measure(
    programme: str,
    spec: ListSpec,
    profile: pl.DataFrame,
    release_id: int,
    as_of: date,
) -> None:
    """Write each intervention's outcome measures as this release sees them."""
    interventions = store.open_interventions(programme)
    if not interventions:
        return
    people = [i.person_no for i in interventions]
    rows = profile.filter(pl.col("person_no").is_in(people))
    values = {row["person_no"]: row for row in rows.iter_rows(named=True)}
    store.write_outcomes(
        [
            Outcome(
                intervention=i,
                person_no=i.person_no,
                practice_code=i.practice_code,
                measure=measure,
                release_id=release_id,
                measured_on=as_of,
                before=i.baseline.get(measure),
                after=values[i.person_no][measure],
            )
            for i in interventions
            if i.person_no in values
            for measure in spec.outcomes
        ]
    )
