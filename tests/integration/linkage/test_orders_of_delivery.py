"""Whatever comes in whichever order, the store holds each row's latest version.

A state machine delivers files of random rows in random versions, old after new, twice,
overlapping, broken off half way. After each step the store is held against a dictionary
that remembers the latest version of every row and nothing else.
"""

from collections.abc import Callable
from datetime import date
from itertools import count
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from linkage import store
from tests.integration.linkage.conftest import EPISODE, LISTED, OBSERVATION, PATIENT

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
# Each going has people of its own, so that none meets what another has left.
_goings = count(1)
_numbers = iter(f"99900{n:04d}" for n in range(100, 9_999))
# By version: the code, the value and the day of an entry of the journal.
ENTRIES = {
    1: ("44054006", 41.0, date(2025, 2, 3)),
    2: ("44054006", 44.0, date(2025, 2, 3)),
    3: ("46635009", None, date(2025, 1, 20)),
}
# By version: whose the episode is (0 or 1), its diagnoses and its procedure.
EPISODES = {
    1: (0, ("J449", "I10X", "E119"), "X521"),
    2: (1, ("J449",), "X521"),
    3: (0, ("I500", "I10X"), ""),
}
ROW = st.tuples(st.sampled_from("abc"), st.sampled_from([1, 2, 3]))
ROWS = st.lists(ROW, min_size=1, max_size=4)


def number() -> str:
    """The next NHS number of the test range whose check digit there is."""
    for body in _numbers:
        total = sum(int(digit) * (10 - place) for place, digit in enumerate(body))
        check = (11 - total % 11) % 11
        if check < 10:
            return f"{body}{check}"
    raise AssertionError("no number is left")


class LostError(RuntimeError):
    pass


class Orders(RuleBasedStateMachine):
    """Deliveries about two people, and what the store must hold of them."""

    def __init__(
        self, deliver: Callable[..., Any], stored: Callable[[str], list[tuple]]
    ) -> None:
        super().__init__()
        self.deliver, self.stored = deliver, stored
        self.latest: dict[tuple[str, str], int] = {}
        self.files: list[tuple[str, dict[str, Any], list[dict[str, Any]], str]] = []

    @initialize()
    def begin(self) -> None:
        self.going = next(_goings)
        self.people = [number(), number()]
        for n, nhs_number in enumerate(self.people):
            whose = {"Family Name": f"Family{self.going}x{n}", "NHS Number": nhs_number}
            born = {"Date of Birth": f"19{40 + n}-0{1 + self.going % 9}-07"}
            self.deliver("registered_list", LISTED, whose | born, name=self.name())
        first = {
            "patient_id": f"p-{self.going}",
            "nhs_number": self.people[0],
            "surname": f"Family{self.going}x0",
            "date_of_birth": f"1940-0{1 + self.going % 9}-07",
        }
        self.deliver("gp_patient", PATIENT, first, name=self.name())
        links = self.stored(
            "SELECT person_no FROM person ORDER BY person_no DESC LIMIT 2"
        )
        self.numbers = sorted(n for (n,) in links)

    def name(self) -> str:
        return f"file_{self.going}_{len(self.files)}_{next(_goings)}"

    @rule(rows=ROWS)
    def entries(self, rows: list[tuple[str, int]]) -> None:
        made = []
        for key, version in rows:
            code, value, on = ENTRIES[version]
            made.append(
                {
                    "observation_id": f"{self.going}-{key}",
                    "patient_id": f"p-{self.going}",
                    "snomed_concept_id": code,
                    "numeric_value": value,
                    "effective_datetime": on,
                    "model_updated_datetime": date(2025, 3, version),
                }
            )
        self.arrive("gp_observation", OBSERVATION, made, rows)

    @rule(rows=ROWS)
    def episodes(self, rows: list[tuple[str, int]]) -> None:
        made = []
        for key, version in rows:
            whose, diagnoses, procedure = EPISODES[version]
            codes = {f"DIAG_{n:02d}": code for n, code in enumerate(diagnoses, 1)}
            made.append(
                {"DIAG_02": "", "DIAG_03": ""}
                | codes
                | {
                    "EPIKEY": f"{self.going}{key}",
                    "SUSSPELLID": f"{self.going}{key}s",
                    "LOPATID": f"T{self.going}{key}",
                    "NEWNHSNO": self.people[whose],
                    "DOB": f"19{40 + whose}-0{1 + self.going % 9}-07",
                    "OPERTN_01": procedure,
                    "SUSLDDATE": f"2026-02-0{version}",
                }
            )
        usual = EPISODE | {"DIAG_03": ""}
        self.arrive("sus_apc", usual, made, rows)

    def arrive(
        self,
        feed: str,
        usual: dict[str, Any],
        made: list[dict[str, Any]],
        rows: list[tuple[str, int]],
    ) -> None:
        name = self.name()
        # A column that no definition knows: no two files are alike.
        made = [row | {"delivery": name} for row in made]
        usual = usual | {"delivery": ""}
        self.files.append((feed, usual, made, name))
        run = self.deliver(feed, usual, *made, name=name)
        assert run.rows_in == len(rows) == run.loaded + run.duplicate
        for key, version in rows:
            known = self.latest.get((feed, key), 0)
            self.latest[feed, key] = max(known, version)

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def again(self, data: st.DataObject) -> None:
        """The same bytes once more."""
        feed, usual, made, name = data.draw(st.sampled_from(self.files))
        self.deliver(feed, usual, *made, name=name)

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def overlapping(self, data: st.DataObject) -> None:
        """Rows that were delivered before, in another file."""
        feed, usual, made, _ = data.draw(st.sampled_from(self.files))
        run = self.deliver(feed, usual, *made, *made, name=self.name())
        assert run.loaded == 0

    @rule(rows=ROWS)
    def broken_off(self, rows: list[tuple[str, int]]) -> None:
        """A delivery that dies before its end, and is then begun again."""
        dies = mock.patch.object(store.Loading, "attach", side_effect=LostError)
        with dies, pytest.raises(LostError):
            self.entries(rows)
        feed, usual, made, name = self.files.pop()
        self.deliver(feed, usual, *made, name=name)
        for key, version in rows:
            known = self.latest.get((feed, key), 0)
            self.latest[feed, key] = max(known, version)

    @invariant()
    def the_store_holds_the_latest(self) -> None:
        if not hasattr(self, "numbers"):
            return
        events, activity = [], []
        for (feed, _), version in self.latest.items():
            if feed == "gp_observation":
                code, value, on = ENTRIES[version]
                events.append((self.numbers[0], code, value, on))
            else:
                whose, diagnoses, procedure = EPISODES[version]
                person, on = self.numbers[whose], date(2026, 1, 2)
                events += [(person, code, None, on) for code in diagnoses]
                events += [(person, procedure, None, on)] if procedure else []
                activity.append((person, diagnoses[0]))
        ours = f"({self.numbers[0]}, {self.numbers[1]})"
        assert sorted(events, key=str) == sorted(
            self.stored(
                f"SELECT person_no, code, value, on_date FROM event"
                f" WHERE person_no IN {ours}"
            ),
            key=str,
        )
        assert sorted(activity) == sorted(
            self.stored(
                f"SELECT person_no, reason_code FROM activity WHERE person_no IN {ours}"
            )
        )


def test_any_order_of_delivery_ends_in_the_same_store(deliver, stored) -> None:
    run_state_machine_as_test(
        lambda: Orders(deliver, stored),
        settings=settings(
            phases=(Phase.explicit, Phase.generate),
            max_examples=12,
            stateful_step_count=6,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
