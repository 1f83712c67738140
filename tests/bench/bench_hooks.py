"""What git hooks add to `git commit` and `git push`, and what it takes the daemon to keep what they read.

python -m tests.bench.bench_hooks [--runs N]     medians over N runs of each (61), taken in turn
python -m tests.bench.bench_hooks --tables [--runs N] [--before FILE]
    commits only, where references are in tables, with the git in TOKENGUARD_TEST_GIT=FOLDER; beside them, those with
    FILE as the script of the hooks (`git show COMMIT:hooks/tokenguard_hooks/hook.sh`)
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from tests.status_files.hooked import Hooked, budget
from tests.support.gated import Stream, Upstream
from tests.support.house import Clock, House
from tokenguard import client
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.status_files import keeping
from tokenguard.status_files.files import Files
from tokenguard.status_files.keeping import Keeper, Wanted
from tokenguard_hooks import resting, scripts
from tokenguard_hooks.rounds import Rounds

COMMIT_MS, PUSH_MS = 5, 20
"""For what is added, at most."""

SPENT = '[[budget]]\nname = "day"\nlimit = "1 call"\nwindow = "day"\nat_limit = "warn"\n'
OWN = "".join(
    f'[[budget]]\nname = "b{number}"\nlimit = 5\nwindow = "{window}"\n'
    for number, window in enumerate(("day", "week", "rolling 5h"))
)
REPOSITORIES = 50
MANY = 200
"""Repositories whose hooks fall asleep at once."""
SETTLEMENTS = 2_000
SECONDS = 12
"""In which they come, at least."""


class Tree:
    """A working tree with a bare repository to push to."""

    def __init__(self, top: Path, env: Mapping[str, str]) -> None:
        self.top = top
        self.env = env
        self._there = top.with_name(f"{top.name}.git")
        self._number = 0
        top.mkdir()
        git(top, env, "init", "-q", "-b", "main")
        git(top, env, "init", "-q", "--bare", str(self._there))
        git(top, env, "remote", "add", "origin", str(self._there))
        self.commit()

    def former_hook(self) -> None:
        """A hook that is there before ours are put in."""
        hook = self.top / ".git" / "hooks" / "pre-commit"
        hook.write_text("#!/bin/sh\nexit 0\n")
        hook.chmod(0o755)

    def empty_hooks(self, like: Tree) -> None:
        """Hooks that do nothing, wherever the other tree has hooks that do something."""
        for name in scripts.EVENTS:
            assert (like.top / ".git" / "hooks" / name).exists()
            hook = self.top / ".git" / "hooks" / name
            hook.write_text("#!/bin/sh\nexit 0\n")
            hook.chmod(0o755)

    def commit(self) -> Took:
        return git(self.top, self.env, "commit", "-q", "--allow-empty", "-m", "more")

    def push(self) -> Took:
        self._number += 1
        return git(self.top, self.env, "push", "-q", "origin", f"HEAD:refs/heads/b{self._number}")


class Took(NamedTuple):
    """Milliseconds: by the clock, and of work, which a busy machine does not make more."""

    wall: float
    work: float
    fastest: float = 0.0
    """By the clock, between the fastest of each: when the machine had nothing else to do."""


def git(where: Path, env: Mapping[str, str], *args: str) -> Took:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(["git", *args], cwd=where, env=env, check=True, stderr=subprocess.DEVNULL)
    wall, after = ms(begun), resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)


def in_turn(runs: int, *ways: Callable[[], Took]) -> list[list[Took]]:
    """What each took, every time; in turn, so that all meet the same machine."""
    rounds = [[way() for way in ways] for _ in range(runs)]
    return [list(took) for took in zip(*rounds, strict=True)]


def beyond(less: list[Took], more: list[Took]) -> Took:
    """How much more it took, as a median."""
    wall, work = (statistics.median(two[at] - one[at] for one, two in zip(less, more, strict=True)) for at in (0, 1))
    return Took(wall, work, min(two.wall for two in more) - min(one.wall for one in less))


def middle(took: list[Took]) -> Took:
    wall, work = (statistics.median(one[at] for one in took) for at in (0, 1))
    return Took(wall, work, min(one.wall for one in took))


def say(what: str, value: float, unit: str, goal: str = "") -> None:
    print(f"{what:<52} {value:8.2f} {unit}{f'   ({goal})' if goal else ''}")


def environment(home: Path) -> dict[str, str]:
    """Of somebody whose home and state are in this folder."""
    who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {**os.environ, **who, "HOME": str(home), "TOKENGUARD_HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}


def install(tree: Tree, env: Mapping[str, str], *options: str) -> None:
    command = [sys.executable, "-m", "tokenguard", "hooks", "install", *options]
    subprocess.run(command, cwd=tree.top, env=env, check=True, stdout=subprocess.DEVNULL)


def bench_rounds(repositories: int) -> None:
    """What it takes to put the hooks of many repositories to sleep, and to wake them."""
    with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as folder:
        home = Path(folder).resolve()
        env, paths = environment(home), Paths(home, home)
        (home / "config.toml").write_text("[daemon]\nport = 0\n")
        tree = Tree(home / "r0", env)
        install(tree, env)
        stops = [stop(paths, env) for _ in range(5)]
        for number in range(1, repositories):
            shutil.copytree(tree.top, home / f"r{number}", symlinks=True)
            resting.wake(home / f"r{number}" / ".git", paths)
            hook_paths.folder(paths, home / f"r{number}" / ".git").mkdir(parents=True, exist_ok=True)
        rounds = Rounds(paths)
        took: list[list[float]] = [[], []]
        for _ in range(9):
            for way, times in zip((rounds.put_to_sleep, rounds.wake), took, strict=True):
                begun = time.perf_counter()
                way(60)
                times.append(ms(begun))
        say(f"{repositories} repositories fall asleep", statistics.median(took[0]), f"ms, {max(took[0]):.0f} at most")
        say("... and wake", statistics.median(took[1]), f"ms, {max(took[1]):.0f} at most")
        more = [stop(paths, env) for _ in range(5)]
        say("tokenguard daemon stop with 1 repository", statistics.median(stops), f"ms, {max(stops):.0f} at most")
        say(f"... with {repositories}", statistics.median(more), f"ms, {max(more):.0f} at most")


def stop(paths: Paths, env: Mapping[str, str]) -> float:
    daemon = client.ensure(paths, env, print)
    wait_for(lambda: not Rounds(paths).asleep(60))
    begun = time.perf_counter()
    daemon.stop(now=False, timeout=30)
    return ms(begun)


def bench_tables(runs: int, before: Path | None) -> bool:
    """Whether it is fast enough where references are in tables."""
    os.environ["PATH"] = f"{os.environ['TOKENGUARD_TEST_GIT']}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as folder:
        home = Path(folder).resolve()
        env, paths = environment(home) | {"GIT_DEFAULT_REF_FORMAT": "reftable"}, Paths(home, home)
        (home / "config.toml").write_text("[daemon]\nport = 0\n")
        plain, hooked, alone, other = (Tree(home / name, env) for name in ("plain", "hooked", "alone", "other"))
        in_files = dict(env, GIT_DEFAULT_REF_FORMAT="files")
        plain_files, files = (Tree(home / name, in_files) for name in ("plain-files", "files"))
        for tree in (hooked, alone, other, files):
            install(tree, env, "--way", "chain")
        daemon = client.ensure(paths, env, print)
        try:
            wait_for(lambda: not Rounds(paths).asleep(60))
            wait_for((hook_paths.folder(paths, alone.top / ".git") / hook_paths.LOGGED).exists)
            # What a hook does to which no daemon tells that it reads logs.
            lead_to(alone, scripts.shipped().replace(hook_paths.LOGGED.encode(), b"tokenguard-none"))
            lead_to(other, scripts.shipped() if before is None else before.read_bytes())
            trees = (plain, hooked, alone, other, plain_files, files)
            took = in_turn(runs, *(tree.commit for tree in trees))
        finally:
            daemon.stop(now=True, timeout=30)
    added = beyond(took[0], took[1])
    say_took("git commit without hooks, references in tables", middle(took[0]))
    say_took("added to it", added, COMMIT_MS)
    say_took("... where git is asked which commit it was", beyond(took[0], took[2]))
    if before is not None:
        say_took(f"... by {before.name}", beyond(took[0], took[3]))
    say_took("git commit without hooks, references in files", middle(took[4]))
    say_took("added to it", beyond(took[4], took[5]), COMMIT_MS)
    return added.wall <= COMMIT_MS


def lead_to(tree: Tree, script: bytes) -> None:
    """Let the hooks of a repository lead to another script."""
    file = tree.top / ".git" / "hook.sh"
    file.write_bytes(script)
    for event in scripts.EVENTS:
        hook = tree.top / ".git" / "hooks" / event
        hook.write_text(hook.read_text().replace('. "$tg_state/hooks/hook.sh"', f'. "{file}"'))


def bench_git(runs: int) -> bool:
    """Whether it is fast enough."""
    with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as folder, Upstream() as upstream:
        home = Path(folder).resolve()
        env, paths = environment(home), Paths(home, home)
        (home / "config.toml").write_text(f"[daemon]\nport = 0\n{upstream.settings}\n{SPENT}")
        plain, empty, hooked = (Tree(home / name, env) for name in ("plain", "empty", "hooked"))
        install(hooked, env, "--way", "chain")
        daemon = client.ensure(paths, env, print)
        try:
            wait_for(lambda: not Rounds(paths).asleep(60))
            empty.empty_hooks(hooked)
            status = hook_paths.folder(paths, hooked.top / ".git") / hook_paths.STATUS
            wait_for(lambda: " ok ok" in status.read_text() if status.exists() else False)
            commits = in_turn(runs, plain.commit, empty.commit, hooked.commit)
            pushes = in_turn(runs, plain.push, empty.push, hooked.push)
            upstream.finish.set()
            session = daemon.post("/v1/sessions", {"agent": "claude", "cwd": str(hooked.top)})
            Stream(session["port"], session["token"]).rest()
            wait_for(lambda: " warn warn " in status.read_text())
            warned = beyond(*in_turn(runs, plain.commit, hooked.commit))
            pushed = beyond(*in_turn(runs, plain.push, hooked.push))
        finally:
            daemon.stop(now=True, timeout=30)
    fine = beyond(commits[0], commits[2])
    say_took("git commit without hooks", middle(commits[0]))
    say_took("added to it, empty hooks", beyond(commits[0], commits[1]))
    say_took("added to it, all is well", fine, COMMIT_MS)
    say_took("... beyond empty hooks", beyond(commits[1], commits[2]))
    say_took("added to it, with a warning", warned, COMMIT_MS)
    say_took("git push without hooks", middle(pushes[0]))
    say_took("added to it, an empty hook", beyond(pushes[0], pushes[1]))
    say_took("added to it, all is well", beyond(pushes[0], pushes[2]), PUSH_MS)
    say_took("... beyond an empty hook", beyond(pushes[1], pushes[2]))
    say_took("added to it, with a warning and a poke", pushed, PUSH_MS)
    return max(fine.wall, warned.wall) <= COMMIT_MS and pushed.wall <= PUSH_MS


def say_took(what: str, took: Took, most: int | None = None) -> None:
    rest = f"ms, {took.fastest:6.2f} between the fastest, {took.work:6.2f} of work"
    say(what, took.wall, rest, f"<= {most} ms" if most else "")


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def bench_daemon() -> None:
    """What 50 repositories take, all of which have something to say."""
    os.environ["TZ"] = "UTC"
    with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as folder:
        house = House(Path(folder), Clock())
        hooked = Hooked(house)
        rules = [budget(name=f"b{number}", scope="repo", limit=f"${number + 1}") for number in range(4)]
        house.budgets(budget(limit="2 calls", name="everywhere"), *rules)
        await burst(house, 2)
        folders: list[Path] = []
        for number in range(REPOSITORIES):
            hooked.git("init", "-q", "-b", "main", str(house.folder / f"r{number}"))
            folders.append(hooked.install(house.folder / f"r{number}" / ".git"))
        begun = time.process_time()
        found = [hooked.survey.repository(one, hooked.config) for one in folders]
        say(f"looking at {REPOSITORIES} repositories, in a thread", work_ms(begun), "ms of work")
        board = hooked.board
        assert (await board.wanted()).files == {}
        begun = time.process_time()
        for _ in range(1_000):
            await board.wanted()
        say("what hooks say, where there are none", work_ms(begun), "us of work")
        board.known = tuple(one for one in found if one is not None)
        begun = time.process_time()
        await board.wanted()
        say(f"what hooks say in {REPOSITORIES} repositories, the first time", work_ms(begun), "ms of work")
        begun = time.process_time()
        for _ in range(9):
            await board.wanted()
        wanted = await board.wanted()
        say("every other time", work_ms(begun) / 10, "ms of work")
        for repository in board.known:
            (house.folder / repository.folder.parent.name / "tokenguard.toml").write_text(OWN)
        board.known = tuple(one for one in (hooked.survey.repository(one, hooked.config) for one in folders) if one)
        begun = time.process_time()
        await board.wanted()
        say("... each of which has three budgets of its own besides", work_ms(begun), "ms of work")
        files = Files()
        begun = time.process_time()
        files.carry_out(files.plan(wanted.files, 0), 0)
        say(f"writing {REPOSITORIES} files, in a thread", work_ms(begun), "ms of work")
        await bench_burst(house, board.wanted)
        await house.ledger.close()


async def bench_burst(house: House, wanted: Callable[[], Awaitable[Wanted]]) -> None:
    """A burst of settlements, with a warning in every repository that changes with each."""
    asked = 0

    class Counted:
        async def wanted(self) -> Wanted:
            nonlocal asked
            asked += 1
            return await wanted()

    keeper = Keeper([Counted()], house.guard.now)
    writes = count_writes()
    run = asyncio.ensure_future(keeper.run(house.desk))
    await asyncio.sleep(keeping.REST_S)
    first, asked_first = len(writes), asked
    for _ in range(SECONDS * 10):
        await burst(house, SETTLEMENTS // SECONDS // 10)
        await asyncio.sleep(0.1)
    say(f"{SETTLEMENTS} settlements in {SECONDS} s or more: questions", asked - asked_first, "")
    say(f"{SETTLEMENTS} settlements in {SECONDS} s or more: writes", len(writes) - first, "")
    run.cancel()
    await asyncio.wait([run])


def count_writes() -> list[Path]:
    """The files that are written from now on."""
    from tokenguard.status_files import files

    found: list[Path] = []
    put = files.put

    def counting(file: Path, text: str, *, make_folder: bool = False, until_s: int = 0) -> None:
        found.append(file)
        put(file, text, make_folder=make_folder, until_s=until_s)

    files.put = counting
    return found


async def burst(house: House, count: int) -> None:
    session = await house.session()
    for _ in range(count):
        await house.call(replace(session), output=1)


def ms(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000


def work_ms(begun: float) -> float:
    return (time.process_time() - begun) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="What git hooks take.")
    parser.add_argument("--runs", type=int, default=61)
    parser.add_argument("--tables", action="store_true")
    parser.add_argument("--before", type=Path)
    asked = parser.parse_args()
    runs: int = asked.runs
    if asked.tables:
        sys.exit(0 if bench_tables(runs, asked.before) else 1)
    fast = bench_git(runs)
    bench_rounds(MANY)
    asyncio.run(bench_daemon())
    sys.exit(0 if fast else 1)


if __name__ == "__main__":
    main()
