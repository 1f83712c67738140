"""Building the extension: its own tests in Node, and the file that people install."""

from __future__ import annotations

import json
import zipfile

import pytest

from tests.editors.extension import Extension

pytestmark = pytest.mark.real_editors

MOST = 200_000
"""Bytes of the file."""


def test_its_own_tests(extension: Extension) -> None:
    said = extension.run("test")
    assert "fail 0" in said and "pass 0" not in said


def test_what_people_install_is_small_and_holds_what_runs(extension: Extension) -> None:
    file = extension.package()
    assert file.stat().st_size < MOST
    with zipfile.ZipFile(file) as archive:
        names = {name.removeprefix("extension/") for name in archive.namelist() if name.startswith("extension/")}
        manifest = json.loads(archive.read("extension/package.json"))
    assert manifest["main"].removeprefix("./") in names
    assert manifest["contributes"]["viewsContainers"]["activitybar"][0]["icon"] in names
    ours = {f"out/src/{path.stem}.js" for path in (extension.folder / "src").glob("*.ts")}
    assert {name for name in names if name.endswith(".js")} == ours
    assert not [name for name in names if "test" in name or "node_modules" in name or name.endswith(".ts")]
