"""The assets build: complete, repeatable, and free of addresses elsewhere."""

import gzip
import json
import re
import subprocess

import pytest

from config import assets


def test_lock_file_names_no_package_host():
    lock = json.loads((assets.BASE_DIR / "package-lock.json").read_text())
    assert lock["packages"], "the lock lists the packages"
    assert not [name for name, entry in lock["packages"].items() if "resolved" in entry]


def test_fingerprint_changes_with_a_source(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "SOURCES", tmp_path)
    (tmp_path / "a.scss").write_text("a { color: red }")
    before = assets.fingerprint()
    (tmp_path / "a.scss").write_text("a { color: blue }")
    assert assets.fingerprint() != before


def test_an_unchanged_build_runs_nothing(tmp_path, monkeypatch):
    (tmp_path / assets.STAMP).write_text(assets.fingerprint())
    monkeypatch.setattr(assets, "BUILT", tmp_path)
    monkeypatch.setattr(assets, "_run", lambda command: pytest.fail(f"ran {command}"))
    assert assets.build(say=lambda words: None) is False


def test_a_failed_step_says_what_the_tool_printed():
    with pytest.raises(assets.AssetBuildError, match="no such thing"):
        assets._run(["sh", "-c", "echo no such thing; exit 3"])


def test_node_comes_from_the_wheel_where_the_machine_has_none(monkeypatch):
    monkeypatch.setattr(assets.shutil, "which", lambda name: None)
    command = [*assets._node_tool("npm"), "--version"]
    shown = subprocess.run(command, capture_output=True, text=True)
    assert re.match(r"\d+\.\d+", shown.stdout), shown.stderr


@pytest.fixture(scope="module")
def built():
    assets.build(say=lambda words: None)
    return assets.BUILT


def test_styles_fetch_nothing_from_elsewhere(built):
    styles = (built / "catchment.css").read_text()
    assert not re.findall(r"url\(['\"]?(?:https?:)?//", styles)
    assert "@font-face" not in styles
    for image in set(re.findall(r'url\("?(nhsuk/[^")]+)"?\)', styles)):
        assert (built / image).is_file(), image


def test_text_files_have_a_compressed_twin_that_agrees(built):
    for name in [
        "catchment.css",
        "charts.js",
        "htmx.min.js",
        "plotly-cartesian.min.js",
    ]:
        packed = gzip.decompress((built / f"{name}.gz").read_bytes())
        assert packed == (built / name).read_bytes()
