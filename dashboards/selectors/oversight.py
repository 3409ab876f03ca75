"""What an information governance lead reviews: roles, grants, and who saw what."""

from django.db.models import Count, Sum

from governance.models import AuditEvent, Grant, User

EVENTS_SHOWN = 200


def grants() -> list[Grant]:
    """Return every grant with its user and place, by role."""
    return list(
        Grant.objects.select_related("user", "org").order_by("role", "user__username")
    )


def recent_events(event: str = "") -> list[dict[str, object]]:
    """Return the latest audit rows that row-level security shows this viewer."""
    rows = AuditEvent.objects.order_by("-pk")
    if event:
        rows = rows.filter(event=event)
    found = list(rows[:EVENTS_SHOWN])
    names = dict(
        User.objects.filter(pk__in={e.user_id for e in found if e.user_id}).values_list(
            "pk", "username"
        )
    )
    return [{"row": e, "username": names.get(e.user_id, "system")} for e in found]


def by_event() -> list[dict[str, object]]:
    """Return how often each kind of event was recorded, and of how many persons."""
    return list(
        AuditEvent.objects.values("event", "outcome")
        .annotate(times=Count("pk"), persons=Sum("persons"))
        .order_by("-times")
    )
