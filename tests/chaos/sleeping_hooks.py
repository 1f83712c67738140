"""Commits one after the other, while hooks are put to sleep and woken all the time: what fails, and what is not noted.

python -m tests.chaos.sleeping_hooks [--commits N] [--former] [--kills] [--trees N] [--configured]
    N commits (500); with hooks that were there before; daemons that are killed, so that hooks put themselves to sleep;
    in so many working trees (1) at once

With --configured, hooks are in the configuration of the git in TOKENGUARD_TEST_GIT=FOLDER, which is 2.54 or newer.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Event
from pathlib import Path

from tests.bench.bench_hooks import environment
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError
from tokenguard_hooks import chaining, configuring, resting, scripts
from tokenguard_hooks.gits import Gits

FORMER = ("pre-commit", "post-commit")
RARE = 1_000
"""One commit of so many may fail: its git found a hook in the instant between the last look for it and the new name."""

PAUSE_S = 0.004
"""Between falling asleep and waking: a commit takes about as long."""

PATIENCE_S = 0.5
"""How long is waited for a hook that sees that the daemon is dead."""


def turn(common_dir: Path, paths: Paths, over: Event, slept: Event) -> None:
    """Put hooks to sleep and wake them until it is over; in the end they are awake."""
    gits, times = Gits(), 0
    while not over.is_set():
        try:
            times += resting.put_to_sleep(common_dir, paths, gits)
            time.sleep(PAUSE_S)
            resting.wake(common_dir, paths)
        except TokenguardError as error:
            print(error)
        time.sleep(PAUSE_S)
    print(f"hooks have slept {times} times")
    if times:
        slept.set()


def kill(common_dir: Path, paths: Paths, over: Event, slept: Event) -> None:
    """Be one daemon after the other, each of which wakes hooks, and is killed; in the end they are awake."""
    times = 0
    while not over.is_set():
        daemon = subprocess.Popen(["sleep", "1000"])
        paths.state_file.write_text(f'{{"pid":{daemon.pid},"port":4747}}\n')
        try:
            resting.wake(common_dir, paths)
        except TokenguardError as error:
            print(error)
        time.sleep(PAUSE_S)
        daemon.kill()
        daemon.wait()
        until_s = time.monotonic() + PATIENCE_S
        while not (asleep := resting.is_asleep(common_dir, paths)) and time.monotonic() < until_s:
            time.sleep(PAUSE_S / 4)
        times += asleep
        time.sleep(PAUSE_S)
    print(f"hooks have put themselves to sleep {times} times")
    if times:
        slept.set()


def run(commits: int, *, former: bool, kills: bool, trees: int, configured: bool) -> bool:
    """Whether commits were made, those that were are on record, and hooks of others ran for each."""
    with tempfile.TemporaryDirectory(prefix="tokenguard-chaos-") as folder:
        home = Path(folder).resolve()
        env, paths, tree = environment(home), Paths(home, home), home / "web"
        if configured:
            env["PATH"] = f"{os.environ['TOKENGUARD_TEST_GIT']}{os.pathsep}{env['PATH']}"
        tree.mkdir()

        def git(*arguments: str, where: Path = tree) -> subprocess.CompletedProcess[str]:
            return subprocess.run(["git", *arguments], cwd=where, env=env, capture_output=True, text=True, check=False)

        git("init", "-q")
        git("commit", "-q", "--allow-empty", "-m", "first")
        first = git("rev-parse", "HEAD").stdout.strip()
        linked = [home / f"linked{number}" for number in range(1, trees)]
        for one in linked:
            git("worktree", "add", "-q", "-b", one.name, str(one))
        hooks = tree / ".git" / "hooks"
        for event in FORMER if former else ():
            (hooks / event).write_text(f"#!/bin/sh\necho ran >>'{home}/{event}'\n")
            (hooks / event).chmod(0o755)
        scripts.write(paths)
        if configured:
            configuring.put_beside(tree / ".git" / "config", configuring.hooks(scripts.EVENTS, paths))
            configuring.put_in(tree / ".git" / "config", configuring.included())
        else:
            chaining.put_in(hooks, scripts.EVENTS, paths)
        paths.state_file.write_text(f'{{"pid":{os.getpid()},"port":4747}}\n')
        over, slept = multiprocessing.Event(), multiprocessing.Event()
        turning = multiprocessing.Process(target=kill if kills else turn, args=(tree / ".git", paths, over, slept))
        turning.start()

        def work(where: Path) -> list[subprocess.CompletedProcess[str]]:
            messages = map(str, range(commits // trees))
            return [git("commit", "-q", "--allow-empty", "-m", one, where=where) for one in messages]

        with ThreadPoolExecutor(trees) as workers:
            done = [one for found in workers.map(work, (tree, *linked)) for one in found]
        over.set()
        turning.join()
        resting.wake(tree / ".git", paths)
        said = {one.stderr for one in done if one.stderr}
        failed = sum(one.returncode != 0 for one in done)
        spool = hook_paths.folder(paths, tree / ".git") / hook_paths.SPOOL
        noted = {line.split(" ")[-1] for line in spool.read_text().splitlines()}
        lost = set(git("log", "--all", "--format=%H").stdout.split()) - noted - {first}
        ran = [(home / event).read_text().count("ran") for event in FORMER] if former else []
        print(f"{len(done)} commits: {failed} failed, {len(lost)} not noted, hooks of others ran {ran} times, {said}")
        may_fail = 0 if former or configured else commits // RARE
        return slept.is_set() and failed <= may_fail and not lost and set(ran) <= {len(done)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Commits while hooks fall asleep and wake.")
    parser.add_argument("--commits", type=int, default=500)
    parser.add_argument("--trees", type=int, default=1)
    for name in ("former", "kills", "configured"):
        parser.add_argument(f"--{name}", action="store_true")
    asked = parser.parse_args()
    if asked.kills and asked.trees > 1 and not (asked.former or asked.configured):
        parser.error("hooks do not put themselves to sleep beside other trees, but with --former or --configured")
    sys.exit(0 if run(**vars(asked)) else 1)


if __name__ == "__main__":
    main()
