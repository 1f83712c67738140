"""Hooks that put themselves to sleep are killed at each step of that, one after the other."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.hooks.world import World, everything


class Killing:
    """Programs that hooks start; one of them, when its turn comes, kills who started it, as does each after it."""

    def __init__(self, world: World, programs: Iterable[str]) -> None:
        self._world = world
        self._left, folder = world.root / "steps", world.root / "killing"
        folder.mkdir()
        for program in programs:
            counts = f"read -r left <'{self._left}'\necho $((left - 1)) >'{self._left}'"
            lines = f"{counts}\n[ $left -gt 0 ] || kill -9 $PPID\n"
            world.put_script(folder / program, f'#!/bin/sh\n{lines}exec {shutil.which(program)} "$@"\n')
        self._path = f"{folder}{os.pathsep}{world.path}"

    def commit(self, tree: Path, step: int, former: int) -> bool:
        """Make a commit, of which this step kills; whether there was such a step. So many hooks of others run."""
        self._left.write_text(f"{step}\n")
        usual, self._world.path = self._world.path, self._path
        done = self._world.commit(tree, f"killed at {step}")
        self._world.path = usual
        assert done.stderr.count("former\n") == former
        return int(self._left.read_text()) <= 0


def killed_at_each_step(
    world: World,
    programs: Iterable[str],
    tree: Path,
    hooks: Path,
    former: int,
    sleep: Callable[[], bool],
    wake: Callable[[], object],
    is_noted: Callable[[int], bool],
) -> int:
    """How many steps there are until hooks sleep. Whoever is killed at one leaves what the next commit goes on from.

    `is_noted`: whether the last commits are on record, so many of them.
    """
    killing, awake = Killing(world, programs), everything(hooks)
    step = commits = 0
    whole = False
    while not whole:
        was_killed = killing.commit(tree, step, former)
        # Where another git was about, such as that of another test, all of it was not tried.
        whole = not was_killed and sleep()
        commits += 1 + world.commit_until(tree, sleep)
        wake()
        assert everything(hooks) == awake and is_noted(commits)
        step += was_killed
    return step
