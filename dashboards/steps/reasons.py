"""Which of a programme's reasons stand on a card, told by their sentences."""

import re
from collections.abc import Iterable, Sequence
from functools import cache

from dashboards.list_specs import Reason, placeholders


def reasons_behind(sentences: Iterable[str], reasons: Sequence[Reason]) -> list[str]:
    """Return the texts of the reasons that sentences were written from, in order.

    A text with its braces is what a reason is known by: it stays true on record when
    the definition changes. A sentence that no reason could have written (of an
    earlier definition) is left out.
    """
    texts = [reason.text for reason in reasons]
    return [text for each in sentences if (text := behind(each, texts)) is not None]


def behind(sentence: str, texts: Iterable[str]) -> str | None:
    """Return the text that a sentence was written from; None where none could be."""
    fits = [text for text in texts if _pattern(text).fullmatch(sentence)]
    # Of several that fit, the one with the most words of its own wrote it.
    return max(fits, key=lambda text: len(bare(text)), default=None)


def bare(text: str) -> str:
    """Write a reason's text without its values: "Frailty recorded {on}" with "…"."""
    for name in placeholders(text):
        text = text.replace(f"{{{name}}}", "…", 1)
    return text


@cache
def _pattern(text: str) -> re.Pattern[str]:
    parts = bare(text).split("…")
    return re.compile(".+?".join(re.escape(part) for part in parts), re.DOTALL)
