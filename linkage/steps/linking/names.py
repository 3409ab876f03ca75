"""Names in the form that is compared, and the other forms under which one is met.

Nicknames come from the `nicknames` package; spellings that travel between alphabets
and countries from a small table and from rules for romanised Arabic, Urdu and Bengali
names, whose vowels and doubled letters vary while the consonants stay.
"""

import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import polars as pl
from nicknames import NickNamer

TABLE = Path(__file__).resolve().parents[2] / "link_models" / "name_forms.csv"
# Letters that decomposition leaves whole.
WHOLE_LETTERS = {"ł": "l", "ø": "o", "ß": "ss", "æ": "ae", "œ": "oe", "đ": "d"}
WHOLE_LETTERS |= {"ð": "d", "þ": "th", "ı": "i", "ħ": "h"}
# What stands where no name was known, most often of a newborn.
NOT_A_NAME = (
    r"^(baby|babe|infant|newborn|twin|triplet|unknown|unnamed|notknown|nk|test|anon)"
    r"( (of|one|two|three|boy|girl|male|female|[0-9a-c])\b.*)?$|^(x+|not known)$"
)
# Letters that a reader of print or handwriting takes for others.
MISREAD = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("i", "l"))
SKELETON = (  # longest first; the later rules see what the earlier ones left
    (r"[^a-z]", ""),
    (r"sch|sh|sz", "S"),
    (r"ch|cz", "C"),
    (r"kh|ck|q|c", "k"),
    (r"th", "s"),
    (r"ph", "f"),
    (r"dh", "d"),
    (r"gh", "g"),
    (r"ei|ai|ay|ey", "a"),
    (r"ou|au|ow|oo", "u"),
    (r"o", "u"),
    (r"[eiy]", "a"),
    (r"w", "v"),
    (r"z", "s"),
    (r"(.)\1+", r"\1"),
    (r"(?<=.)h$", ""),
)


def plain(raw: pl.Expr) -> pl.Expr:
    """Small letters and single spaces only; marks taken off, hyphens as spaces."""
    text = raw.str.to_lowercase().str.normalize("NFKD")
    text = text.str.replace_many(list(WHOLE_LETTERS), list(WHOLE_LETTERS.values()))
    text = text.str.replace_all(r"[-/_.,]+", " ").str.replace_all(r"[^a-z0-9 ]", "")
    text = text.str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.when(~text.str.contains(NOT_A_NAME) & (text != "")).then(text)


def skeleton(name: str) -> str:
    """The consonants of a name and its first vowel, spelling habits evened out."""
    for pattern, by in SKELETON:
        name = re.sub(pattern, by, name)
    vowel = re.search(r"[au]", name)
    if vowel is None:
        return name
    at = vowel.start()
    return name[: at + 1] + re.sub(r"[au]", "", name[at + 1 :])


@cache
def _tables() -> tuple[NickNamer, dict[str, list[str]]]:
    groups = defaultdict(list)
    for row in pl.read_csv(TABLE).iter_rows(named=True):
        for form in row["forms"].split():
            groups[form].append(row["group"])
    return NickNamer(), dict(groups)


@cache
def forms(name: str) -> tuple[str, ...]:
    """Marks of a name: two names that share one can be the same person's.

    n: a name it may be short for, t: a group of the table, s: its skeleton, r: how it
    reads when letters are taken for others.
    """
    nicknames, table = _tables()
    found = {f"n:{name}"} | {f"n:{x}" for x in nicknames.canonicals_of(name)}
    found |= {f"t:{group}" for group in table.get(name, [])}
    bones = skeleton(name)
    read = name
    for seen, for_ in MISREAD:
        read = read.replace(seen, for_)
    found.add(f"r:{read}")
    if len(bones) >= 3 and len(name) >= 4:
        found.add(f"s:{bones}")
    return tuple(sorted(found))
