"""Command lines run in this process, in a home of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Cli, Outcome
from tokenguard.cli import main


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty TOKENGUARD_HOME, and a working folder outside any repository."""
    folder = tmp_path / "home"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("TOKENGUARD_HOME", str(folder))
    for name in ("TOKENGUARD_DEBUG", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(elsewhere)
    return folder


@pytest.fixture
def cli(home: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs one command line in that home."""

    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = main(arguments)
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return run
