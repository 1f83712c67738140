"""In which session a server runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tokenguard.cli.mcp.finding import ancestors, session_of


@pytest.fixture
def web(tmp_path: Path) -> Path:
    repository = tmp_path / "web"
    subprocess.run(["git", "init", "-q", "-b", "main", str(repository)], check=True)
    return repository


def one(id: str, pid: int | None = None, repo: Path | None = None) -> dict[str, Any]:
    return {"id": id, "pid": pid, "repo": str(repo) if repo else None}


def test_the_environment_wins_over_processes_and_these_over_the_folder(web: Path) -> None:
    sessions = [one("named"), one("near", 30), one("far", 20), one("here", repo=web)]
    assert session_of(sessions, {"TOKENGUARD_SESSION": "named"}, [30, 20], web) == "named"
    assert session_of(sessions, {"TOKENGUARD_SESSION": "a task"}, [40, 30, 20], web) == "near"
    assert session_of(sessions, {}, [40], web) == "here"
    assert session_of(sessions, {}, [], web / ".git") == "here"


def test_what_could_be_several_is_none(web: Path, tmp_path: Path) -> None:
    sessions = [one("here", repo=web), one("there", repo=web), one("nowhere")]
    assert session_of(sessions, {}, [], web) is None
    assert session_of(sessions, {}, [], tmp_path) is None


def test_the_nearest_process_comes_first() -> None:
    assert ancestors()[0] == os.getppid()
