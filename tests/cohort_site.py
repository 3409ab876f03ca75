"""What the tests of cohort pages say and read: addresses, headlines, saving."""

import html
import json
import re
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone
from pyroaring import BitMap

from segmentation.models import Cohort
from tests import live_system
from tests.cohort_people import CLINICIAN_WHO

BUILD = reverse("cohort-build")
ALL = {f"Z8100{n}" for n in range(1, 9)}
OWN = {"Z81001", "Z81002"}
NORTH = {"Z81001", "Z81002", "Z81003", "Z81004"}


def newest():
    """The cohort that was saved last, as its table's keeper sees it."""
    with live_system.acting_as("worker"):
        return Cohort.objects.select_related("forked_from").order_by("-pk").first()


def words(response):
    assert response.status_code == 200, response.content[:500]
    return html.unescape(response.content.decode())


def headline(response):
    found = re.search(r'app-answer__count">([^<]*)<', words(response))
    return found[1]


def saved(client, title="Frail at home", who=CLINICIAN_WHO, **more):
    form = {
        "definition": json.dumps(who),
        "title": title,
        "why": "A visit may help",
        "review_by": (timezone.localdate() + timedelta(days=90)).isoformat(),
    }
    response = client.post(reverse("cohort-save"), form | more)
    assert response.status_code == 302
    return newest()


def share(client, cohort, sharing, every=""):
    form = {
        "sharing": sharing,
        "every": every,
        "review_by": cohort.review_by.isoformat(),
    }
    return client.post(reverse("cohort-settings", args=[cohort.pk]), form)


def nobody():
    """An imported list of one person."""
    return BitMap([1])
