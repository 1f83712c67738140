"""Commits one after the other, while hooks are put to sleep and woken all the time: what fails, and what is not noted.

python -m tests.chaos.sleeping_hooks [--commits N] [--former]     N commits (500); with hooks that were there before
"""

from __future__ import annotations

import argparse
import multiprocessing
import subprocess
import sys
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path

from tests.bench.bench_hooks import environment
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError
from tokenguard_hooks import chaining, resting, scripts
from tokenguard_hooks.gits import Gits

FORMER = ("pre-commit", "post-commit")
RARE = 1_000
"""One commit of so many may fail: its git found a hook in the instant between the last look for it and the new name."""

PAUSE_S = 0.004
"""Between falling asleep and waking: a commit takes about as long."""


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


def run(commits: int, *, former: bool) -> bool:
    """Whether commits were made, those that were are on record, and hooks of others ran for each."""
    with tempfile.TemporaryDirectory(prefix="tokenguard-chaos-") as folder:
        home = Path(folder).resolve()
        env, paths, tree = environment(home), Paths(home, home), home / "web"
        tree.mkdir()

        def git(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(["git", *arguments], cwd=tree, env=env, capture_output=True, text=True, check=False)

        git("init", "-q")
        git("commit", "-q", "--allow-empty", "-m", "first")
        first = git("rev-parse", "HEAD").stdout.strip()
        hooks = tree / ".git" / "hooks"
        for event in FORMER if former else ():
            (hooks / event).write_text(f"#!/bin/sh\necho ran >>'{home}/{event}'\n")
            (hooks / event).chmod(0o755)
        scripts.write(paths)
        chaining.put_in(hooks, scripts.EVENTS, paths)
        over, slept = multiprocessing.Event(), multiprocessing.Event()
        turning = multiprocessing.Process(target=turn, args=(tree / ".git", paths, over, slept))
        turning.start()
        done = [git("commit", "-q", "--allow-empty", "-m", str(number)) for number in range(commits)]
        over.set()
        turning.join()
        resting.wake(tree / ".git", paths)
        said = {one.stderr for one in done if one.stderr}
        failed = sum(one.returncode != 0 for one in done)
        spool = hook_paths.folder(paths, tree / ".git") / hook_paths.SPOOL
        noted = {line.split(" ")[-1] for line in spool.read_text().splitlines()}
        lost = set(git("log", "--format=%H").stdout.split()) - noted - {first}
        ran = [(home / event).read_text().count("ran") for event in FORMER] if former else []
        print(f"{commits} commits: {failed} failed, {len(lost)} not noted, hooks of others ran {ran} times, {said}")
        return slept.is_set() and failed <= (0 if former else commits // RARE) and not lost and set(ran) <= {commits}


def main() -> None:
    parser = argparse.ArgumentParser(description="Commits while hooks fall asleep and wake.")
    parser.add_argument("--commits", type=int, default=500)
    parser.add_argument("--former", action="store_true")
    asked = parser.parse_args()
    sys.exit(0 if run(asked.commits, former=asked.former) else 1)


if __name__ == "__main__":
    main()
