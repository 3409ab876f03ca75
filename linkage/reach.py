"""Whom each trust has seen: what bounds the figures of an analyst who works there.

Gathered by the worker beside the refresh, once for every full release, and kept by
feed, so that a feed without a legal basis for the viewer's purpose tells nothing.
"""

from django.conf import settings
from django.db import connection, transaction
from pyroaring import BitMap

from governance.access import Viewer
from governance.models import Org
from linkage import bulk, legal_basis
from linkage.models import ProviderReach, ReleasePointer
from linkage.steps.index import bitmap_of

DAYS = 365
REACH_LOCK = 7_201_957  # the advisory lock of whoever gathers
# Stands alone where nobody was seen anywhere: a release once read is not read again.
NOBODY = {("-", 0): BitMap()}


def seen_by(viewer: Viewer) -> BitMap:
    """Return whom the viewer's trust has seen, by feeds open to their purpose."""
    rows = ProviderReach.objects.filter(provider_code=viewer.org_code)
    names = legal_basis.numbers()
    found = BitMap()
    for feed_no, people in rows.values_list("feed_no", "people"):
        if names.get(feed_no) in viewer.standing.live_feeds:
            found |= BitMap.deserialize(bytes(people))
    return found


def refresh_reach() -> int:
    """Gather anew for the last full release; returns how many rows. As the worker.

    Nothing where that is done or under way. A trust's people are those with any
    activity there in the year up to the release's date.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [REACH_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        try:
            return _gather()
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [REACH_LOCK])


def _gather() -> int:
    pointer = ReleasePointer.objects.select_related("release__delta_of").first()
    trusts = set(Org.objects.filter(kind=Org.Kind.TRUST).values_list("code", flat=True))
    if pointer is None or not trusts:
        return 0
    full = pointer.release.delta_of or pointer.release
    if ProviderReach.objects.filter(release_id=full.pk).exists():
        return 0
    found: dict[tuple[str, int], BitMap] = {}
    with bulk.connect("default") as store:
        for shard in range(settings.SHARDS):
            met = bulk.fetch(
                store,
                "SELECT DISTINCT provider_code, feed_no, person_no"
                f" FROM activity_p{shard:02d} WHERE start_on <= '{full.as_of}'"
                f" AND start_on > '{full.as_of}'::date - {DAYS}",
            )
            for (code, feed_no), some in met.group_by("provider_code", "feed_no"):
                if code in trusts:
                    people = bitmap_of(some["person_no"].to_numpy())
                    key = str(code), int(feed_no)
                    found[key] = found.get(key, BitMap()) | people
    with transaction.atomic():
        ProviderReach.objects.all().delete()
        ProviderReach.objects.bulk_create(
            ProviderReach(
                provider_code=code,
                feed_no=feed_no,
                release_id=full.pk,
                people=people.serialize(),
            )
            for (code, feed_no), people in (found or NOBODY).items()
        )
    return len(found)
