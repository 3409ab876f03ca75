"""What people are called outside: per recipient, purpose and epoch, and never alike."""

import pytest

from linkage.vault.keyring import KeyMissingError
from linkage.vault.pseudonyms import RefusedPseudonymError, pseudonym

pytestmark = pytest.mark.usefixtures("keys")
PEOPLE = [f"{n:032x}" for n in range(500)]
USUAL = {"recipient": "trust_a", "purpose": "research", "epoch": 1}


def names(**other) -> list[str]:
    return [pseudonym(uid, **USUAL | other) for uid in PEOPLE]


def test_a_person_has_one_name_for_one_recipient() -> None:
    assert names() == names()
    assert len(set(names())) == len(PEOPLE)
    assert all(name.startswith("e1-") and len(name) == 35 for name in names())


@pytest.mark.parametrize(
    "other", [{"recipient": "trust_b"}, {"purpose": "planning"}, {"epoch": 2}]
)
def test_two_recipients_purposes_or_epochs_do_not_join(other) -> None:
    ours = {name.partition("-")[2] for name in names()}
    theirs = {name.partition("-")[2] for name in names(**other)}
    assert ours.isdisjoint(theirs)


def test_parts_of_names_cannot_be_shifted_between_recipient_and_purpose() -> None:
    for name in ("a|b", "Trust", "", "a" * 61):
        with pytest.raises(RefusedPseudonymError):
            pseudonym(PEOPLE[0], **USUAL | {"recipient": name})


def test_no_name_looks_like_an_nhs_number() -> None:
    assert not any(name.partition("-")[2].isdigit() for name in names())


def test_only_the_vault_can_make_them(monkeypatch) -> None:
    monkeypatch.delenv("PSEUDONYM_KEY_FILE")
    with pytest.raises(KeyMissingError):
        pseudonym(PEOPLE[0], **USUAL)
