"""What git hooks add to `git commit` while no daemon runs: asleep, as they fall asleep, and where they do not sleep.

python -m tests.bench.bench_sleeping_hooks [--runs N] [--way WAY] [--managers] [--tables]
    medians over N runs of each (61), taken in turn; of one way only (chain, shared, config, global); with real hook
    managers from npm and PyPI besides; in repositories whose references are in tables

TOKENGUARD_TEST_GIT=FOLDER names a git of 2.54 or newer: hooks in its configuration, and in that of the user, are
measured with that one, and so is all with --tables.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tests.bench.bench_hooks import (
    COMMIT_MS,
    Took,
    Tree,
    beyond,
    environment,
    git,
    in_turn,
    install,
    middle,
    say,
    say_took,
    stop,
    wait_for,
)
from tokenguard import client
from tokenguard.config.paths import Paths
from tokenguard_hooks import managers, reaching, resting, scripts, sharing
from tokenguard_hooks.rounds import Rounds

PACKAGES = ("pypi:pre-commit==4.7.0", "npm:lefthook@2.2.2", "npm:husky@9.1.7")
THEIRS = {
    ".pre-commit-config.yaml": "repos:\n  - repo: local\n    hooks:\n"
    "      - {id: own, name: own, language: system, entry: 'true', always_run: true, stages: [pre-commit]}\n",
    "lefthook.yml": "pre-commit:\n  commands:\n    own:\n      run: 'true'\n",
    ".husky/pre-commit": "true\n",
}
"""A hook of each manager's own."""


def ways(only: str | None) -> list[tuple[str, str]]:
    """How hooks can be put in, with the path on which a git is that finds them; `shared` is `core.hooksPath`."""
    found = [(way, os.environ["PATH"]) for way in ("chain", "shared")]
    if modern := os.environ.get("TOKENGUARD_TEST_GIT"):
        found += [(way, f"{modern}{os.pathsep}{os.environ['PATH']}") for way in ("config", "global")]
    return [one for one in found if only in (None, one[0])]


def with_user(home: Path, name: str, path: str) -> dict[str, str]:
    """The environment of a user with a configuration of this name: what is for all repositories is for one user's."""
    file = home / name
    file.write_text("[user]\n\tname = A\n\temail = a@b\n")
    return environment(home) | {"PATH": path, "GIT_CONFIG_GLOBAL": str(file)}


def put_in(tree: Tree, way: str) -> None:
    options = {"global": ["--global"], "shared": ["--yes"]}
    install(tree, tree.env, *options.get(way, ["--way", way]))


def folder_of(tree: Tree) -> Path:
    """A folder of the user's for hooks."""
    return tree.top.with_name(f"{tree.top.name} hooks")


def share(tree: Tree) -> None:
    """Have git look for hooks in that; what is in the repository's own moves there."""
    folder = folder_of(tree)
    folder.mkdir(mode=0o755, exist_ok=True)
    for hook in (tree.top / ".git" / "hooks").glob("pre-commit"):
        hook.rename(folder / hook.name)
    git(tree.top, tree.env, "config", "core.hooksPath", str(folder))


def may_sleep(tree: Tree, paths: Paths) -> bool:
    """Whether hooks are awake that could sleep."""
    common_dir = tree.top / ".git"
    shared = sharing.may_sleep(paths) and not sharing.sleeps_in(folder_of(tree), paths)
    return resting.may_sleep(common_dir, paths) or reaching.may_sleep(paths) or shared


def bench_asleep(runs: int, only: str | None) -> bool:
    """Whether a commit takes no longer while the daemon does not run, whatever the reason."""
    found: list[bool] = []
    for way, path in ways(only):
        for why, comes in (("never started", never), ("stopped", stopped), ("killed", killed)):
            with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as folder:
                home = Path(folder).resolve()
                plainly, env = with_user(home, "without", path), with_user(home, "with", path)
                (home / "config.toml").write_text("[daemon]\nport = 0\n")
                plain, plain_former = (Tree(home / name, plainly) for name in ("plain", "plain-former"))
                hooked, former = (Tree(home / name, env) for name in ("hooked", "former"))
                plain_former.former_hook()
                former.former_hook()
                for tree in (plain, plain_former, hooked, former) if way == "shared" else ():
                    share(tree)
                for tree in (hooked, former):
                    put_in(tree, way)
                comes(Paths(home, home), env)
                pairs = (("no other hook", plain, hooked), ("one that was there", plain_former, former))
                if comes is killed:
                    for tree in (hooked, former):
                        while may_sleep(tree, Paths(home, home)):
                            tree.commit()
                found += [
                    asleep(f"{way}, {why}, {what}", *in_turn(runs, one.commit, two.commit, one.commit))
                    for what, one, two in pairs
                ]
    return all(found)


def never(paths: Paths, env: Mapping[str, str]) -> None:
    """No daemon has run since hooks were installed."""


def stopped(paths: Paths, env: Mapping[str, str]) -> None:
    """One has run, and was stopped."""
    stop(paths, env)


def killed(paths: Paths, env: Mapping[str, str]) -> None:
    """One has run, and was killed."""
    daemon = client.ensure(paths, env, print)
    wait_for(lambda: not (Rounds(paths).asleep(60) or reaching.is_asleep(paths) or sharing.is_asleep(paths)))
    os.kill(daemon.pid, signal.SIGKILL)
    wait_for(lambda: client.find(paths) is None)


def bench_first(kills: int, only: str | None) -> None:
    """What the commit takes after which hooks sleep, because the daemon was killed."""
    for way, path in ways(only):
        with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as folder:
            home = Path(folder).resolve()
            env, paths = with_user(home, "with", path), Paths(home, home)
            plain = Tree(home / "plain", with_user(home, "without", path))
            hooked, former = (Tree(home / name, env) for name in ("hooked", "former"))
            former.former_hook()
            for tree in (plain, hooked, former) if way == "shared" else ():
                share(tree)
            for tree in (hooked, former):
                put_in(tree, way)

            ways_to_commit = (partial(commit_after_kill, tree, paths) for tree in (hooked, former))
            took = in_turn(kills, plain.commit, *ways_to_commit)
            say_took(f"{way}: git commit without hooks", middle(took[0]))
            say_took(f"{way}: added to the first commit after a kill", beyond(took[0], took[1]))
            say_took("... with a hook that was there before", beyond(took[0], took[2]))


def commit_after_kill(tree: Tree, paths: Paths) -> Took:
    """The commit after which hooks sleep."""
    resting.wake(tree.top / ".git", paths)
    reaching.wake(paths)
    sharing.wake(paths)
    took = tree.commit()
    # On a busy machine it may take a second one: another git might have been about.
    while may_sleep(tree, paths):
        tree.commit()
    return took


def bench_beside(runs: int) -> None:
    """What is added where hooks do not sleep: in a folder that others can write to."""
    with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as folder:
        home = Path(folder).resolve()
        env = environment(home)
        plain, hooked = Tree(home / "plain", env), Tree(home / "hooked", env)
        (home / "shared").mkdir()
        (home / "shared").chmod(0o757)
        git(hooked.top, env, "config", "core.hooksPath", str(home / "shared"))
        install(hooked, env, "--yes")
        took = in_turn(runs, plain.commit, hooked.commit)
        say_took("core.hooksPath: git commit without hooks", middle(took[0]))
        say_took("added by hooks that do not sleep, no daemon", beyond(*took), COMMIT_MS)


def asleep(what: str, first: list[Took], slept: list[Took], again: list[Took]) -> bool:
    """Whether a commit with hooks that sleep takes no longer than one without differs from the next one without."""
    gaps = sorted(two.wall - one.wall for one, two in zip(first, slept, strict=True))
    noise = sorted(two.wall - one.wall for one, two in zip(first, again, strict=True))
    took = beyond(first, slept)
    low, high = gaps[len(gaps) // 4], gaps[-len(gaps) // 4]
    say_took(f"asleep ({what}): git commit without hooks", middle(first))
    say_took("... added to it", took)
    say("... half of all differences are between", low, f"and {high:.2f} ms")
    say(
        "... of no hooks to no hooks",
        statistics.median(noise),
        f"ms, {noise[len(noise) // 4]:.2f} to {noise[-len(noise) // 4]:.2f}",
    )
    return low <= 0 <= high


class Managed(Tree):
    """A working tree with a hook manager, for which there is something to do at each commit."""

    def commit(self) -> Took:
        with open(self.top / "changed", "a") as file:
            file.write("more\n")
        return git(self.top, self.env, "commit", "-q", "-a", "-m", "more")


def bench_managers(runs: int) -> None:
    """What is added to a commit with a hook manager by our lines in its file, and by our hooks beside it, asleep."""
    from tests.agents.installing import search_path

    path = search_path(PACKAGES)
    for file in THEIRS:
        with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as folder:
            home = Path(folder).resolve()
            env = environment(home) | {
                "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
                "PRE_COMMIT_HOME": str(home / "c"),
            }
            without, ours, beside = (managed(home / name, env, file) for name in ("without", "with", "beside"))
            put_lines_in(ours, Paths(home, home))
            trees = [without, ours]
            if ".husky" not in file:
                install(beside, env, "--way", "chain")
                trees.append(beside)
            first, *slept, again = in_turn(runs, *(tree.commit for tree in trees), without.commit)
            for what, took in zip((f"{file}: lines in its file", f"{file}: ours beside it"), slept, strict=False):
                asleep(what, first, took, again)


def managed(top: Path, env: Mapping[str, str], file: str) -> Managed:
    """A working tree with a manager."""
    tree = Managed.__new__(Managed)
    top.mkdir()
    tree.top, tree.env = top, env
    git(top, env, "init", "-q", "-b", "main")
    (top / "package.json").write_text('{"private": true}')
    (top / "changed").touch()
    if ".husky" in file:
        set_up(tree, "husky")
    (top / file).write_text(THEIRS[file])
    git(top, env, "add", "--all")
    if "pre-commit-config" in file:
        set_up(tree, "pre-commit install")
    elif "lefthook" in file:
        set_up(tree, "lefthook install")
    tree.commit()
    return tree


def set_up(tree: Tree, command: str) -> None:
    subprocess.run(command.split(), cwd=tree.top, env=tree.env, check=True, capture_output=True)


def put_lines_in(tree: Tree, paths: Paths) -> None:
    """What `tokenguard hooks install` prints."""
    scripts.write(paths)
    (manager,) = managers.found(tree.top, scripts.EVENTS, paths)
    if manager.name == "husky":
        for part in manager.lines.split("# ")[1:]:
            name, _, line = part.partition("\n")
            with open(tree.top / name, "a") as hook:
                hook.write(line)
    else:
        with open(manager.into, "a") as settings:
            settings.write(manager.lines)
        set_up(tree, manager.then)
    git(tree.top, tree.env, "add", "--all")
    tree.commit()


def main() -> None:
    parser = argparse.ArgumentParser(description="What git hooks take while no daemon runs.")
    parser.add_argument("--runs", type=int, default=61)
    parser.add_argument("--way", help="only hooks that are put in like this: chain, shared, config, global")
    parser.add_argument("--managers", action="store_true")
    parser.add_argument("--tables", action="store_true")
    asked = parser.parse_args()
    if asked.tables:
        os.environ["PATH"] = f"{os.environ['TOKENGUARD_TEST_GIT']}{os.pathsep}{os.environ['PATH']}"
        os.environ["GIT_DEFAULT_REF_FORMAT"] = "reftable"
    quick = bench_asleep(asked.runs, asked.way)
    bench_first(asked.runs, asked.way)
    bench_beside(asked.runs)
    if asked.managers:
        bench_managers(asked.runs)
    sys.exit(0 if quick else 1)


if __name__ == "__main__":
    main()
