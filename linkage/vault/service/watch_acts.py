"""The weekly review of reveals over the vault's socket: yes or no, no identifier."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from linkage.assertions import Asked
from linkage.vault import store, watch
from linkage.vault.service.refusals import RefusedActError

LONGEST = timedelta(days=31)
# Of special access, which is rare: what nobody looked at must not fall out of sight.
LONGEST_SPECIAL = timedelta(days=366)


def reveals(asked: Asked, content: bytes) -> Mapping[str, Any]:
    """Say of each reveal of a span of time whether it should be looked at again.

    Of all, or of those by special access alone (`special`).
    """
    try:
        since = datetime.fromisoformat(str(asked.arguments["since"]))
        until = datetime.fromisoformat(str(asked.arguments["until"]))
    except (KeyError, ValueError) as error:
        raise RefusedActError("Say from when until when.") from error
    if since.tzinfo is None or until.tzinfo is None or not since < until:
        raise RefusedActError("Say from when until when.")
    special = asked.arguments.get("special") is True
    if until - since > (LONGEST_SPECIAL if special else LONGEST):
        raise RefusedActError("A month at most; of special access a year.")
    store.audit_asked(asked, outcome="reviewed")
    return {"reveals": watch.reveals(since, until, special=special)}
