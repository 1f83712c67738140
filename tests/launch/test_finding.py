"""Versions that are too old; the rest is in `test_launch`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.agents import codex, gemini
from tokenguard.launch.finding import outdated


def package(folder: Path, version: str) -> str:
    program = folder / "node_modules/@openai/codex/bin/codex.js"
    program.parent.mkdir(parents=True)
    program.touch()
    (program.parent.parent / "package.json").write_text(f'{{"version": "{version}"}}')
    return str(program)


@pytest.mark.parametrize(("version", "old"), [("0.114.0", True), ("0.115.0", False), ("1.0.0", False)])
def test_a_version_whose_calls_do_not_come_here(tmp_path: Path, version: str, old: bool) -> None:
    text = (
        f"Codex {version} is too old: before 0.115.0 its calls do not come here and are not guarded; "
        "install it with npm install -g @openai/codex"
    )
    assert list(outdated(codex, package(tmp_path, version))) == [text] * old


def test_what_nobody_knows_is_not_told(tmp_path: Path) -> None:
    assert list(outdated(codex, str(tmp_path / "codex"))) == []
    assert list(outdated(gemini, package(tmp_path, "0.0.1"))) == []
