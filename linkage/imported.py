"""A viewer's imported lists, for pages and cohorts. Row-level security: own lists only.

Whoever uses the members meets them with the viewer's scope, as for any set of people.
"""

from django.db import connection
from pyroaring import BitMap

from governance.access import Viewer
from linkage.models import ImportedList


def lists(viewer: Viewer) -> list[ImportedList]:
    """Return the viewer's own lists for the purpose in hand, newest first."""
    return list(
        ImportedList.objects.filter(
            owner_id=viewer.user_id, purpose=viewer.purpose
        ).order_by("-pk")
    )


def members(viewer: Viewer, list_id: int) -> BitMap:
    """Return the people of one of the viewer's lists; empty for anybody else's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.person_no FROM imported_list_member m JOIN imported_list l"
            " ON l.id = m.list_id WHERE l.id = %s AND l.owner_id = %s"
            " AND l.purpose = %s",
            [list_id, viewer.user_id, viewer.purpose],
        )
        return BitMap(row[0] for row in cursor.fetchall())
