"""A bare repository, and clones of it whose settings are nobody's but the test's."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tokenguard.team.gitrefs.document import Document, encode
from tokenguard.team.gitrefs.process import Runner
from tokenguard.team.gitrefs.remote import Remote

Open = Callable[..., Remote]
"""How the refs of a team are opened, by whom, and from which repository."""

DATA = encode(Document(1, 1, "i", 5))
REF = "refs/tokenguard/v1/web/ann/m"


class Git:
    """Repositories below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bare = folder / "team.git"
        self.run("init", "--quiet", "--bare", str(self.bare))

    def run(self, *words: str, folder: Path | None = None) -> str:
        done = subprocess.run(["git", *words], cwd=folder or self.folder, check=True, capture_output=True, text=True)
        return done.stdout

    def clone(self, name: str) -> Path:
        """With a commit that is pushed, as a person works in it."""
        clone = self.folder / name
        self.run("clone", "--quiet", f"file://{self.bare}", str(clone))
        self.run("checkout", "-q", "-B", name, folder=clone)
        (clone / "work").write_text(name)
        self.run("add", "work", folder=clone)
        self.run("commit", "-q", "-m", "work", folder=clone)
        self.run("push", "-q", "origin", name, folder=clone)
        return clone

    def script(self, name: str, text: str) -> Path:
        script = self.folder / name
        script.write_text(f"#!/bin/sh\n{text}\n")
        script.chmod(0o755)
        return script

    def refs(self) -> dict[str, str]:
        """What is published in the bare one."""
        lines = self.run("for-each-ref", "--format=%(refname) %(objectname)", "refs/tokenguard", folder=self.bare)
        return dict(line.split() for line in lines.splitlines())

    def delete_refs(self) -> None:
        for ref in self.refs():
            self.run("update-ref", "-d", ref, folder=self.bare)


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Ann\n\temail = ann@example.com\n[init]\n\tdefaultBranch = main\n"
    )
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    return Git(tmp_path)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with when it was changed."""
    return {
        str(path.relative_to(folder)): path.read_bytes() + str(path.lstat().st_mtime_ns).encode()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def open_(git: Git) -> Open:
    def opened(
        folder: str = "ann", remote: str = "", repository: Path | None = None, team: str = "web", seconds: float = 60
    ) -> Remote:
        (git.folder / "state" / folder).mkdir(parents=True, exist_ok=True)
        runner = Runner()
        runner.begin(seconds)
        return Remote(git.folder / "state" / folder, team, remote or f"file://{git.bare}", repository, runner)

    return opened
