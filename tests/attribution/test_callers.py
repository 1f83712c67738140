"""Real processes, identified by what the system tells of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.family import named
from tokenguard.attribution.callers import Caller, identify
from tokenguard.attribution.naming import Marks
from tokenguard.attribution.processes import environment, folder, lineage

KNOWN = {"one": Marks(("agent-one",), ()), "two": Marks(("agent-two",), ())}
"""No real ones: these tests may run in a shell of one."""
TELLS = [sys.executable, "-c", "import os, sys; print(os.getpid(), flush=True); sys.stdin.read()"]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    made = (tmp_path / "web").resolve()
    subprocess.run(["git", "init", "-q", "-b", "main", str(made)], check=True)
    return made


@contextmanager
def running(*command: str, cwd: Path, env: dict[str, str] | None = None) -> Generator[tuple[int, int]]:
    """(pid of the first process, pid of the last one of its children), while they run."""
    with subprocess.Popen(
        [*command, *TELLS], cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout and first.stdin
        yield first.pid, int(first.stdout.readline())
        first.stdin.close()


def test_the_nearest_agent_has_the_call(repo: Path, tmp_path: Path) -> None:
    inner = named(tmp_path / "bin", "agent-two")
    with running(*named(tmp_path / "bin", "agent-one"), "sh", "-c", '"$@"; :', "sh", *inner, cwd=repo) as (first, last):
        caller = identify(last, KNOWN)
        (two,) = psutil.Process(last).parents()[:1]
    assert (caller.agent, caller.pid) == ("two", two.pid)
    assert (caller.place.repo, caller.place.branch()) == (str(repo), "main")
    assert caller.lineage[0] == last
    assert first in caller.lineage


def test_an_agent_that_starts_itself_again_is_one(repo: Path, tmp_path: Path) -> None:
    again = named(tmp_path / "bin", "agent-one")
    with running(*again, *again, cwd=repo) as (first, last):
        caller = identify(last, KNOWN)
        started = psutil.Process(first).create_time()
    assert (caller.agent, caller.pid, caller.started) == ("one", first, started)


def test_an_agent_in_a_shell_in_an_editor(repo: Path, tmp_path: Path) -> None:
    inner = named(tmp_path / "bin", "agent-one")
    with running(*named(tmp_path / "bin", "code"), "sh", "-c", '"$@"; :', "sh", *inner, cwd=repo) as (_, last):
        caller = identify(last, KNOWN)
    assert (caller.agent, caller.editor) == ("one", "vscode")


def test_a_helper_of_an_editor_is_the_editor(repo: Path, tmp_path: Path) -> None:
    with running(*named(tmp_path / "bin", "code"), *named(tmp_path / "bin", "host"), cwd=repo) as (first, last):
        caller = identify(last, KNOWN)
    assert (caller.agent, caller.pid, caller.editor) == ("vscode", first, "vscode")


def test_an_editor_that_an_agent_has_opened_is_the_editor(repo: Path, tmp_path: Path) -> None:
    editor = [*named(tmp_path / "bin", "code"), *named(tmp_path / "bin", "host")]
    with running(*named(tmp_path / "bin", "agent-one"), *editor, cwd=repo) as (_, last):
        assert identify(last, KNOWN).agent == "vscode"


def test_what_runs_in_a_shell_of_an_editor_is_itself(repo: Path, tmp_path: Path) -> None:
    inner = named(tmp_path / "bin", "bot.py")
    with running(*named(tmp_path / "bin", "code"), "sh", "-c", '"$@"; :', "sh", *inner, cwd=repo) as (_, last):
        caller = identify(psutil.Process(last).ppid(), KNOWN)
    assert (caller.agent, caller.pid) == ("bot.py", None)
    assert caller.place.repo == str(repo)


def test_a_helper_that_runs_elsewhere_works_where_its_agent_does(repo: Path, tmp_path: Path) -> None:
    elsewhere = ["sh", "-c", 'cd / && "$@"', "sh"]
    with running(*named(tmp_path / "bin", "agent-one"), *elsewhere, cwd=repo) as (_, last):
        assert folder(last) == "/"
        caller = identify(last, KNOWN)
    assert caller.place.repo == str(repo)


def test_a_linked_working_tree_is_told_apart(repo: Path, tmp_path: Path) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    side = (tmp_path / "side").resolve()
    subprocess.run(["git", *identity, "commit", "-q", "--allow-empty", "-m", "first"], cwd=repo, check=True)
    subprocess.run(["git", "worktree", "add", "-q", str(side), "-b", "fix/typo"], cwd=repo, check=True)
    with running(*named(tmp_path / "bin", "agent-one"), cwd=side) as (_, last):
        place = identify(last, KNOWN).place
    assert (place.repo, place.worktree, place.branch()) == (str(repo), str(side), "fix/typo")


def test_a_folder_that_is_gone_is_no_place(repo: Path, tmp_path: Path) -> None:
    with running(*named(tmp_path / "bin", "agent-one"), cwd=repo) as (_, last):
        repo.rename(tmp_path / "renamed")
        moved = identify(last, KNOWN).place
        (tmp_path / "renamed" / ".git" / "HEAD").unlink()
        assert identify(last, KNOWN).place.repo is None
    assert moved.repo == str(tmp_path.resolve() / "renamed")


def test_a_process_that_has_gone_is_nobody() -> None:
    with subprocess.Popen(["true"]) as child:
        child.wait()
    assert identify(child.pid, KNOWN) == Caller()
    assert lineage(child.pid) == []
    assert folder(child.pid) is None
    assert environment(child.pid) == {}


def test_one_that_nobody_has_waited_for_is_nobody_that_works_anywhere(tmp_path: Path) -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert identify(child.pid, KNOWN).place.repo is None
    child.wait()


def test_what_cannot_be_seen_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: psutil.Process) -> str:
        raise psutil.AccessDenied(self.pid)

    for name in ("cmdline", "exe", "cwd", "environ"):
        monkeypatch.setattr(psutil.Process, name, denied)
    caller = identify(os.getpid(), KNOWN)
    assert (caller.agent, caller.pid, caller.place.repo) == (None, None, None)
    assert caller.lineage[0] == os.getpid()
    assert environment(os.getpid()) == {}


def test_a_number_that_was_given_again_is_no_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent must be older than its child."""
    real = psutil.Process.create_time

    def newer(self: psutil.Process) -> float:
        return real(self) if self.pid == os.getpid() else 2**40

    monkeypatch.setattr(psutil.Process, "create_time", newer)
    assert [process.pid for process in lineage(os.getpid())] == [os.getpid()]
