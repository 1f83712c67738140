from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tokenguard.attribution import notes
from tokenguard.attribution.git import ask
from tokenguard.attribution.notes import REF, read, write
from tokenguard.errors import TokenguardError

NOW_US = 1_763_719_200_000_000


class Repository:
    def __init__(self, top: Path) -> None:
        self.top = str(top)
        top.mkdir()
        self.git("init", "-q", "-b", "main")
        self.hashes: list[str] = []
        for name in ("one", "two", "three"):
            self.git("commit", "-q", "--allow-empty", "-m", name)
            self.hashes.append(self.git("rev-parse", "HEAD"))

    def git(self, *words: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        done = subprocess.run(["git", *who, *words], cwd=self.top, check=True, capture_output=True, text=True)
        return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "web")


def test_what_is_written_is_read_by_us_and_by_git(repository: Repository) -> None:
    one, two, three = repository.hashes
    assert write(repository.top, {one: '{"a":"é\\u0001"}', two: "several\nlines"}, NOW_US) == 2
    assert read(repository.top, [three, two, one]) == {one: '{"a":"é\\u0001"}', two: "several\nlines"}
    assert repository.git("notes", "--ref=tokenguard", "show", one) == '{"a":"é\\u0001"}'


def test_only_what_changes_is_written(repository: Repository) -> None:
    one, two, _ = repository.hashes
    write(repository.top, {one: "1", two: "2"}, NOW_US)
    before = repository.git("rev-parse", REF)
    assert write(repository.top, {one: "1", two: "2"}, NOW_US) == 0
    assert repository.git("rev-parse", REF) == before
    assert write(repository.top, {one: "1", two: "3"}, NOW_US) == 1
    assert repository.git("rev-parse", f"{REF}~1") == before
    assert read(repository.top, [one, two]) == {one: "1", two: "3"}


def test_notes_of_others_stay(repository: Repository) -> None:
    one, two, _ = repository.hashes
    repository.git("notes", "--ref=tokenguard", "add", "-m", "theirs", one)
    repository.git("notes", "add", "-m", "another kind", two)
    write(repository.top, {two: "ours"}, NOW_US)
    assert read(repository.top, [one, two]) == {one: "theirs", two: "ours"}
    assert repository.git("notes", "show", two) == "another kind"


def test_a_commit_that_is_not_there_gets_none(repository: Repository) -> None:
    assert write(repository.top, {"1" * 40: "1"}, NOW_US) == 0
    assert not list(Path(repository.top, ".git").glob("fast_import_crash*"))


def test_hooks_are_not_run(repository: Repository, tmp_path: Path) -> None:
    bait = tmp_path / "ran"
    hook = Path(repository.top, ".git/hooks/reference-transaction")
    hook.write_text(f"#!/bin/sh\ntouch {bait}\n")
    hook.chmod(0o755)
    write(repository.top, {repository.hashes[0]: "1"}, NOW_US)
    assert not bait.exists()


def test_whoever_was_faster_keeps_his_notes(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, _ = repository.hashes
    raced: list[str] = []

    def racing(folder: str, *words: str, told: bytes = b"") -> str | None:
        if words[0] == "fast-import" and not raced:
            raced.append(repository.git("notes", "--ref=tokenguard", "add", "-m", "theirs", two))
        return ask(folder, *words, told=told)

    monkeypatch.setattr(notes, "ask", racing)
    assert write(repository.top, {one: "ours"}, NOW_US) == 1
    assert read(repository.top, [one, two]) == {one: "ours", two: "theirs"}


def test_where_they_cannot_be_written(repository: Repository) -> None:
    lock = Path(repository.top, ".git", f"{REF}.lock")
    lock.parent.mkdir(parents=True)
    lock.touch()
    with pytest.raises(TokenguardError, match="git does not take notes"):
        write(repository.top, {repository.hashes[0]: "1"}, NOW_US)


def test_where_there_is_no_repository(tmp_path: Path) -> None:
    assert read(str(tmp_path), ["1" * 40]) == {}
