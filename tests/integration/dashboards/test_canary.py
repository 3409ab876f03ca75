"""Nothing of another network's people reaches anyone it should not.

They carry names, numbers, codes and counts that stand nowhere else. Every address is
called as every role; no answer and no log may hold one of them.
"""

import io
import logging
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from dashboards.selectors import worklist as selectors
from governance import actions, pseudonym
from linkage.reveal import reveal
from tests import live_people as people
from tests import live_system as system
from tests.guards.test_addresses import ARGUMENTS
from tests.live_people import ANNA, ODA, OURS, PIP, PROGRAMME, THEIRS

THEIR_PROVIDER, THEIR_CODE = "RCANARY7", "CANARY4321"
PRACTICES = ("Z81001", "Z81002", "Z81005")
# Roles that look after the first network or its place only.
BOUNDED = ("pcn_mdt_member", "pcn_social_prescriber", "place_lead", "partner_client")


def canaries(live) -> list[str]:
    """Words that belong to the other network's people and to nothing else."""
    theirs = live.viewer("their_mdt")
    found = [THEIR_PROVIDER, THEIR_CODE]
    found += [people.reason("medicines_12m", is_=987)]
    found += [people.reason("last_medication_review_days", is_=654)]
    for someone in THEIRS:
        sealed = selectors.reference(theirs, someone.person_no)
        found += [someone.surname, someone.forename, someone.nhs_number]
        found += [str(someone.person_no), sealed, pseudonym.short(sealed)]
    return found


def addresses() -> Iterator[str]:
    """The name of every address there is."""

    def walk(patterns):
        for each in patterns:
            if isinstance(each, URLResolver):
                yield from walk(each.url_patterns)
            elif isinstance(each, URLPattern):
                yield each.name

    yield from walk(get_resolver().url_patterns)


def arguments(live, role: str, name: str) -> list[dict[str, object]]:
    """What to call an address with: the viewer's own, and the other network's."""
    viewer = live.viewer(role)
    references = [
        selectors.reference(viewer, ANNA.person_no),
        selectors.reference(viewer, ODA.person_no),
        selectors.reference(live.viewer("their_mdt"), ODA.person_no),
    ]
    by_name: dict[str, list[dict[str, object]]] = {
        "person": [{"reference": each} for each in references],
        "rights-open": [{"reference": each} for each in references],
        "objection": [{"reference": each} for each in references],
        "reveal-person": [{"reference": each} for each in references],
        "explain-person": [{"reference": each} for each in references],
        "decide": [
            {"programme": PROGRAMME, "reference": each} for each in references[1:]
        ],
        "list-card": [
            {"programme": PROGRAMME, "reference": each} for each in references
        ],
        "risk-csv": [{"key": "bands"}],
        "model-csv": [{"name": "emergency_admission", "key": "calibration"}],
        "feature": [{"name": "condition_count"}],
        "feature-csv": [{"name": "condition_count", "key": "values"}],
        "codelist": [{"name": "asthma"}],
        "codelist-version": [{"name": "asthma", "version": 1}],
        "decide-codelist": [{"name": "asthma", "version": 1}],
        "scheme": [{"name": "bridges_to_health"}],
        "scheme-csv": [{"name": "bridges_to_health", "key": "segments"}],
        "special-access-ask": [{"reference": each} for each in references],
        "special-access-decide": [{"request_id": 1}],
        "linkage-pair": [{"pair_id": 1}],
        "linkage-csv": [{"key": "recall-by-feed"}],
        "undo-decision": [{"programme": PROGRAMME, "decision_id": live.their_decision}],
        "overview-csv": [
            {"key": key} for key in ("segments", "admissions-by-place", "map")
        ],
        "indicator": [{"name": each} for each in ("emergency_admissions", "frailty")],
        "indicator-csv": [
            {"name": "emergency_admissions", "key": key}
            for key in ("places", "age_band")
        ],
        "feed": [{"name": "registered_list"}],
        "api-indicator": [{"name": "emergency_admissions"}],
        "api-nowhere": [{"name": "people"}],
    }
    # Addresses that name one thing alone are told apart by what they call it.
    alone: dict[str, object] = ARGUMENTS | {
        "programme": PROGRAMME,
        "cohort_id": 1,
        "name": "emergency_admission",
    }
    asked = get_resolver().reverse_dict[name][0][0][1]
    if name in by_name or not asked:
        return by_name.get(name, [{}])
    return [{only: alone[only] for only in asked}]


FORMS = {
    "reveal": [{"reason": "mdt_review"}],
    "reveal-person": [{"reason": "check_record"}],
    "decide": [{"decision": "accept:suitable"}],
    "undo-decision": [{}],
    "special-access-ask": [{"reason": "Care cannot wait for this person"}],
    "special-access-decide": [{"answer": "refuse"}],
    "linkage-pair": [{"verdict": "link", "reason": "the same home"}],
    "list-export": [
        {"practice": practice, "reason": reason}
        for practice in PRACTICES
        for reason in ("", "export_to_gp_system")
    ],
}
QUERIES = ({}, {"basis": "resident"}, {"place": "Z81005"})
PLACED = ("overview", "overview-map", "overview-csv", "board", "indicator")
PLACED += ("indicator-csv",)


@pytest.fixture(scope="module")
def marked(live):
    """Facts and a decision of the other network, each with a canary in it."""
    on = people.SEPTEMBER - timedelta(days=9)
    for someone in (ANNA, *THEIRS):
        provider = THEIR_PROVIDER if someone in THEIRS else "ROURS"
        code = THEIR_CODE if someone in THEIRS else "12345678"
        number = someone.person_no
        system.load_activity(number, "gp", "appointment", on, provider=provider)
        system.load_event(number, "observation", code, on)
    their_mdt = live.client("their_mdt")
    sealed = selectors.reference(live.viewer("their_mdt"), PIP.person_no)
    their_mdt.post(
        reverse("decide", args=[PROGRAMME, sealed]), {"decision": "accept:suitable"}
    )
    page = their_mdt.get(reverse("worklist", args=[PROGRAMME])).content.decode()
    found = re.search(r"/undo/(\d+)/", page)
    assert found
    live.their_decision = int(found[1])
    return live


@pytest.fixture(scope="module")
def crawled(marked):
    """`crawled(role)` is all that a role is told, and all that is logged meanwhile."""
    kept: dict[str, tuple[list[tuple[str, str]], str]] = {}

    def crawl_once(role: str) -> tuple[list[tuple[str, str]], str]:
        if role not in kept:
            log = io.StringIO()
            handler = logging.StreamHandler(log)
            root = logging.getLogger()
            level = root.level
            root.addHandler(handler)
            root.setLevel(logging.DEBUG)
            try:
                answers = list(crawl(marked, role))
            finally:
                root.removeHandler(handler)
                root.setLevel(level)
            kept[role] = answers, log.getvalue()
        return kept[role]

    return crawl_once


def crawl(live, role: str) -> Iterator[tuple[str, str]]:
    """Call every address as a role; yields what was called and the whole answer."""
    client = live.client(role)
    with system.acting_as("worker"):
        token = actions.issue_token(
            user=live.users[role],
            purpose="planning",
            today=timezone.localdate(),
            days=1,
            by="test",
        ).secret
    partner = Client(headers={"Authorization": f"Bearer {token}"})
    for name in addresses():
        for given in arguments(live, role, name):
            address = reverse(name, kwargs=given)
            caller = partner if address.startswith("/api/") else client
            for query in QUERIES if name in PLACED else ({},):
                yield f"GET {name} {query}", answer(caller.get(address, query))
            for form in FORMS.get(name, ()):
                response = caller.post(address, form, follow=True)
                yield f"POST {name} {form}", answer(response)


def written_out(content: bytes) -> str:
    """The text of an answer; of a workbook, which is packed, that of all its parts."""
    if not content.startswith(b"PK"):
        return content.decode()
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return "\n".join(book.read(name).decode() for name in book.namelist())


def answer(response) -> str:
    headers = "\n".join(f"{name}: {value}" for name, value in response.items())
    return system.in_clear(f"{headers}\n{written_out(response.content)}")


@pytest.mark.parametrize("role", system.ROLE_PLACES)
def test_nothing_of_the_other_networks_people_is_told(marked, crawled, role):
    words = canaries(marked)
    answers, _ = crawled(role)
    told = [
        f"{asked}: {word}" for asked, said in answers for word in words if word in said
    ]
    assert told == []
    assert {asked.split()[1] for asked, _ in answers} == set(addresses())


@pytest.mark.parametrize("role", system.ROLE_PLACES)
def test_nothing_of_anyone_is_logged(marked, crawled, role):
    """A log may say which reference was refused; never who, nor a number."""
    _, log = crawled(role)
    sealed = selectors.reference(marked.viewer("their_mdt"), ODA.person_no)
    assert [w for w in canaries(marked) if w in log.replace(sealed, "")] == []
    for someone in OURS:
        for word in (someone.surname, someone.nhs_number, str(someone.person_no)):
            assert word not in log


def test_the_canaries_sing_where_they_belong(marked, crawled):
    """The words looked for above do stand on their own team's pages."""
    said = "".join(text for _, text in crawled("their_mdt")[0])
    revealed = reveal(
        marked.viewer("their_mdt"),
        programme=PROGRAMME,
        reason="mdt_review",
        person_nos=[s.person_no for s in THEIRS],
    )
    numbers = {named.nhs_number for named in revealed.names.values()}
    assert numbers == {s.nhs_number for s in THEIRS}
    unseen = {str(s.person_no) for s in THEIRS}
    assert [w for w in canaries(marked) if w not in said and w not in unseen] == []


@pytest.mark.parametrize("role", BOUNDED)
def test_who_is_bound_to_one_place_reads_of_no_other(crawled, role):
    """Public lists of organisations apart, the other place is not even named."""
    public = ("api-organisations", "about")
    told = [
        asked
        for asked, said in crawled(role)[0]
        if asked.split()[1] not in public
        and any(word in said for word in ("Southmoor", "Z81005", "Z81006"))
    ]
    assert told == []
