"""Risk profile and threshold explorer: who may open them, what they say."""

import re
from datetime import UTC, date, datetime

import polars as pl
import pytest
from django.urls import reverse

from linkage.release import selectors as release
from risk.definitions import MODELS
from risk.models import ModelApproval, TrainedModel
from tests.builders import release_view
from tests.page_builders import text_of

pytestmark = pytest.mark.django_db(databases=["default", "audit"])
NAME = "emergency_admission"
BANDS = [band.name for band in MODELS[NAME].bands]


@pytest.mark.parametrize(
    ("role", "org", "name", "allowed"),
    [
        ("system_analyst", "QZZ", "risk", True),
        ("place_lead", "P1", "risk", True),
        ("pcn_mdt_member", "U1", "risk", True),
        ("data_manager", "QZZ", "risk", False),
        ("ig_lead", "QZZ", "models", False),
        ("icb_board_member", "QZZ", "models", True),
        ("partner_client", "P1", "models", False),
    ],
)
def test_pages_of_risk_open_for_their_roles_only(
    signed_in, with_bands, role, org, name, allowed
) -> None:
    response = signed_in(role, org).get(reverse(name))
    assert response.status_code == (200 if allowed else 403)


def test_without_a_model_the_pages_say_so(signed_in) -> None:
    client = signed_in("place_lead", "P1")
    assert "No figures of risk yet" in text_of(client.get(reverse("risk")))
    assert "Not trained yet" in text_of(client.get(reverse("model", args=[NAME])))
    assert client.get(reverse("model", args=["no_such"])).status_code == 404


def test_the_explorer_answers_for_the_capacity_asked(
    signed_in, with_bands, trained
) -> None:
    client = signed_in("place_lead", "P1")
    page = text_of(client.get(reverse("risk"), {"per_week": "25"}))
    assert "For 25 reviews a week, a list of 4 weeks reaches down to" in page
    assert "12.5 a week" in page
    assert "Who is on the list, by deprivation" in page
    assert "Ordered by what could be done" in page
    # A leader of a place sees protected counts only: 100 people are 100 to the five.
    assert ">100<" in page.replace(" ", "")
    usual = text_of(client.get(reverse("risk"), {"per_week": "many"}))
    assert "For 12 reviews a week" in usual


def test_movement_between_bands_since_the_release_before(
    signed_in, with_bands, monkeypatch
) -> None:
    client = signed_in("system_analyst", "QZZ")
    assert "Movement between bands" not in text_of(client.get(reverse("risk")))
    was_high = with_bands.source.columns.with_columns(
        risk_band=pl.when(pl.col("risk_band") == BANDS[2])
        .then(pl.lit(BANDS[3]))
        .otherwise("risk_band")
    )
    other = release_view(
        was_high, list(with_bands.catalogue.values()), as_of=date(2026, 6, 30)
    )
    monkeypatch.setattr(release, "earlier", lambda: [with_bands, other])
    page = text_of(client.get(reverse("risk")))

    def table(number: int) -> str:
        found = page[page.index(f'id="movement-{number}"') :]
        return found[: found.index("</table>")]

    # Nobody moves between a release and itself.
    assert table(1).count("100%") == len(BANDS)
    # Who is rising now was lower then; the others stayed.
    assert "30 June 2026" in table(2)
    rising = table(2)[table(2).index("Rising (next") :]
    cells = re.findall(r"numeric[^>]*>([^<]*)<", rising[: rising.index("</tr>")])
    assert cells == ["0%", "0%", "0%", "100%"]


def test_the_profile_downloads_protected_figures(signed_in, with_bands) -> None:
    client = signed_in("system_analyst", "QZZ")
    sent = client.get(reverse("risk-csv", args=["risk-bands"]))
    assert sent["Content-Type"].startswith("text/csv")
    assert "very high" in sent.content.decode().lower()
    assert client.get(reverse("risk-csv", args=["no-such"])).status_code == 404


def test_figures_of_a_model_that_is_not_in_order_say_so_above_them(
    signed_in, with_bands, trained
) -> None:
    """Since when, why and who may act; in the page, its figures and their CSV."""
    client = signed_in("system_analyst", "QZZ")

    def asked() -> tuple[str, str]:
        page = text_of(client.get(reverse("risk")))
        sent = client.get(reverse("risk-csv", args=["risk-bands"]))
        return page, sent.content.decode()

    page, sent = asked()
    above = page[: page.index('id="explorer"')]
    assert ">Not approved<" in above
    assert "approved by 0 of 2 people" in above
    assert "PCN multidisciplinary team member" in above
    assert "Not fit for this decision" in page
    assert "is not approved, its version in use being of" in sent
    ModelApproval.objects.bulk_create(
        ModelApproval(name=NAME, spec_hash="a" * 64, model_version=3, user_id=n)
        for n in (1, 2)
    )
    page, sent = asked()
    for words in ("not approved", "Not to be acted on", "app-not-in-order"):
        assert words not in page
        assert words not in sent
    TrainedModel.objects.filter(pk=trained.pk).update(
        stopped_because="The figures have shifted",
        stopped_at=datetime(2026, 9, 12, 6, tzinfo=UTC),
    )
    page, sent = asked()
    above = page[: page.index('id="explorer"')]
    assert ">Stopped<" in above
    assert "stopped since 12 September 2026: The figures have shifted." in above
    figure = page[page.index('id="risk-bands"') :]
    assert figure.index("Not to be acted on") < figure.index("app-figure__reading")
    assert "The figures have shifted" in sent
    indicator = reverse("indicator", args=["emergency_admission_risk"])
    assert "Not to be acted on" in text_of(client.get(indicator))
    other = reverse("indicator", args=["emergency_admissions"])
    assert "Not to be acted on" not in text_of(client.get(other))


def test_the_explorer_tells_nothing_of_a_list_whose_size_is_hidden(
    signed_in, with_bands, trained
) -> None:
    client = signed_in("place_lead", "P1")
    page = text_of(client.get(reverse("risk"), {"per_week": "1"}))
    assert "would hold too few people to tell how far down it reaches" in page
    table = page[page.index('id="sizes"') :]
    rows = table[: table.index("</table>")].split("<tr")[2:]
    cells = [re.findall(r"numeric[^>]*>([^<]*)<", row) for row in rows]
    assert cells[0] == cells[1] == ["fewer than 8 people", *["hidden"] * 3]
    # Sixteen people are told of, with their chances.
    assert "hidden" not in cells[3]
    assert all("%" in cell for cell in cells[3][1:])
