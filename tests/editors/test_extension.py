"""The extension of VS Code as far as it can be looked at without an editor: what it promises, and its words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokenguard import __version__
from tokenguard.policy import money, naming
from tokenguard.records import Unit

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "editors/vscode"
MANIFEST: dict[str, Any] = json.loads((EXTENSION / "package.json").read_text("utf-8"))
GUIDE = (ROOT / "docs/editors.md").read_text("utf-8")


def about(nanos: int) -> str:
    return money.usd(nanos, about=True)


def amount(value: int, unit: str) -> str:
    return money.amount(value, Unit(unit))


def limit(value: int, unit: str) -> str:
    return money.limit(value, Unit(unit))


SAY: dict[str, Callable[..., object]] = {
    "usd": money.usd,
    "usd about": about,
    "tokens": money.tokens,
    "amount": amount,
    "limit": limit,
    "percent": money.percent,
    "shortModel": naming.short_model,
    "folderName": naming.folder_name,
    "windowName": naming.window_name,
    "printable": naming.printable,
}
SAYINGS = json.loads((EXTENSION / "test/sayings.json").read_text("utf-8"))


@pytest.mark.parametrize("saying", SAYINGS, ids=lambda saying: f"{saying['name']}-{saying['of']}")
def test_the_extension_is_held_to_the_words_of_the_program(saying: dict[str, Any]) -> None:
    assert SAY[saying["name"]](*saying["of"]) == saying["said"]


def test_all_of_its_words_are_held_to() -> None:
    assert {saying["name"] for saying in SAYINGS} == SAY.keys()


def test_it_has_the_version_of_the_program() -> None:
    assert MANIFEST["version"] == __version__


def test_it_needs_nothing_at_run_time_and_its_tools_are_pinned() -> None:
    assert "dependencies" not in MANIFEST
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in MANIFEST["devDependencies"].values())
    lock = json.loads((EXTENSION / "package-lock.json").read_text("utf-8"))
    assert lock["packages"][""]["devDependencies"] == MANIFEST["devDependencies"]


def test_it_has_the_license_of_the_program() -> None:
    assert (EXTENSION / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_no_repository_can_name_a_command_or_a_home_or_silence_it() -> None:
    settings = MANIFEST["contributes"]["configuration"]["properties"]
    assert {name: setting["scope"] for name, setting in settings.items()} == {
        "tokenguard.command": "machine",
        "tokenguard.home": "machine",
        "tokenguard.notices": "application",
    }


def test_its_settings_and_commands_are_documented() -> None:
    contributes = MANIFEST["contributes"]
    hidden = {entry["command"] for entry in contributes["menus"]["commandPalette"] if entry["when"] == "false"}
    titles = [entry["title"] for entry in contributes["commands"] if entry["command"] not in hidden]
    names = [*contributes["configuration"]["properties"], *titles]
    assert not [name for name in names if f"`{name}`" not in GUIDE]


def test_every_command_that_is_offered_is_there() -> None:
    code = (EXTENSION / "src/commands.ts").read_text("utf-8")
    there = set(re.findall(r"^      (\w+): \(", code, re.MULTILINE))
    offered = {entry["command"].removeprefix("tokenguard.") for entry in MANIFEST["contributes"]["commands"]}
    assert there == offered
    manifest = json.dumps(MANIFEST)
    assert {name for name in re.findall(r"command:tokenguard\.(\w+)", manifest)} <= offered
