"""A user's machine to start agents on."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.agents_modules.support import Machine
from tokenguard.agents import codex_settings, opencode, qwen_settings


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A home and a project without any settings."""
    for name in ("home", "project", "private"):
        (tmp_path / name).mkdir()
    return Machine(tmp_path / "home", tmp_path / "project", tmp_path / "private")


@pytest.fixture
def attended(machine: Machine) -> Machine:
    """The same, with somebody at the terminal."""
    machine.attended = True
    return machine


@pytest.fixture(autouse=True)
def qwen_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of Qwen Code's administrator, which is not there."""
    file = tmp_path / "system" / "settings.json"
    file.parent.mkdir()
    monkeypatch.setattr(qwen_settings, "_SYSTEM", (file,))
    return file


@pytest.fixture(autouse=True)
def codex_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of Codex' administrator, which is not there."""
    monkeypatch.setattr(codex_settings, "_SYSTEM", tmp_path / "system.toml")
    return tmp_path / "system.toml"


@pytest.fixture(autouse=True)
def opencode_managed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of opencode's administrator, which is empty."""
    monkeypatch.setattr(opencode, "KIN", replace(opencode.KIN, managed=(tmp_path / "opencode-managed",)))
    (tmp_path / "opencode-managed").mkdir()
    return tmp_path / "opencode-managed"
