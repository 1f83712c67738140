"""Putting the hooks of one repository where its git finds them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError, UsageError
from tokenguard_hooks import (
    chaining,
    configuring,
    everywhere,
    files,
    hook_folders,
    included,
    managers,
    marking,
    placed,
    reaching,
    resting,
    scripts,
    sharing,
    tracking,
    uninstalling,
)
from tokenguard_hooks.catching_up import CatchingUp
from tokenguard_hooks.locking import alone
from tokenguard_hooks.managers import Manager
from tokenguard_hooks.repository import Repository

WAYS = ("config", "chain", "manager")


class Installed(Struct, frozen=True):
    """What has come of it."""

    way: str
    where: Path
    events: tuple[str, ...]
    changed: bool
    chained: tuple[str, ...] = ()
    """Hooks that were there before, and run after ours."""
    tracked: tuple[str, ...] = ()
    """Those of them that git tracks: ours is a change to git."""
    manager: Manager | None = None
    """What is left to do by hand, where nothing could be put in."""
    everywhere: bool = False
    """Whether it is done for all repositories already."""


def install(here: Repository, paths: Paths, events: tuple[str, ...], way: str | None, *, consent: bool) -> Installed:
    """Let git run our hooks in a repository. Raises `TokenguardError`, and then it is as it was.

    `way` is one of `WAYS`, None for the best that there is. With `consent` a folder of hooks may be used that is not
    this repository's alone.
    """
    managed = managers.found(here.top, events, paths)
    way = way or _best(here, managed)
    if way == "manager" and not managed:
        raise UsageError("this repository uses no hook manager that is known", "leave --way out")
    if way == "config" and not here.configurable:
        version = ".".join(map(str, here.git))
        raise UsageError(f"git {version} finds no hooks in its configuration, only 2.54 does", "leave --way out")
    shared = everywhere.look()
    if shared.where is not None and _reaches(shared, here, way):
        scripts.write(paths)
        if shared.way == "hooks-path":
            hook_folders.put(paths, shared.where)
        return Installed(way, shared.where, events, False, everywhere=True)
    if way == "chain":
        _may_use(here, managed, consent=consent)
    scripts.write(paths)
    folder = hook_paths.folder(paths, here.common_dir)
    uninstalling.wake_shared(here, paths, folder)
    with alone(here.common_dir, uninstalling.SECONDS):
        resting.wake_alone(here.common_dir, paths)
        if way == "manager":
            done = Installed(way, managed[0].into, events, False, manager=managed[0])
        elif way == "config":
            done = _configure(here, paths, events, folder)
        else:
            done = _chain(here, paths, events, folder)
        resting.forget(here.common_dir)
    _make(folder)
    with suppress(OSError):
        (folder / hook_paths.SLEEPLESS).unlink()
    if way == "manager":
        CatchingUp(paths).begin_with(here.common_dir)
    return done


def _best(here: Repository, managed: list[Manager]) -> str:
    if configuring.holds(here.config_file):
        return "config"
    if _in_use(here):
        return "chain"
    return "config" if here.configurable else "manager" if managed else "chain"


def _in_use(here: Repository) -> bool:
    """Whether hooks of ours are where git looks for them."""
    found = [chaining.look(here.hooks_dir, event) for event in scripts.EVENTS]
    return any(hook.state == "ours" or hook.sleeps for hook in found)


def _reaches(shared: everywhere.Standing, here: Repository, way: str) -> bool:
    """Whether what is done for all repositories is all that this one needs."""
    if shared.way == "config":
        return way == "config" and not configuring.holds(here.config_file)
    return shared.way == "hooks-path" and way == "chain" and shared.where == here.hooks_dir


def _may_use(here: Repository, managed: list[Manager], *, consent: bool) -> None:
    """Raises `UsageError` where hooks belong into a folder that nobody has agreed to."""
    if here.hooks_dir == Path(os.devnull):
        raise UsageError("core.hooksPath is /dev/null: hooks are switched off", "take that setting out, and try again")
    for manager in managed:
        if not manager.beside and here.hooks_dir.resolve().is_relative_to(manager.file.resolve()):
            raise UsageError(
                f"the hooks in {here.hooks_dir} are {manager.name}'s, which writes them anew",
                "tokenguard hooks install --way manager prints the lines for its files",
            )
    if here.outside and not consent and not _in_use(here):
        by = f"{here.elsewhere.scope} core.hooksPath" if here.elsewhere else "a link"
        raise UsageError(
            f"hooks of this repository are in {here.hooks_dir} ({by}), which others may use, too",
            "tokenguard hooks install --yes puts them there",
        )


def _configure(here: Repository, paths: Paths, events: tuple[str, ...], folder: Path) -> Installed:
    changed = included.put(here.config_file, configuring.hooks(events, paths))
    changed = configuring.put_in(here.config_file, configuring.included(here.config_file)) or changed
    changed = configuring.take_out_sections(here.config_file) or changed
    uninstalling.out_of_folders(here, paths, folder)
    return Installed("config", here.config_file, events, changed)


def _chain(here: Repository, paths: Paths, events: tuple[str, ...], folder: Path) -> Installed:
    hooks = here.hooks_dir
    made = not hooks.exists()
    with files.told(hooks):
        hooks.mkdir(parents=True, exist_ok=True)
    try:
        with sharing.held(paths):
            changed = chaining.put_in(hooks, events, paths, logged=marking.keeps_log(here.common_dir))
    except TokenguardError:
        if made:
            hooks.rmdir()
        raise
    uninstalling.out_of_configuration(here)
    _make(folder)
    if hooks.resolve() != here.own_hooks_dir:
        hook_folders.put(paths, hooks)
        if not marking.keeps_log(here.common_dir):
            reaching.keep_awake(paths, True)
    placed.put(folder, hooks, made=made)
    chained = tuple(event for event in events if chaining.look(hooks, event).chained)
    in_git = tracking.tracked(hooks)
    return Installed("chain", hooks, events, changed, chained, tuple(event for event in chained if event in in_git))


def _make(folder: Path) -> None:
    """The folder of a repository, which tells the daemon that there are hooks."""
    with files.told(folder):
        folder.mkdir(parents=True, exist_ok=True)
