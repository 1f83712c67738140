"""Commits one after the other, while hooks are put to sleep and woken all the time: what fails, and what is not noted.

python -m tests.chaos.sleeping_hooks [--commits N] [--former] [--kills] [--trees N]
                                     [--configured | --everywhere | --managed | --shared | --tracked] [--tables]
    N commits (500); with hooks that were there before; daemons that are killed, so that hooks put themselves to sleep;
    in so many working trees (1) at once

With --configured, hooks are in the configuration of the git in TOKENGUARD_TEST_GIT=FOLDER, which is 2.54 or newer;
with --everywhere in that of the user, for all repositories. With --managed, they are lines that a hook manager runs;
with --shared, they are in a folder for all repositories, and each of the trees is a repository of its own; so it is
with --tracked, and git tracks the hooks that were there before. With --tables, that git keeps references in tables.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Event
from pathlib import Path

from tests.bench.bench_hooks import environment
from tokenguard.attribution import logged, spool
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError
from tokenguard_hooks import (
    chaining,
    configuring,
    flagging,
    hook_folders,
    included,
    managers,
    reaching,
    resting,
    scripts,
    sharing,
)
from tokenguard_hooks.gits import Gits
from tokenguard_hooks.rounds import Rounds

FORMER = ("pre-commit", "post-commit")
RARE = 1_000
"""One commit of so many may fail: its git found a hook in the instant between the last look for it and the new name."""

PAUSE_S = 0.004
"""Between falling asleep and waking: a commit takes about as long."""

PATIENCE_S = 0.5
"""How long is waited for a hook that sees that the daemon is dead."""


class Own:
    """The hooks of one repository."""

    def __init__(self, common_dir: Path, paths: Paths) -> None:
        self._common_dir, self._paths = common_dir, paths
        self._gits = Gits()

    def put_to_sleep(self) -> bool:
        return resting.put_to_sleep(self._common_dir, self._paths, self._gits)

    def wake(self) -> None:
        resting.wake(self._common_dir, self._paths)

    @property
    def asleep(self) -> bool:
        return resting.is_asleep(self._common_dir, self._paths)


class Everybodys:
    """Those of all repositories; each time that they wake, another daemon has them woken."""

    def __init__(self, common_dir: Path, paths: Paths) -> None:
        self._common_dir, self._paths = common_dir, paths
        self._rounds = Rounds(paths)

    def put_to_sleep(self) -> bool:
        self._rounds.put_to_sleep(1)
        return self.asleep

    def wake(self) -> None:
        self._rounds = Rounds(self._paths)
        self._rounds.wake(30, lambda: [str(self._common_dir)])

    @property
    def asleep(self) -> bool:
        return reaching.is_asleep(self._paths)


class Lines(Everybodys):
    """Those that a hook manager runs."""

    @property
    def asleep(self) -> bool:
        return not flagging.flag(self._paths).exists()

    def put_in(self, top: Path) -> None:
        """As husky has them, for all that the shell knows."""
        folder = top / ".husky"
        folder.mkdir()
        (manager,) = managers.found(top, scripts.EVENTS, self._paths)
        for part in manager.lines.split("# ")[1:]:
            name, _, line = part.partition("\n")
            (top / name).write_text(f"#!/bin/sh -e\n{line}")
            (top / name).chmod(0o755)


class Shared(Everybodys):
    """Those in a folder that several repositories use."""

    @property
    def asleep(self) -> bool:
        return sharing.is_asleep(self._paths)


Hooks = Own | Everybodys

WAYS: dict[str, type[Hooks]] = {
    "own": Own,
    "configured": Own,
    "everywhere": Everybodys,
    "managed": Lines,
    "shared": Shared,
    "tracked": Shared,
}
"""How hooks are put in: `own` in the folder of the repository."""

SHARED = ("shared", "tracked")
IN_FOLDERS = ("own", *SHARED)
CONFIGURED = ("configured", "everywhere")
"""In the configuration of git, which has to be a new one."""


def turn(hooks: Hooks, paths: Paths, over: Event, slept: Event) -> None:
    """Put hooks to sleep and wake them until it is over; in the end they are awake."""
    times = 0
    while not over.is_set():
        try:
            times += hooks.put_to_sleep()
            time.sleep(PAUSE_S)
            hooks.wake()
        except TokenguardError as error:
            print(error)
        time.sleep(PAUSE_S)
    print(f"hooks have slept {times} times")
    if times:
        slept.set()


def tell(file: Path, pid: int, trees: Iterable[str]) -> None:
    """Where references are in tables, a daemon reads from the logs of these working trees which commits were made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name("told")
    new.write_text("".join(f"{line}\n" for line in (f"tokenguard 1 {pid}", *trees)))
    new.replace(file)


def commits_in(common_dir: Path, paths: Paths) -> tuple[set[str], int]:
    """The commits that hooks have noted, as a daemon reads it, and how many of the lines name none."""
    file = hook_paths.folder(paths, common_dir) / hook_paths.SPOOL
    noted = spool.parse(file.read_bytes(), 0)
    told = logged.named(common_dir, noted)
    assert not told.unknown, told
    by_place = sum(isinstance(line, spool.Logged) for line in noted.lines)
    return {line.hash for line in told.lines if isinstance(line, spool.Made)}, by_place


def kill(hooks: Hooks, paths: Paths, over: Event, slept: Event) -> None:
    """Be one daemon after the other, each of which wakes hooks, and is killed; in the end they are awake."""
    times = 0
    while not over.is_set():
        daemon = subprocess.Popen(["sleep", "1000"])
        paths.state_file.write_text(f'{{"pid":{daemon.pid},"port":4747}}\n')
        for told in tuple(hook_paths.repositories(paths).rglob(hook_paths.LOGGED)):
            tell(told, daemon.pid, told.read_text().splitlines()[1:])
        try:
            hooks.wake()
        except TokenguardError as error:
            print(error)
        time.sleep(PAUSE_S)
        daemon.kill()
        daemon.wait()
        until_s = time.monotonic() + PATIENCE_S
        while not (asleep := hooks.asleep) and time.monotonic() < until_s:
            time.sleep(PAUSE_S / 4)
        times += asleep
        time.sleep(PAUSE_S)
    print(f"hooks have put themselves to sleep {times} times")
    if times:
        slept.set()


def run(commits: int, way: str, *, former: bool, kills: bool, trees: int, tables: bool) -> bool:
    """Whether commits were made, those that were are on record, and hooks of others ran for each."""
    with tempfile.TemporaryDirectory(prefix="tokenguard-chaos-") as folder:
        home = Path(folder).resolve()
        env, paths, tree = environment(home), Paths(home, home), home / "web"
        if tables:
            env["GIT_DEFAULT_REF_FORMAT"] = "reftable"
            # What reads logs here asks that git, too.
            os.environ["PATH"] = env["PATH"] = f"{os.environ['TOKENGUARD_TEST_GIT']}{os.pathsep}{env['PATH']}"
        if way in CONFIGURED:
            env["PATH"] = f"{os.environ['TOKENGUARD_TEST_GIT']}{os.pathsep}{env['PATH']}"
        tree.mkdir()

        def git(*arguments: str, where: Path = tree) -> subprocess.CompletedProcess[str]:
            return subprocess.run(["git", *arguments], cwd=where, env=env, capture_output=True, text=True, check=False)

        git("init", "-q")
        git("commit", "-q", "--allow-empty", "-m", "first")
        first = git("rev-parse", "HEAD").stdout.strip()
        others = [home / f"other{number}" for number in range(1, trees)]
        for one in others:
            if way in SHARED:
                git("init", "-q", str(one))
            else:
                git("worktree", "add", "-q", "-b", one.name, str(one))
        hooks = home / "shared" if way in SHARED else tree / ".git" / "hooks"
        hooks.mkdir(exist_ok=True)
        for event in FORMER if former else ():
            (hooks / event).write_text(f"#!/bin/sh\necho ran >>'{home}/{event}'\n")
            (hooks / event).chmod(0o755)
        if way == "tracked":
            git("init", "-q", where=hooks)
            git("add", ".", where=hooks)
            git("commit", "-q", "-m", "hooks", where=hooks)
        scripts.write(paths)
        if way in CONFIGURED:
            config = home / ".gitconfig" if way == "everywhere" else tree / ".git" / "config"
            included.put(config, configuring.hooks(scripts.EVENTS, paths))
            configuring.put_in(config, configuring.included(config))
            if way == "everywhere":
                reaching.put(paths, config)
        elif way == "managed":
            Lines(tree / ".git", paths).put_in(tree)
            git("config", "core.hooksPath", str(tree / ".husky"))
        else:
            chaining.put_in(hooks, scripts.EVENTS, paths)
        if way in SHARED:
            hooks.chmod(0o755)
            hook_folders.put(paths, hooks)
            git("config", "--global", "core.hooksPath", str(hooks))
        paths.state_file.write_text(f'{{"pid":{os.getpid()},"port":4747}}\n')
        repositories = [tree, *others] if way in SHARED else [tree]
        for one in repositories if tables else ():
            names = [".", *(() if way in SHARED else (other.name for other in others))]
            tell(hook_paths.folder(paths, one / ".git") / hook_paths.LOGGED, os.getpid(), names)
        over, slept = multiprocessing.Event(), multiprocessing.Event()
        ours = WAYS[way](tree / ".git", paths)
        turning = multiprocessing.Process(target=kill if kills else turn, args=(ours, paths, over, slept))
        turning.start()

        def work(where: Path) -> list[subprocess.CompletedProcess[str]]:
            messages = map(str, range(commits // trees))
            return [git("commit", "-q", "--allow-empty", "-m", one, where=where) for one in messages]

        with ThreadPoolExecutor(trees) as workers:
            done = [one for found in workers.map(work, (tree, *others)) for one in found]
        over.set()
        turning.join()
        while way == "tracked" and not ours.put_to_sleep():
            time.sleep(PAUSE_S)
        unlike = git("status", "--porcelain", "--untracked-files=no", where=hooks).stdout if way == "tracked" else ""
        ours.wake()
        said = {one for one in (*(one.stderr for one in done), unlike) if one}
        failed = sum(one.returncode != 0 for one in done)
        found = [commits_in(one / ".git", paths) for one in repositories]
        noted = {hash for hashes, _ in found for hash in hashes}
        told = [git("log", "--all", "--format=%H", where=one).stdout.split() for one in repositories]
        lost = {hash for hashes in told for hash in hashes} - noted - {first}
        ran = [(home / event).read_text().count("ran") for event in FORMER] if former else []
        print(f"{len(done)} commits: {failed} failed, {len(lost)} not noted, hooks of others ran {ran} times, {said}")
        if tables:
            print(f"{sum(by_place for _, by_place in found)} were noted by their place in the log")
        may_fail = 0 if former or way not in IN_FOLDERS else commits // RARE
        return slept.is_set() and failed <= may_fail and not lost and not unlike and set(ran) <= {len(done)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Commits while hooks fall asleep and wake.")
    parser.add_argument("--commits", type=int, default=500)
    parser.add_argument("--trees", type=int, default=1)
    for name in ("former", "kills", "tables"):
        parser.add_argument(f"--{name}", action="store_true")
    ways = parser.add_mutually_exclusive_group()
    for name in WAYS:
        ways.add_argument(f"--{name}", dest="way", action="store_const", const=name, default="own")
    asked = parser.parse_args()
    asked.former |= asked.way == "tracked"
    if (asked.tables or asked.way in CONFIGURED) and "TOKENGUARD_TEST_GIT" not in os.environ:
        parser.error("no git is known that can do this: set TOKENGUARD_TEST_GIT to the folder of one, 2.54 or newer")
    sys.exit(0 if run(**vars(asked)) else 1)


if __name__ == "__main__":
    main()
