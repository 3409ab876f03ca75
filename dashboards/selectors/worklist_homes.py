"""Who of a list shares a home with whom, for the team to see them together."""

from collections.abc import Collection

from django.db import connection

from governance.access import Viewer


def at_home_with(
    viewer: Viewer, person_nos: Collection[int], listed: Collection[int]
) -> dict[int, list[int]]:
    """Return of each person the others of their home who are listed, lowest first.

    `listed` are those who stand on the list at this moment: nobody else is told of.
    The caller audits. Without a shared home a person is left out.
    """
    if not person_nos:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.person_no, b.person_no FROM list_home a"
            " JOIN list_home b ON b.home_no = a.home_no AND b.person_no <> a.person_no"
            " WHERE a.person_no = ANY(%s) AND a.practice_code = ANY(%s)"
            " AND b.practice_code = ANY(%s) ORDER BY 1, 2",
            [list(person_nos), *[list(viewer.practice_codes)] * 2],
        )
        rows = cursor.fetchall()
    found: dict[int, list[int]] = {}
    for person_no, other in rows:
        if other in listed:
            found.setdefault(person_no, []).append(other)
    return found
