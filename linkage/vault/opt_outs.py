"""National data opt-outs as MESH tells them: a reply names who has not opted out.

Numbers are sent and the reply gives back those of whom it is not so. Who has opted out
is who was asked about and is not in the reply, so what was asked is kept until then.
"""

from typing import TYPE_CHECKING

import polars as pl

from linkage import bulk
from linkage.vault import sealing
from linkage.vault.store import mark_changed_opt_outs, search_version

if TYPE_CHECKING:
    from adbc_driver_postgresql import dbapi


class NothingAskedError(ValueError):
    """A reply without a request: nobody can be said to have opted out by it."""


def ask(connection: "dbapi.Connection") -> pl.Series:
    """Note that everyone known is asked about; returns their NHS numbers, sorted."""
    bulk.execute(
        connection,
        "DELETE FROM national_opt_out_asked",
        "INSERT INTO national_opt_out_asked (number, asked_at)"
        " SELECT DISTINCT number, now() FROM person_identity WHERE number IS NOT NULL",
    )
    asked = bulk.fetch(connection, "SELECT number FROM national_opt_out_asked")
    plain = sealing.unseal_numbers(asked["number"], search_version(connection))
    return plain.sort()


def keep_reply(connection: "dbapi.Connection", numbers: pl.Series, run_id: int) -> None:
    """Take a reply: whoever was asked about and is not in it has opted out.

    Raises NothingAskedError when no request is known.
    """
    asked = bulk.fetch(connection, "SELECT count(*) AS n FROM national_opt_out_asked")[
        "n"
    ][0]
    if not asked:
        raise NothingAskedError(
            "No request for opt-outs is known, so the reply says nothing of anybody."
            " Make one with ./run manage ask_opt_outs FILE, send it, load the reply."
        )
    sealed = sealing.seal_numbers(numbers.unique(), search_version(connection))
    bulk.copy(connection, sealed.alias("number").to_frame(), "replied", temporary=True)
    bulk.execute(
        connection,
        "DELETE FROM national_opt_out",
        "INSERT INTO national_opt_out (number, run_id) SELECT a.number,"
        f" {run_id} FROM national_opt_out_asked a"
        " LEFT JOIN pg_temp.replied r USING (number) WHERE r.number IS NULL",
    )
    mark_changed_opt_outs(connection)
