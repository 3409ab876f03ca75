"""A site of cohorts over the invented release: users of every role, as the web."""

import pytest
from django.test import override_settings

from governance.access import ACCESS
from linkage.release import selectors as release
from tests import live_system
from tests.cohort_people import make_cohort_release
from tests.page_builders import make_organisations

FAST_HASH = "django.contrib.auth.hashers.MD5PasswordHasher"


@pytest.fixture(scope="module")
def system():
    return make_cohort_release()


@pytest.fixture(scope="module")
def users(django_db_setup, django_db_blocker):
    """Organisations and users; Django's store connection is the web's from then on."""
    with (
        django_db_blocker.unblock(),
        override_settings(PASSWORD_HASHERS=[FAST_HASH]),
        live_system.emptied(),
    ):
        with live_system.acting_as("worker"):
            make_organisations()
        place = {"icb": "QZZ", "place": "P1", "pcn": "U1"}
        place |= {"neighbourhood": "N1", "practice": "Z81001"}
        place |= {"council": "990", "trust": "RXX01"}
        made = {
            role: live_system.make_user(role, place[spec.level])
            for role, spec in ACCESS.granted.items()
            if spec.level in place
        }
        with live_system.acting_as("web"):
            yield made


@pytest.fixture
def signed_in(users, system, monkeypatch):
    """`signed_in("place_lead")` is a client; what it saves is gone afterwards."""
    monkeypatch.setattr(release, "current", lambda: system)
    monkeypatch.setattr(release, "previous", lambda: None)
    yield lambda role, *_: live_system.signed_in(users[role])
    with live_system.connect("migrator") as owner:
        owner.execute("TRUNCATE cohort_size, cohort_version, cohort, released_set")
