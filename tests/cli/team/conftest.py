"""A clone with a remote, and a daemon that tells of teams."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tokenguard import client
from tokenguard.config.paths import Paths
from tokenguard.errors import DaemonError


class FakeDaemon:
    """Answers what it was given, and keeps what it was asked."""

    def __init__(self) -> None:
        self.teams: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.fails: set[str] = set()

    def get(self, path: str) -> dict[str, Any]:
        assert path == "/v1/team"
        return {"teams": self.teams}

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, timeout: float = 0) -> dict[str, Any]:
        self.asked.append((path, json.loads(json.dumps(body or {}))))
        if path in self.fails:
            raise DaemonError("team web cannot be reached", "see tokenguard team status")
        return {"teams": self.teams}


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> FakeDaemon:
    """It runs already, and would be started."""
    fake = FakeDaemon()

    def find(paths: Paths) -> FakeDaemon:
        return fake

    def ensure(paths: Paths, env: Mapping[str, str], note: object) -> FakeDaemon:
        return fake

    monkeypatch.setattr(client, "find", find)
    monkeypatch.setattr(client, "ensure", ensure)
    return fake


@pytest.fixture
def repo(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone in which Ann works, the current folder."""
    folder = tmp_path / "web"
    for command in (
        ["init", "-q", "-b", "main", str(folder)],
        ["-C", str(folder), "config", "user.email", "Ann@Example.com"],
        ["-C", str(folder), "config", "user.name", "Ann Example"],
        ["-C", str(folder), "remote", "add", "origin", "https://ann:secret@git.example.com/acme/web.git"],
        ["-C", str(folder), "commit", "-q", "--allow-empty", "-m", "Begin"],
    ):
        subprocess.run(["git", *command], check=True, capture_output=True)
    monkeypatch.chdir(folder)
    return folder
