"""A password shall not rest on the service's own words or the names of its places."""

import re
from pathlib import Path

from django.core.exceptions import ValidationError

from governance.definitions import load_file
from governance.models import Org, User
from governance.specs import Definition

# Shorter parts of names ("of", "St") stand in any sentence.
SHORTEST = 4
LETTERS = re.compile(r"[^\W\d_]+")


class PasswordWords(Definition):
    """Words to leave out, and how many letters a password needs besides them."""

    words: tuple[str, ...]
    least_besides: int


WORDS = load_file(Path(__file__).with_name("password_words.yaml"), PasswordWords)


class OwnWords:
    """Django's validator: besides such words there must be letters enough.

    Digits and signs count for nothing: "Catchment-2026!" is guessed as "catchment" is.
    A passphrase may hold one of them.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        """ValidationError where it holds such words and too few letters besides."""
        given = rest = password.casefold()
        for word in sorted(own_words(), key=len, reverse=True):
            rest = rest.replace(word, " ")
        if rest != given and sum(map(str.isalpha, rest)) < WORDS.least_besides:
            raise ValidationError(
                "This password rests on a name or word of this service. Add words that"
                " have nothing to do with it.",
                code="password_rests_on_own_words",
            )

    def get_help_text(self) -> str:
        """Say the rule where a password is chosen."""
        return (
            "A password that holds a name or word of this service needs"
            f" {WORDS.least_besides} letters besides."
        )


def own_words() -> set[str]:
    """Return the listed words and those of every organisation's name.

    All are fetched and compared here: no part of a password goes into a query.
    """
    names = Org.objects.values_list("name", flat=True)
    parts = {part for name in names for part in LETTERS.findall(name.casefold())}
    return {*WORDS.words, *(part for part in parts if len(part) >= SHORTEST)}
