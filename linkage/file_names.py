"""What a delivered file's name says: its day, its supplier, which correction it is."""

import re
from calendar import monthrange
from datetime import date
from pathlib import Path
from typing import NamedTuple

from linkage.specs import FeedSpec

MONTH = re.compile(r"_(20[0-9]{2})(0[1-9]|1[0-2])(?:_[0-9]{1,4})?$")
YEAR = re.compile("(19|20)[0-9]{2}")
ORGANISATION = re.compile("[A-Z0-9]{3,5}")
PLACES = {
    "{period}": "(?P<period>[0-9]{6,8})",
    "{sequence}": "(?P<sequence>[0-9]{1,4})",
    "*": ".*",
}


class Submission(NamedTuple):
    """Which period a file is of, as its name writes it, and which in the row of its
    corrections; the later counts."""

    period: str
    sequence: int


def period_of(path: Path, received_on: date) -> date:
    """The day a file speaks of: the end of the month in its name, else its arrival."""
    found = MONTH.search(path.name.partition(".")[0])
    if found is None:
        return received_on
    year, month = int(found[1]), int(found[2])
    return min(date(year, month, monthrange(year, month)[1]), received_on)


def supplier_of(path: Path) -> str:
    """The organisation code in a file's name (sus_apc_RZ1_202526.csv), or ""."""
    for word in path.name.partition(".")[0].split("_"):
        if ORGANISATION.fullmatch(word) and not YEAR.fullmatch(word):
            return word
    return ""


def submission_of(file_name: str, spec: FeedSpec) -> Submission | None:
    """The period and sequence in a file's name, where the feed's definition says that
    they stand there and this name has both."""
    if not spec.named:
        return None
    parts = re.split(r"(\{period\}|\{sequence\}|\*)", spec.named)
    pattern = "".join(PLACES.get(part, re.escape(part)) for part in parts)
    found = re.fullmatch(pattern, file_name.partition(".")[0])
    return Submission(found["period"], int(found["sequence"])) if found else None
