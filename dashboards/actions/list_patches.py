"""Carry a programme's list over into a delta: the touched anew, the others as they are.

Who is listed, and why, depends on nobody else; the place on the list does. So the
entries of people whom the delta has not touched stay where they stand, in the full
release beneath, and the delta keeps the order of all beside those of the touched.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import polars as pl
from django.utils import timezone
from pyroaring import BitMap

from dashboards import store
from dashboards.definitions import LISTS
from dashboards.list_specs import ListSpec
from dashboards.opt_outs import honoured_by
from dashboards.profiles import Profiles
from dashboards.steps.shortlist import Shortlist, in_order
from linkage.models import Release
from linkage.release import touched
from linkage.release.catalogue import Catalogue
from linkage.release.selectors import ReleaseView
from linkage.release.sources import kept_for_all
from risk import selectors as risk

ORDER = "order_value"


@dataclass(frozen=True)
class Carried:
    """What a delta takes over for its lists.

    everybody: what the lists are ordered by and what interventions are measured by,
    one row per person. `live` is the release that readers see now, whose entries say
    since when somebody is on a list. `objected` are those of the others who have
    objected, or said how a programme may contact them, or taken that back, since the
    release beneath was begun: they are made anew as well. `made_on` is when that was,
    `before` what lists watched of everybody in the refresh before, `listed` who is on
    which list of the release beneath.
    """

    release_id: int
    catalogue: Catalogue
    beneath: touched.Beneath
    whole: frozenset[str]
    live: int
    everybody: pl.DataFrame
    objected: BitMap
    made_on: date
    before: pl.DataFrame | None
    listed: pl.DataFrame

    def seen(self, spec: ListSpec) -> pl.DataFrame | None:
        """What a list watches of whom it makes anew, in the refresh before."""
        before = seen(self.before, spec)
        if before is None:
            return None
        return before.filter(pl.col("person_no").is_in(self.whom.implode()))

    @property
    def whom(self) -> pl.Series:
        """Everybody who is not carried over."""
        people = self.beneath.touched | self.objected
        return pl.Series("person_no", people.to_array(), dtype=pl.Int32)

    def anew(self, attributes: Collection[str]) -> pl.DataFrame:
        """The attributes of whom the lists are made anew."""
        return self._anew.of(attributes)

    @cached_property
    def _anew(self) -> Profiles:
        held = set(self.catalogue)
        wanted = [s.attributes for s in LISTS.values() if s.attributes <= held]
        whom = self.whom

        def read(names: Collection[str]) -> pl.DataFrame:
            asked = self.release_id, self.catalogue, names
            if not self.objected:
                return store.profile(*asked, unit=touched.UNIT)
            return store.profile(*asked).filter(
                pl.col("person_no").is_in(whom.implode())
            )

        return Profiles(read, wanted, whom.len())


def carried(now: ReleaseView, live: int, earlier: ReleaseView | None) -> Carried | None:
    """What a delta carries over; None for a full release, which makes all anew.

    `earlier` is the refresh that lists compare with. What they read of everybody is
    read once for all of them: a part comes out of the database with all its columns.
    """
    under = touched.beneath(now.id)
    if under is None:
        return None
    wanted = {spec.order_by for spec in LISTS.values()}
    for programme, spec in LISTS.items():
        if store.open_interventions(programme):
            wanted |= set(spec.outcomes)
    full = Release.objects.get(pk=under.release_id)
    return Carried(
        objected=BitMap(
            store.objections_since(full.started_at)
            + store.preferences_since(full.started_at)
        )
        - under.touched,
        made_on=timezone.localdate(full.started_at),
        release_id=now.id,
        catalogue=now.catalogue,
        beneath=under,
        whole=kept_for_all(Release.objects.get(pk=now.id)),
        live=live,
        before=watched(earlier),
        listed=store.listed(under.release_id),
        everybody=store.profile(now.id, now.catalogue, wanted & set(now.catalogue)),
    )


def seen(before: pl.DataFrame | None, spec: ListSpec) -> pl.DataFrame | None:
    """What a list watches, of what all do; None where not all of it is there."""
    if before is None or not spec.watched or not spec.watched <= set(before.columns):
        return None
    return before.select("person_no", *sorted(spec.watched))


def watched(earlier: ReleaseView | None) -> pl.DataFrame | None:
    """What lists watch of everybody in a release; None where it is kept no more."""
    if earlier is None:
        return None
    names = {name for spec in LISTS.values() for name in spec.watched}
    try:
        return store.profile(
            earlier.id, earlier.catalogue, names & set(earlier.catalogue)
        )
    except LookupError:
        return None


def may_carry(found: Carried, programme: str, spec: ListSpec) -> bool:
    """Whether the list of the release beneath can be carried over.

    Not where it was made by another definition or not at all, where it reads what has
    changed for everybody, or where a model has begun or ceased to order it, or other
    opt-outs are honoured.
    """
    made_by = store.made_by(programme, found.beneath.release_id)
    if made_by != LISTS.hashes[programme]:
        return False
    if spec.attributes & found.whole:
        return False
    today = timezone.localdate()
    if found.made_on != today and (
        honoured_by(spec, found.made_on) != honoured_by(spec, today)
    ):
        return False
    if spec.order_is != "chance":
        return True
    was = store.has_chances(programme, found.beneath.release_id)
    return was is None or was == (not risk.may_feed_lists(spec.order_by))


@dataclass(frozen=True)
class Patched:
    """A delta's list: who is on it (person_no, practice_code), and who was left out.

    gone: whose entries in the release beneath stand no more.
    """

    people: pl.DataFrame
    left_out: store.Passed
    gone: BitMap


def patch(found: Carried, programme: str, spec: ListSpec, made: Shortlist) -> Patched:
    """Write a list of a delta: of the touched what was `made`, the others' places."""
    entries = made.entries
    known = spec.order_by in found.everybody.columns
    unknown = not known or risk.may_feed_lists(spec.order_by)
    order = pl.lit(None, pl.Float64) if unknown else pl.col(spec.order_by)
    orders = found.everybody.select("person_no", order.cast(pl.Float64).alias(ORDER))
    before = found.listed.filter(pl.col("programme") == programme)
    anew = pl.col("person_no").is_in(found.whom.implode())
    columns = "person_no", "practice_code", "pcn_code"
    both = pl.concat([before.filter(~anew).select(columns), entries.select(columns)])
    ranked = in_order(both.join(orders, on="person_no", how="left"), ORDER)
    places = ranked.select("person_no", pl.col("rank").cast(pl.Int32))
    placed = entries.drop("rank").join(places, on="person_no", how="left")
    store.replace_entries(programme, found.release_id, placed, found.live)
    store.write_places(programme, found.release_id, ranked)
    return Patched(
        both.select("person_no", "practice_code"),
        _left_out(found, programme, made.left_out),
        BitMap(before.filter(anew)["person_no"].to_numpy()),
    )


def _left_out(
    found: Carried, programme: str, touched_now: pl.DataFrame
) -> store.Passed:
    """Whom the list passes over: the touched as they are now, the others as before."""
    whom = found.beneath.touched | found.objected
    before = store.left_out_of(programme, found.beneath.release_id)
    now = passed(touched_now)
    none = BitMap()
    both = {
        key: (before.get(key, none) - whom) | now.get(key, none)
        for key in before.keys() | now.keys()
    }
    in_order = sorted(both, key=lambda key: (key[0], key[1] or ""))
    return {key: both[key] for key in in_order if both[key]}


def passed(left_out: pl.DataFrame) -> store.Passed:
    """Whom a `Shortlist` left out, as lists keep them."""
    return {
        (rule, practice): BitMap(members)
        for rule, practice, members in left_out.iter_rows()
    }
