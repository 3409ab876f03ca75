"""Every write of cohorts: save, version, share, fork, review, schedule, search.

The web saves what its viewer made; the worker alone reads records and writes who is
in a cohort. Each action leaves its audit row.
"""

import hashlib
import json
from datetime import date
from typing import Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, transaction
from django.utils import timezone
from pyroaring import BitMap

from governance import audit
from governance.access import Viewer
from linkage.models import Release
from linkage.release import selectors as release
from linkage.release.selectors import ReleaseView
from segmentation.cohorts import searches, store
from segmentation.cohorts.index import index_of
from segmentation.cohorts.searches import SearchingError
from segmentation.cohorts.selectors import (
    Reader,
    cohort_of,
    every_criterion,
    may_open,
    version_of,
    who_of,
)
from segmentation.cohorts.specs import (
    Coded,
    Listed,
    Outside,
    Saved,
    Who,
    criteria,
    features_of,
)
from segmentation.cohorts.steps.members import members, union
from segmentation.models import CodeSearch, Cohort, CohortVersion


class RefusedCohortError(ValueError):
    """A change that may not be made; says why, for the person who tried."""


def digest_of(who: Who) -> str:
    """Return the SHA-256 of a definition, the same however it was typed."""
    text = json.dumps(who.model_dump(mode="json", exclude_none=True), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def save_cohort(
    *,
    title: str,
    who: Who,
    why: str,
    review_by: date,
    today: date,
    by: Viewer,
    forked_from: CohortVersion | None = None,
) -> Cohort:
    """Keep a new cohort with its first version, for its owner alone."""
    _refuse_unless(bool(title.strip()), "Give the cohort a name.")
    _refuse_unless(bool(who.all_of), "A cohort needs at least one criterion.")
    _refuse_unless(review_by > today, "The review date lies in the future.")
    cohort = Cohort.objects.create(
        title=title.strip()[:120],
        why=why.strip()[:500],
        owner_id=by.user_id,
        owner_name=by.full_name,
        org_code=by.org_code,
        role=by.role,
        review_by=review_by,
        forked_from=forked_from,
    )
    _write_version(cohort, 1, who, "", by)
    audit.record("cohort_saved", by, subject=f"cohort {cohort.pk}", version=1)
    return cohort


@transaction.atomic
def save_version(*, cohort_id: int, who: Who, note: str, by: Viewer) -> CohortVersion:
    """Keep another definition of one's own cohort; the same one again is no version."""
    cohort = _mine(cohort_id, by)
    _refuse_unless(bool(who.all_of), "A cohort needs at least one criterion.")
    latest = version_of(by, cohort_id)
    if latest.digest == digest_of(who):
        return latest
    _refuse_open_list(cohort, who, by)
    made = _write_version(cohort, latest.number + 1, who, note, by)
    audit.record("cohort_saved", by, subject=f"cohort {cohort.pk}", version=made.number)
    return made


def _write_version(
    cohort: Cohort, number: int, who: Who, note: str, by: Viewer
) -> CohortVersion:
    live = release.current()
    # What is closed to the purpose today is known all the same.
    known = (live.whole or live).catalogue if live else None
    for criterion in criteria(who):
        if isinstance(criterion, Saved):
            # Whoever saves must be able to read what they build on.
            version_of(by, criterion.cohort, criterion.version)
        for name in features_of(criterion):
            is_known = known is None or name in known
            _refuse_unless(is_known, f"There is no feature “{name}”.")
    return CohortVersion.objects.create(
        cohort=cohort,
        number=number,
        who=who.model_dump(mode="json", exclude_none=True),
        digest=digest_of(who),
        note=note.strip()[:300],
        made_by=by.user_id,
    )


@transaction.atomic
def fork_cohort(
    *, cohort_id: int, number: int, review_by: date, today: date, by: Viewer
) -> Cohort:
    """Make one's own copy of a cohort that one may open."""
    version = version_of(by, cohort_id, number)
    return save_cohort(
        title=f"{version.cohort.title} (copy)"[:120],
        who=who_of(version),
        why=version.cohort.why,
        review_by=review_by,
        today=today,
        by=by,
        forked_from=version,
    )


@transaction.atomic
def settle_cohort(
    *,
    cohort_id: int,
    sharing: str,
    every: str,
    review_by: date,
    today: date,
    by: Viewer,
) -> Cohort:
    """Set who else opens one's cohort, how often it is counted, and its review."""
    cohort = _mine(cohort_id, by)
    who = who_of(version_of(by, cohort_id))
    _refuse_unless(sharing in Cohort.Sharing.values, "Choose who may open it.")
    _refuse_unless(every in Cohort.Every.values, "Choose how often it is counted.")
    _refuse_unless(review_by > today, "The review date lies in the future.")
    cohort.sharing, cohort.every, cohort.review_by = sharing, every, review_by
    _refuse_open_list(cohort, who, by)
    cohort.save(update_fields=["sharing", "every", "review_by"])
    audit.record(
        "cohort_settled",
        by,
        subject=f"cohort {cohort.pk}",
        sharing=sharing,
        every=every,
    )
    return cohort


def _refuse_open_list(cohort: Cohort, who: Who, by: Viewer) -> None:
    """Refuse that others open, or the worker counts, what rests on an imported list."""
    is_open = bool(cohort.every) or cohort.sharing != Cohort.Sharing.NOBODY
    is_listed = any(isinstance(each, Listed) for each in every_criterion(by, who))
    _refuse_unless(
        not (is_open and is_listed),
        "A cohort that rests on an imported list is its owner's alone and does not"
        " change by itself: it cannot be shared or scheduled.",
    )


@transaction.atomic
def retire_cohort(*, cohort_id: int, by: Viewer) -> None:
    """Take one's cohort out of the lists; its versions stay on record."""
    cohort = _mine(cohort_id, by)
    cohort.retired_at = timezone.now()
    cohort.save(update_fields=["retired_at"])
    audit.record("cohort_retired", by, subject=f"cohort {cohort.pk}")


def _mine(cohort_id: int, by: Viewer) -> Cohort:
    cohort = cohort_of(by, cohort_id)
    _refuse_unless(
        cohort.owner_id == by.user_id,
        "Only its owner changes a cohort. Make a copy of your own.",
    )
    return cohort


def _refuse_unless(holds: bool, words: str) -> None:
    if not holds:
        raise RefusedCohortError(words)


def ask_search(*, asked: Coded, view: ReleaseView, by: Viewer | None) -> CodeSearch:
    """Note that a release is to be searched for a criterion's codes; once for all."""
    wanted = searches.question(asked)
    known = searches.search_of(asked, view)
    if known is not None:
        return known
    try:
        with transaction.atomic():
            made = CodeSearch.objects.create(
                key=wanted.key,
                release_id=view.id,
                as_of=view.as_of,
                asked=wanted.as_json(),
                asked_by=by.user_id if by else 0,
            )
    except IntegrityError:  # someone asked the same in this very moment
        return CodeSearch.objects.get(key=wanted.key, release_id=view.id)
    audit.record("codes_searched", by, subject=f"search {made.pk}", release=view.id)
    return made


@transaction.atomic
def search_shard(*, search_id: int, shard: int) -> int:
    """Search one shard's records, unless that is done; returns how many were found."""
    search = CodeSearch.objects.get(pk=search_id)
    if search.parts.filter(shard=shard).exists():
        return 0
    found = store.people_with_codes(shard, search.asked, until=search.as_of)
    store.keep_part(search, shard, found)
    return len(union(list(found.values())))


def unsearched() -> list[tuple[int, int]]:
    """Return the (search, shard) pairs of kept releases that nobody has answered."""
    kept = Release.objects.filter(
        state__in=[Release.State.PUBLISHED, Release.State.SUPERSEDED]
    ).values("pk")
    waiting = []
    for search in CodeSearch.objects.filter(release_id__in=kept).order_by("pk"):
        done = set(search.parts.values_list("shard", flat=True))
        waiting += [(search.pk, n) for n in range(settings.SHARDS) if n not in done]
    return waiting


def measure_cohorts(*, today: date) -> tuple[int, list[CodeSearch]]:
    """Count every scheduled cohort in the current release, where that is due.

    Returns how many were counted, and the searches that others wait for. One that
    cannot be counted is noted in the audit trail and stops no other.
    """
    live = release.current()
    if live is None:
        return 0, []
    counted, waiting = 0, []
    for cohort in Cohort.objects.filter(retired_at__isnull=True).exclude(every=""):
        version = cohort.versions.order_by("-number").first()
        if version is None or not _is_due(cohort, version, live, today):
            continue
        try:
            people = members(who_of(version), _unscoped(live, cohort), live.everyone)
        except SearchingError as needed:
            waiting.append(ask_search(asked=needed.asked, view=live, by=None))
            continue
        except (ArithmeticError, LookupError, ObjectDoesNotExist, ValueError) as error:
            audit.record(
                "cohort_not_measured",
                None,
                subject=f"cohort {cohort.pk}",
                release=live.id,
                why=type(error).__name__,
            )
            continue
        store.keep_size(version, live.id, live.as_of, people)
        audit.record(
            "cohort_measured", None, subject=f"cohort {cohort.pk}", release=live.id
        )
        counted += 1
    return counted, waiting


def _is_due(
    cohort: Cohort, version: CohortVersion, live: ReleaseView, today: date
) -> bool:
    last = version.sizes.order_by("-measured_at").first()
    if last is None:
        return True
    if last.release_id == live.id:
        return False
    if cohort.every == Cohort.Every.MONTH:
        return (today - timezone.localdate(last.measured_at)).days >= 28
    return True


def _unscoped(live: ReleaseView, cohort: Cohort) -> Reader:
    """Return what the worker counts a scheduled cohort by: whole sets, for later ANDs.

    A cohort that it rests on must be its owner's own or shared with everyone.
    """

    def outside(criterion: Outside) -> BitMap:
        match criterion:
            case Coded():
                return searches.found(criterion, live)
            case Saved():
                other = CohortVersion.objects.select_related("cohort").get(
                    cohort_id=criterion.cohort, number=criterion.version
                )
                if not _open_to_owner(other.cohort, cohort):
                    raise RefusedCohortError("it rests on a cohort of someone else")
                return members(who_of(other), _unscoped(live, cohort), live.everyone)
        raise RefusedCohortError("an imported list is not counted on a schedule")

    return Reader(index_of(live), outside)


def _open_to_owner(other: Cohort, cohort: Cohort) -> bool:
    return other.owner_id == cohort.owner_id or other.sharing == Cohort.Sharing.EVERYONE


def describe(version: CohortVersion, viewer: Viewer) -> dict[str, Any]:
    """Return a version as the definition file that is exported."""
    if not may_open(viewer, version.cohort):
        raise RefusedCohortError("This cohort is not shared with you.")
    cohort = version.cohort
    audit.record(
        "cohort_exported", viewer, subject=f"cohort {cohort.pk}", version=version.number
    )
    return {
        "kind": "cohort",
        "title": cohort.title,
        "why": cohort.why,
        "owner": cohort.owner_name,
        "review_by": cohort.review_by,
        "version": version.number,
        "source": f"Made in Catchment, definition {version.digest[:12]}",
        "who": version.who,
    }
