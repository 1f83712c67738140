"""What git hooks read and note, with a daemon that runs. It is a real one, and so are git and its repositories."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.gated import Stream, Upstream
from tests.support.home import Home
from tests.support.newer_git import TABLES_SINCE, newer_git
from tests.support.waiting import until
from tokenguard import client
from tokenguard.config import hook_paths
from tokenguard.ledger import queries
from tokenguard.ledger.commits import closings, rewrites

ONE_CALL = '[[budget]]\nname = "day"\nscope = "repo"\nlimit = "1 call"\nwindow = "day"\nat_limit = "warn"\n'
BLOCK = '[hooks]\npush = "block"\n'


class Place:
    """A repository, and the folder in which its hooks and the daemon leave files for each other."""

    def __init__(self, home: Home, name: str = "web") -> None:
        self.home = home
        self.top = home.folder / "src" / name
        self.top.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.git("-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "first")
        self.folder = hook_paths.folder(home.paths, self.top / ".git")

    def git(self, *args: str) -> str:
        return subprocess.run(["git", *args], cwd=self.top, check=True, capture_output=True, text=True).stdout.strip()

    def install(self) -> Place:
        self.folder.mkdir(parents=True)
        return self

    def note(self, line: str) -> None:
        with (self.folder / hook_paths.SPOOL).open("a") as spool:
            spool.write(f"{line}\n")

    @property
    def status(self) -> list[str]:
        """The lines of the file, if it is there."""
        file = self.folder / hook_paths.STATUS
        return file.read_text().splitlines() if file.exists() else []

    def says(self, what: str) -> None:
        """Wait until the first line that holds everywhere says this."""
        until(lambda: self.status and what in self.status[1], f"{what} in {self.status}")


@pytest.fixture
def place(home: Home) -> Place:
    return Place(home)


def call(home: Home, daemon: client.Daemon, upstream: Upstream, where: Path) -> None:
    upstream.finish.set()
    token = home.session(daemon, cwd=str(where))["token"]
    Stream(home.state["port"], token).rest()


def test_hooks_that_are_installed_while_it_runs_are_answered_at_once(home: Home, place: Place) -> None:
    home.configure(rest=ONE_CALL)
    daemon = home.start()
    assert not (home.folder / "hooks").exists()
    place.install()
    until(lambda: place.status == [f"tokenguard 1 {daemon.pid}", "* * 0 ok ok"])
    other = Place(home, "api $(id)").install()
    until(lambda: other.status == place.status)


def test_verdicts_follow_calls_raises_and_the_configuration(home: Home, place: Place, upstream: Upstream) -> None:
    home.configure(rest=f"{upstream.settings}\n{ONE_CALL}{BLOCK}")
    daemon = home.start()
    place.install().says("* * 0 ok ok")
    call(home, daemon, upstream, place.top)
    place.says("warn block web/day is used up (1 of 1 call, resets 00:00). To go on: tokenguard budget raise web/day ")
    daemon.post("/v1/budgets/raise", {"name": "web/day", "amount": "9 calls", "reason": "a release"})
    place.says("* * 0 ok ok")
    home.configure(rest=f'{upstream.settings}\n{ONE_CALL}{BLOCK}warn_at = "info"\n'.replace("1 call", "2 calls", 1))
    os.kill(daemon.pid, signal.SIGHUP)
    call(home, daemon, upstream, place.top)
    call(home, daemon, upstream, place.top)
    call(home, daemon, upstream, place.top)
    call(home, daemon, upstream, place.top)
    call(home, daemon, upstream, place.top)
    place.says("warn warn web/day at 54% (6 of 11 calls, resets 00:00)")


def test_a_daemon_that_ends_leaves_nothing_behind(home: Home, place: Place) -> None:
    daemon = home.start()
    place.install().says("* * 0 ok ok")
    daemon.post("/v1/shutdown", {"mode": "graceful"})
    home.started[0].wait(30)
    assert place.status == [] and place.folder.is_dir()


def test_one_that_is_killed_leaves_its_number_and_the_next_one_writes_its_own(home: Home, place: Place) -> None:
    place.install()
    first = home.start()
    place.says("* * 0 ok ok")
    os.kill(first.pid, signal.SIGKILL)
    home.started[0].wait(30)
    assert place.status[0] == f"tokenguard 1 {first.pid}"
    second = home.start()
    until(lambda: place.status[0] == f"tokenguard 1 {second.pid}")


def test_files_come_back_with_the_folder(home: Home, place: Place) -> None:
    home.start()
    place.install().says("* * 0 ok ok")
    shutil.rmtree(home.folder / "hooks")
    place.install().says("* * 0 ok ok")


def test_what_hooks_have_noted_is_taken_before_and_while_it_runs(home: Home, place: Place) -> None:
    place.install().note(f"1 commit . main {place.git('rev-parse', 'HEAD')}")
    home.start()
    spool = place.folder / hook_paths.SPOOL
    until(lambda: not spool.exists())
    place.says("* * 0 ok ok")
    for number in range(3):
        place.note(f"1 override . main push reason {number}")
        until(lambda: not spool.exists())
    until(lambda: len(list(place.folder.iterdir())) == 1)


def test_what_a_repository_s_file_says_holds_after_the_next_commit(
    home: Home, place: Place, upstream: Upstream
) -> None:
    home.configure(rest=upstream.settings)
    daemon = home.start()
    place.install().says("* * 0 ok ok")
    call(home, daemon, upstream, place.top)
    (place.top / "tokenguard.toml").write_text(ONE_CALL + '[hooks]\ncommit = "block"\n')
    place.note("1 push . main")
    place.says("block warn web:day is used up (1 of 1 call, resets 00:00).")


def test_runs_are_named_where_that_is_asked_for(home: Home, place: Place, upstream: Upstream) -> None:
    home.configure(rest=f'{upstream.settings}\n[hooks]\ntrailers = ["session", "assisted-by"]\n')
    daemon = home.start()
    place.install().says("* * 0 ok ok")
    upstream.finish.set()
    session = home.session(daemon, cwd=str(place.top))
    trailers = place.folder / hook_paths.TRAILERS
    assert not trailers.exists()
    Stream(home.state["port"], session["token"]).rest()
    named = [f"tokenguard 1 {daemon.pid}", f". * {session['id']} claude:claude-opus-5-5"]
    until(lambda: trailers.exists() and trailers.read_text().splitlines() == named)
    daemon.post(f"/v1/sessions/{session['id']}/end", {"exit_code": 0})
    until(lambda: not trailers.exists())


def test_a_commit_is_warned_a_push_stopped_and_what_they_say_helps(
    home: Home, place: Place, upstream: Upstream
) -> None:
    home.configure(rest=f"{upstream.settings}\n{ONE_CALL}{BLOCK}")
    daemon = home.start()
    tokenguard = [sys.executable, "-m", "tokenguard"]
    who = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@b"}

    def runs(*command: str, **env: str) -> tuple[int, str]:
        """Its exit code, and what hooks say."""
        done = subprocess.run(command, cwd=place.top, env=home.env | who | env, capture_output=True, text=True)
        return done.returncode, "\n".join(line for line in done.stderr.splitlines() if line.startswith("tokenguard"))

    def commit() -> tuple[int, str]:
        return runs("git", "commit", "-q", "--allow-empty", "-m", "more")

    def push(**env: str) -> tuple[int, str]:
        return runs("git", "push", "-q", "there", "main", **env)

    place.git("init", "-q", "--bare", str(home.folder / "there.git"))
    place.git("remote", "add", "there", str(home.folder / "there.git"))
    assert runs(*tokenguard, "hooks", "install")[0] == 0
    place.says("* * 0 ok ok")
    assert commit() == (0, "") and push() == (0, "")
    call(home, daemon, upstream, place.top)
    place.says(" warn block ")
    warning = "tokenguard: web/day is used up (1 of 1 call, resets 00:00). Committing goes on."
    assert commit() == (0, warning)
    code, said = push()
    assert code != 0 and "web/day is used up" in said
    code, told = push(TOKENGUARD_OVERRIDE="a hotfix")
    assert code == 0 and "goes on" in told and told.endswith("a hotfix")
    words = shlex.split(said.partition("To go on: ")[2].partition(" --reason")[0])
    assert runs(*tokenguard, *words[1:], "--reason", "a release")[0] == 0
    place.says(" ok ok")
    assert commit() == (0, "") and push() == (0, "")
    with closing(queries.connect_readonly(home.paths.ledger)) as conn:
        overrides = until(lambda: queries.decisions(conn, kind="override"))
    assert [(one.reason, one.budget) for one in overrides] == [("a hotfix", "push")]
    os.kill(daemon.pid, signal.SIGKILL)
    home.started[0].wait(30)
    assert commit() == (0, "") and push() == (0, "")


@pytest.mark.parametrize("former", [False, True])
def test_hooks_sleep_while_it_is_stopped_and_what_was_committed_is_on_record(
    home: Home, place: Place, former: bool
) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@b")
    hook = place.top / ".git" / "hooks" / "pre-commit"
    if former:
        hook.write_text("#!/bin/sh\ntouch ran\n")
        hook.chmod(0o755)

    def tokenguard(*words: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "tokenguard", *words, "--json"]
        told: dict[str, Any] = json.loads(subprocess.check_output(command, cwd=place.top, env=home.env))
        return told

    def stop() -> None:
        home.daemon.post("/v1/shutdown", {"mode": "graceful"})
        home.started[-1].wait(30)

    tokenguard("hooks", "install", "--way", "chain")
    home.start()
    place.says("* * 0 ok ok")
    stop()
    assert hook.exists() is former
    stands = tokenguard("hooks", "status")
    assert (stands["works"], stands["asleep"], stands["daemon"]) == (True, True, False)
    place.git(*who, "commit", "-q", "--allow-empty", "-m", "second")
    assert (place.top / "ran").exists() is former
    old = place.git("rev-parse", "HEAD")
    place.git(*who, "commit", "-q", "--allow-empty", "--amend", "-m", "third")
    new = place.git("rev-parse", "HEAD")
    home.start()
    with closing(queries.connect_readonly(home.paths.ledger)) as conn:
        until(lambda: [one.hash for one in closings(conn)] == [old, new])
        assert [(one.old, one.new) for one in rewrites(conn)] == [(old, new)]
    until(lambda: not tokenguard("hooks", "status")["asleep"])
    # One that is moved while they sleep is woken by the first session in it.
    place.says("* * 0 ok ok")
    stop()
    place.top = place.top.rename(home.folder / "src" / "moved")
    daemon = home.start()
    home.session(daemon, cwd=str(place.top))
    moved = place.top / ".git" / "hooks" / "pre-commit"
    until(lambda: moved.exists() and b"tokenguard" in moved.read_bytes())


def test_commits_are_noted_by_their_place_where_references_are_in_tables(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that were noted in either way right before and after the daemon was killed."""
    monkeypatch.setenv("PATH", f"{newer_git(TABLES_SINCE)}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GIT_DEFAULT_REF_FORMAT", "reftable")
    place = Place(home)
    install = [sys.executable, "-m", "tokenguard", "hooks", "install", "--way", "chain"]
    subprocess.check_call(install, cwd=place.top, env=home.env)
    daemon = home.start()
    until((place.folder / hook_paths.LOGGED).exists)

    def commit(message: str, *options: str) -> str:
        place.git("-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", message, *options)
        return place.git("rev-parse", "HEAD")

    made = [commit(str(number)) for number in range(3)]
    os.kill(daemon.pid, signal.SIGSTOP)
    made += [commit("more"), commit("amended", "--amend")]
    place.git("checkout", "-q", "-b", "side")
    made.append(commit("beside"))
    os.kill(daemon.pid, signal.SIGKILL)
    home.started[0].wait(30)
    lines = (place.folder / hook_paths.SPOOL).read_text().splitlines()
    assert [line.split(" ")[1] for line in lines[-4:]] == ["logged", "logged", "rewrite", "logged"]
    made.append(commit("with nobody there"))
    home.start()
    with closing(queries.connect_readonly(home.paths.ledger)) as conn:
        until(lambda: {one.hash for one in closings(conn)} == set(made))
        told = {one.hash: one.branch for one in closings(conn)}
        assert [told[hash] for hash in made] == ["main"] * 5 + ["side"] * 2
        assert [(one.old, one.new) for one in rewrites(conn)] == [(made[3], made[4])]


def test_hooks_of_one_that_is_killed_are_awake_until_the_next_commit(home: Home, place: Place) -> None:
    subprocess.check_call([sys.executable, "-m", "tokenguard", "hooks", "install"], cwd=place.top, env=home.env)
    daemon = home.start()
    place.says("* * 0 ok ok")
    mark = place.top / ".git" / "tokenguard-asleep"
    until(lambda: not mark.exists())
    os.kill(daemon.pid, signal.SIGKILL)
    home.started[0].wait(30)
    assert not mark.exists()
    place.git("-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "second")
    assert mark.exists()
