"""A broken file in a browser: delivered, read about, mended; and the figures move."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from linkage import feed_actions, replays
from linkage.vault.service import feed_acts
from tests.functional.test_pages_in_a_browser import serious_findings
from tests.integration.linkage.conftest import ADA, PATIENT, delivered
from tests.live_vault import Vault

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases=["default", "vault", "audit"]),
]
OTHER = {"patient_id": "p-abe", "nhs_number": "", "surname": "Stonebridge"}
BROKEN = OTHER | {"organisation": "not known!"}
# Whatever reaches past the window, but for what scrolls in a box of its own.
TOO_WIDE = """width => [...document.querySelectorAll("body *")]
  .filter(e => !e.closest(".app-scroll") && e.getBoundingClientRect().right > width)
  .map(e => e.tagName + " " + e.textContent.trim().slice(0, 60))"""
MANAGER = ("data_manager", "QZZ")


@pytest.fixture
def worker(site, empty_store, settings, tmp_path) -> Iterator[Callable[..., Any]]:
    """`worker()` does what the vault's own worker would do now, in the vault's zone."""
    settings.DELIVERIES = tmp_path / "deliveries"
    with Vault.opened() as vault:

        def work(
            what: Callable[..., object] = feed_actions.take_in_waiting, **ids: Any
        ):
            return vault.thread.submit(what, **ids).result()

        yield work


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return delivered(tmp_path / "gp_patient_202609.csv", PATIENT, {}, BROKEN)


@pytest.fixture
def mended(tmp_path: Path) -> Path:
    return delivered(tmp_path / "gp_patient_202609_again.csv", PATIENT, {}, OTHER)


def figures(page) -> dict[str, str]:
    """What the tiles of a run's page say."""
    tiles = page.locator(".app-tiles li").all_inner_texts()
    return {t.split("\n")[0]: t.split("\n")[1] for t in tiles}


def totals(page, title: str) -> list[str]:
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=title))
    return row.first.locator("td").all_inner_texts()


def test_a_broken_file_is_delivered_read_about_mended_and_counted(
    visit, worker, broken, mended
) -> None:
    visitor = visit(*MANAGER)
    page = visitor.goes_to("/feeds/")
    page.get_by_role("button", name="Deliver a file").or_(
        page.get_by_role("link", name="Deliver a file")
    ).first.click()
    page.get_by_label("File", exact=True).set_input_files(broken)
    page.get_by_role("button", name="Deliver", exact=True).click()
    page.wait_for_url("**/feeds/runs/*/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("waits to be read")
    worker()
    # The page looks again by itself.
    expect(page.get_by_role("heading", level=1)).to_contain_text("taken in")
    assert figures(page)["Rows in"] == "2"
    assert figures(page)["Loaded"] == "1"
    assert figures(page)["Held"] == "1"
    fault = page.get_by_role("row").filter(has_text="organisation code")
    expect(fault).to_contain_text("organisation")
    assert fault.locator("td").all_inner_texts()[-2] == "2"  # the row's number
    assert serious_findings(page) == []
    page.get_by_role("link", name="Report to send to the supplier").click()
    assert serious_findings(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Every row as CSV").click()
    told = Path(download.value.path()).read_text(encoding="utf-8")
    assert "gp_patient_202609.csv,2,organisation" in told
    for hidden in (ADA, "Youngblood", "Stonebridge", "not known!", "p-abe"):
        assert hidden not in told
        assert hidden not in page.content()
    page.go_back()
    page.get_by_role("link", name="Deliver a mended file in its place").click()
    page.get_by_label("File", exact=True).set_input_files(mended)
    page.get_by_role("button", name="Deliver", exact=True).click()
    page.wait_for_url("**/feeds/runs/*/")
    worker()
    expect(page.get_by_role("heading", level=1)).to_contain_text("taken in")
    assert (figures(page)["Loaded"], figures(page)["Held"]) == ("2", "0")
    page = visitor.goes_to("/feeds/gp_patient/")
    mended_rows = page.get_by_role("row").filter(has_text="not a organisation code")
    assert mended_rows.first.locator("td").all_inner_texts()[-1] == "1"
    page = visitor.goes_to("/feeds/")
    assert totals(page, "GP patients")[1:4] == ["2", "4", "3"]
    assert visitor.problems == []
    assert visitor.elsewhere == []


def test_held_rows_are_read_again_when_the_missing_feed_has_come(
    visit, worker, tmp_path, monkeypatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(feed_acts, "_send", lambda task, *ids: sent.extend(ids))
    journal = {
        "observation_id": "o1",
        "patient_id": "p-ada",
        "organisation": "Z81001",
        "effective_datetime": "2025-02-03",
        "snomed_concept_id": "44054006",
        "numeric_value": "",
        "unit_of_measure": "",
        "model_updated_datetime": "2025-02-04",
    }
    early = delivered(tmp_path / "gp_observation_2025.csv", journal, {})
    patients = delivered(tmp_path / "gp_patient_202609.csv", PATIENT, {})
    visitor = visit(*MANAGER)

    def deliver(path: Path, feed: str = ""):
        page = visitor.goes_to("/feeds/deliver/")
        if feed:
            page.get_by_label("Feed", exact=True).select_option(feed)
        page.get_by_label("File", exact=True).set_input_files(path)
        page.get_by_role("button", name="Deliver", exact=True).click()
        page.wait_for_url("**/feeds/runs/*/")
        worker()
        expect(page.get_by_role("heading", level=1)).to_contain_text("taken in")
        return page

    page = deliver(early, "gp_observation")
    address = page.url.removeprefix(visitor.site)
    assert figures(page)["Left out"] == "1"
    deliver(patients)
    page = visitor.goes_to(address)
    page.get_by_role("button", name="Read the held rows again").click()
    expect(page.get_by_text("The held rows are read once more.")).to_be_visible()
    run_id = sent[-1]
    assert address == f"/feeds/runs/{run_id}/"
    worker(replays.replay_run, run_id=run_id, by="worker")
    page = visitor.goes_to(address)
    row = page.get_by_role("row").filter(has_text="no loaded feed has introduced")
    assert row.locator("td").all_inner_texts()[-1] == "1"
    assert totals(visitor.goes_to("/feeds/"), "GP journal")[3] == "1"


def test_a_large_file_goes_in_pieces_and_on_where_it_stopped(
    visit, worker, tmp_path
) -> None:
    """The connection fails once in the middle: what has arrived stays."""
    rows = [{"patient_id": f"p{n}", "nhs_number": ""} for n in range(14_000)]
    path = delivered(tmp_path / "gp_patient_202609.csv", PATIENT, *rows)
    assert path.stat().st_size > 1 << 20
    visitor = visit(*MANAGER)
    page = visitor.goes_to("/feeds/deliver/")
    puts: list[str] = []
    failures = [True]

    def fail_once(route) -> None:
        puts.append(route.request.url)
        if "offset=0" not in route.request.url and failures:
            failures.pop()
            route.abort()
        else:
            route.continue_()

    page.route(re.compile("/piece/"), fail_once)
    page.get_by_label("File", exact=True).set_input_files(path)
    page.get_by_role("button", name="Deliver", exact=True).click()
    page.wait_for_url("**/feeds/runs/*/")
    offsets = [url.partition("offset=")[2] for url in puts]
    assert offsets == ["0", "1048576", "1048576"]


def test_without_script_a_small_file_is_taken_and_a_large_one_refused_in_words(
    visit, worker, broken, tmp_path
) -> None:
    visitor = visit(*MANAGER, java_script_enabled=False)
    page = visitor.goes_to("/feeds/deliver/")
    page.get_by_label("File", exact=True).set_input_files(broken)
    page.get_by_role("button", name="Deliver", exact=True).click()
    page.wait_for_url("**/feeds/runs/*/")
    worker()
    page.get_by_role("link", name="Look again").click()
    assert figures(page)["Held"] == "1"
    page = visitor.goes_to("/feeds/deliver/")
    page.get_by_role("button", name="Deliver", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Choose a file.")
    large = tmp_path / "gp_patient_202610.csv"
    large.write_bytes(b"x" * 2_400_000)
    page.get_by_label("File", exact=True).set_input_files(large)
    page.get_by_role("button", name="Deliver", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("two megabytes")


def test_a_held_file_is_released_and_rolled_back_with_reasons(
    visit, worker, tmp_path
) -> None:
    empty = tmp_path / "gp_patient_202608.csv"
    empty.write_text(",".join(PATIENT) + "\n", encoding="utf-8")
    visitor = visit(*MANAGER)

    def deliver(path: Path):
        page = visitor.goes_to("/feeds/deliver/")
        page.get_by_label("File", exact=True).set_input_files(path)
        page.get_by_role("button", name="Deliver", exact=True).click()
        page.wait_for_url("**/feeds/runs/*/")
        worker()
        return page

    page = deliver(empty)
    expect(page.get_by_role("heading", level=1)).to_contain_text("held")
    expect(page.get_by_text("The file holds no row.")).to_be_visible()
    assert serious_findings(page) == []
    page.get_by_label("Reason, naming nobody").fill("so be it")
    page.get_by_role("button", name="Release").click()
    expect(page.get_by_text("never taken in; refuse it")).to_be_visible()
    page.get_by_role("button", name="Refuse it").click()
    expect(page.get_by_text("Give a reason")).to_be_visible()
    assert "gp_patient_202608.csv" in visitor.goes_to("/feeds/").content()
    page = deliver(delivered(tmp_path / "gp_patient_202609.csv", PATIENT, {}))
    expect(page.get_by_role("heading", level=1)).to_contain_text("taken in")
    page.get_by_text("Roll this run back").click()
    page.get_by_label("Reason, naming nobody").fill("the wrong file")
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("Tick that you have read")).to_be_visible()
    page.get_by_text("Roll this run back").click()
    page.get_by_label("Reason, naming nobody").fill("the wrong file")
    page.get_by_label("I have read what a roll-back does").check()
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("being rolled back")
    worker()
    expect(page.get_by_role("heading", level=1)).to_contain_text(": rolled back")
    assert totals(visitor.goes_to("/feeds/"), "GP patients")[1] == "0"


@pytest.mark.parametrize("width", [1280, 320])
def test_the_pages_are_accessible_and_fit_a_phone(visit, worker, broken, width) -> None:
    visitor = visit(*MANAGER, width=width)
    page = visitor.goes_to("/feeds/deliver/")
    page.get_by_label("File", exact=True).set_input_files(broken)
    page.get_by_role("button", name="Deliver", exact=True).click()
    page.wait_for_url("**/feeds/runs/*/")
    worker()
    address = page.url.removeprefix(visitor.site)
    for path in ("/feeds/deliver/", address, "/feeds/gp_patient/report/"):
        page = visitor.goes_to(path)
        assert page.locator("h1").count() == 1, path
        assert serious_findings(page) == [], path
        assert page.evaluate(TOO_WIDE, width) == [], path
    assert visitor.problems == []
