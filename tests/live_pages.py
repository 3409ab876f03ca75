"""The addresses of the team's pages, and what they say."""

import html

from django.urls import reverse

from dashboards.selectors import worklist as selectors
from tests.live_people import PROGRAMME

LIST = reverse("worklist", args=[PROGRAMME])
MISSING = reverse("list-missing", args=[PROGRAMME])
EXPORT = reverse("list-export", args=[PROGRAMME])
NAMES = reverse("reveal", args=[PROGRAMME])


def words(response) -> str:
    return html.unescape(response.content.decode())


def sealed(live, someone, role="pcn_mdt_member", purpose=None) -> str:
    return selectors.reference(live.viewer(role, purpose), someone.person_no)


def page_of(live, someone, role="pcn_mdt_member", purpose=None) -> str:
    return reverse("person", args=[sealed(live, someone, role, purpose)])
