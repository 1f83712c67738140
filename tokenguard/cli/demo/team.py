"""The last act: three people with a limit that they share through a git remote; the third is warned, then refused."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct

from tokenguard.attribution.place import locate
from tokenguard.cli import output, scratch
from tokenguard.cli.demo.branch import until
from tokenguard.cli.demo.cast import Pace
from tokenguard.cli.demo.stage import Stage
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths, find_paths

LIMIT = "1"
"""Dollars that all of them may spend: the first two use up most of it."""

_TEAM = "shop"
_PROMPTS = {
    "ann": ("Add a basket", "Write tests for it", "Make them pass", "Review it"),
    "bob": ("Add a checkout", "Write tests for it"),
    "cara": ("Translate the page",),
}
_INIT = ("tokenguard", "team", "init", _TEAM, "--limit", LIMIT, "--window", "day")
_SYNC = ("tokenguard", "team", "sync")
_COMMIT = ("git", "commit", "--quiet", "--allow-empty", "-m", "Ready for review")


class Member(Struct, frozen=True):
    """Somebody with a clone and a tokenguard of their own."""

    name: str
    clone: Path
    env: Mapping[str, str]

    @property
    def paths(self) -> Paths:
        """Where their tokenguard keeps what."""
        return find_paths(self.env)

    def do(self, *command: str, prompts: tuple[str, ...] = ()) -> str:
        """All that a command prints in the clone, also if it fails; an agent reads the prompts."""
        program, *arguments = command
        done = subprocess.run(
            scratch.tokenguard(*arguments) if program == "tokenguard" else command,
            cwd=self.clone,
            env=self.env,
            input="".join(f"{prompt}\n" for prompt in prompts),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.stdout

    def show(self, *command: str) -> None:
        """Do it where it can be seen."""
        output.say(f"{self.name}$ {shlex.join(command)}")
        output.say(self.do(*command))

    def work(self, pace: Pace, *, whole: bool = False) -> None:
        """Let an agent work: what it says in the end, or all of it."""
        output.say(f"{self.name}$ tokenguard run claude")
        told = self.do(
            *("tokenguard", "run", "claude", "--pause", str(pace.pause)), prompts=_PROMPTS[self.name]
        ).splitlines()
        output.say("\n".join(told if whole else told[-1:]) + "\n")


def show(stage: Stage, pace: Pace) -> None:
    """Play it."""
    with ExitStack() as world:
        remote = stage.new_folder("shop.git")
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", "."], cwd=remote, check=True)
        ann, bob, cara = everybody = [_member(stage, name, remote) for name in _PROMPTS]
        world.callback(_leave, everybody)
        ann.do("git", "commit", "--quiet", "--allow-empty", "-m", "Begin")
        ann.show(*_INIT)
        for command in (
            ("git", "add", "tokenguard.toml"),
            ("git", "commit", "--quiet", "-m", "Share a budget"),
            ("git", "push", "--quiet", "origin", "HEAD:main"),
        ):
            ann.do(*command)
        for one in (bob, cara):
            one.do("git", "pull", "--quiet", "origin", "main")
            one.do("tokenguard", "team", "join", "--trust")
        cara.do("tokenguard", "hooks", "install")
        for one in (ann, bob):
            one.work(pace)
            one.do(*_SYNC)
        cara.show(*_SYNC)
        _until_hooks_know(cara)
        cara.show(*_COMMIT)
        cara.work(pace, whole=True)


def _leave(everybody: Iterable[Member]) -> None:
    """End their daemons, all at once."""
    with ThreadPoolExecutor() as pool:
        for ending in [pool.submit(scratch.stop_daemon, one.paths, one.env) for one in everybody]:
            ending.result()


def _member(stage: Stage, name: str, remote: Path) -> Member:
    one = Member(name, stage.new_folder(f"{name}/{_TEAM}"), stage.somebody(name))
    for command in (
        ("git", "init", "--quiet", "--initial-branch=main"),
        ("git", "config", "user.email", f"{name}@localhost"),
        ("git", "config", "user.name", name.capitalize()),
        ("git", "remote", "add", "origin", f"file://{remote}"),
    ):
        one.do(*command)
    return one


def _until_hooks_know(one: Member) -> None:
    git_dir = locate(one.clone).git_dir
    assert git_dir is not None
    status = hook_paths.folder(one.paths, Path(git_dir)) / hook_paths.STATUS
    until(lambda: status.is_file() and " warn " in status.read_text("utf-8", "replace"))
