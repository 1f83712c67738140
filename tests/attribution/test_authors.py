"""Who has worked on a repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tokenguard.attribution.authors import authors, own_address


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    subprocess.run(["git", "init", "-q", str(tmp_path / "web")], check=True)
    return tmp_path / "web"


def commit(repo: Path, name: str, address: str) -> None:
    identity = ["-c", f"user.name={name}", "-c", f"user.email={address}"]
    command = ["git", "-C", str(repo), *identity, "commit", "-q", "--allow-empty", "-m", name]
    subprocess.run(command, check=True)


def test_everybody_who_has_made_a_commit_has_the_name_of_their_last_one(repo: Path) -> None:
    commit(repo, "Ann", "ann@example.com")
    commit(repo, "Bob Sample", "bob@example.com")
    commit(repo, "Ann Example", "ann@example.com")
    assert authors(str(repo)) == {"ann@example.com": "Ann Example", "bob@example.com": "Bob Sample"}


def test_oneself_is_known_before_the_first_commit(repo: Path) -> None:
    assert (own_address(str(repo)), authors(str(repo))) == ("", {})
    for key, value in (("user.email", "ann@example.com"), ("user.name", "Ann Example")):
        subprocess.run(["git", "-C", str(repo), "config", key, value], check=True)
    assert own_address(str(repo)) == "ann@example.com"
    assert authors(str(repo)) == {"ann@example.com": "Ann Example"}


def test_where_there_is_no_repository_nobody_is_known(repo: Path, tmp_path: Path) -> None:
    assert authors(str(tmp_path)) == {} and authors(str(tmp_path / "gone")) == {}
