"""`tokenguard agents list`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Cli
from tokenguard.agents import AGENTS, claude


@pytest.fixture(autouse=True)
def programs(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the PATH. What is in it tells when it is run."""
    folder = tmp_path / "Cellar/coders/1.2.3/bin"
    folder.mkdir(parents=True)
    for name in ("claude", "mycoder"):
        (folder / name).write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/ran\necho 9.9\n")
        (folder / name).chmod(0o755)
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text('[agents.mine]\ncommands = ["mycoder"]\nenv = { MINE_URL = "{url}/openai" }\n')
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_every_agent_is_told_and_none_is_run(cli: Cli, programs: Path, tmp_path: Path) -> None:
    found = {one["name"]: one for one in cli("agents", "list", "--json").document["agents"]}
    assert list(found) == [*AGENTS, "mine"]
    assert found["claude"] == {
        "name": "claude",
        "title": "Claude Code",
        "commands": ["claude"],
        "path": str(programs / "claude"),
        "version": "1.2.3",
        "guarded": claude.GUARDED,
        "not_covered": list(claude.NOT_COVERED),
        "hold_seconds": 300,
        "leaves": "",
        "install": claude.INSTALL,
        "own": False,
    }
    assert (found["mine"]["path"], found["mine"]["own"]) == (str(programs / "mycoder"), True)
    assert (found["codex"]["path"], found["codex"]["version"]) == (None, None)
    assert not (tmp_path / "ran").exists()


def test_versions_are_asked_for_where_that_is_wanted(cli: Cli) -> None:
    found = {one["name"]: one for one in cli("agents", "list", "--versions", "--json").document["agents"]}
    assert (found["claude"]["version"], found["mine"]["version"], found["codex"]["version"]) == ("9.9", "9.9", None)


def test_for_people(cli: Cli, programs: Path) -> None:
    outcome = cli("agents", "list")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0] == f"claude  Claude Code 1.2.3  waits up to 5 min               {programs}/claude"
    assert lines[1] == f"  guarded by {claude.GUARDED}"
    assert lines[2] == f"  not covered: {'; '.join(claude.NOT_COVERED)}"
    assert lines[3] == f"mine    mine 1.2.3         waits up to 1 min  config.toml  {programs}/mycoder"
    assert lines[4] == "  guarded by MINE_URL of your config.toml"
    assert any(line.startswith("codex ") and line.endswith("npm install -g @openai/codex") for line in lines)
    assert "any other command: tokenguard run COMMAND" in lines


def test_a_definition_that_cannot_be_is_told(cli: Cli, home: Path) -> None:
    (home / "config.toml").write_text('[agents.mine]\nextends = "nobody"\n')
    outcome = cli("agents", "list")
    assert (outcome.code, outcome.err.count("\n")) == (3, 1)
    assert outcome.err.startswith(
        'tokenguard: config.toml: agents.mine.extends "nobody" is not known; use one of claude'
    )
