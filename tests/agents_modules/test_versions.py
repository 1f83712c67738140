"""Versions, as installers leave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.agents import claude, gemini
from tokenguard.agents.versions import installed, is_older, version_of


def program(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def link(file: Path, target: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.symlink_to(target)
    return str(file)


def test_npm_says_it_in_the_package(tmp_path: Path) -> None:
    package = tmp_path / "lib/node_modules/@anthropic-ai/claude-code"
    target = program(package / "bin/claude.exe")
    (package / "package.json").write_text('{"version": "2.1.329"}')
    (tmp_path / "lib/package.json").write_text('{"version": "0.0.1"}')
    assert version_of(link(tmp_path / "bin/claude", target)) == "2.1.329"


def test_a_package_without_a_version_is_not_asked_further(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"version": "0.0.1"}')
    assert version_of(str(program(tmp_path / "node_modules/x/cli.js"))) is None
    assert version_of(str(program(tmp_path / "tools/claude"))) is None


def test_pip_says_it_in_the_package_that_brings_the_command(tmp_path: Path) -> None:
    for name, scripts in (("aider_chat-0.86.2", "aider = aider.main:main"), ("other-1.0", "aiderless = x:y")):
        info = tmp_path / f"tools/aider/lib/python3.12/site-packages/{name}.dist-info"
        info.mkdir(parents=True)
        (info / "entry_points.txt").write_text(f"[console_scripts]\n{scripts}\n")
    target = program(tmp_path / "tools/aider/bin/aider")
    assert version_of(link(tmp_path / "bin/aider", target)) == "0.86.2"


@pytest.mark.parametrize("place", ["share/claude/versions/2.1.329", "Caskroom/codex/v0.169.0/codex"])
def test_a_folder_or_the_file_is_called_like_it(tmp_path: Path, place: str) -> None:
    assert version_of(link(tmp_path / "bin/agent", program(tmp_path / place))) in ("2.1.329", "0.169.0")


@pytest.mark.parametrize("place", [".pyenv/versions/3.11.7/bin/agent", "node/v22.1.0/bin/agent"])
def test_the_version_of_a_runtime_is_not_that_of_the_agent(tmp_path: Path, place: str) -> None:
    assert version_of(str(program(tmp_path / place))) is None


def test_what_is_installed_is_found_on_the_path(tmp_path: Path) -> None:
    file = program(tmp_path / "bin/claude")
    assert installed(claude, {"PATH": f"{tmp_path}:{tmp_path / 'bin'}"}) == str(file)
    assert installed(gemini, {"PATH": str(tmp_path / "bin")}) is None


@pytest.mark.parametrize(
    ("version", "minimum", "older"),
    [
        ("0.9.9", "0.10", True),
        ("0.10.0", "0.10", False),
        ("2.1.329", "2.1.4", False),
        ("v1.2.3-beta.9", "1.2.4", True),
        ("1.2.3-beta.9", "1.2.3", False),
        ("1.0", "", False),
    ],
)
def test_older(version: str, minimum: str, older: bool) -> None:
    assert is_older(version, minimum) == older
