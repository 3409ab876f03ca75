"""Organisations as the API lists them: public reference data, in order of code."""

from typing import Any

from governance.models import Org, OrgLink

KINDS = Org.Kind.choices


def organisations(*, kind: str | None, after: str, most: int) -> list[dict[str, Any]]:
    """Return up to `most` organisations whose code comes after `after`."""
    rows = Org.objects.filter(code__gt=after)
    if kind:
        rows = rows.filter(kind=kind)
    found = list(rows.order_by("code")[:most])
    links = OrgLink.objects.filter(
        child__in=[org.code for org in found],
        kind=OrgLink.Kind.MEMBER,
        end_on__isnull=True,
    )
    parents: dict[str, list[str]] = {}
    for child, parent in links.values_list("child_id", "parent_id"):
        parents.setdefault(child, []).append(parent)
    return [
        {
            "code": org.code,
            "name": org.name,
            "kind": org.kind,
            "opened_on": org.opened_on,
            "closed_on": org.closed_on,
            "parents": sorted(parents.get(org.code, [])),
        }
        for org in found
    ]
