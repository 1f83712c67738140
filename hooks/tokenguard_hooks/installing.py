"""Putting the hooks of one repository where its git finds them, and taking them out again."""

from __future__ import annotations

import os
from collections.abc import Iterator
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
    managers,
    marking,
    reaching,
    resting,
    scripts,
    sharing,
    tracking,
)
from tokenguard_hooks.catching_up import CatchingUp
from tokenguard_hooks.locking import alone
from tokenguard_hooks.managers import Manager
from tokenguard_hooks.repository import Repository

WAYS = ("config", "chain", "manager")

_SECONDS = 5.0
"""How long is waited for a daemon that puts hooks to sleep or wakes them."""

_RECORD = "tokenguard-installed"
"""In a repository's folder: the folders of hooks that we use, and whether we made them. Each working tree has its own
where core.hooksPath is relative."""


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
    _wake_shared(here, paths, folder)
    with alone(here.common_dir, _SECONDS):
        resting.wake_alone(here.common_dir, paths)
        if way == "manager":
            done = Installed(way, managed[0].into, events, False, manager=managed[0])
        elif way == "config":
            done = _configure(here, paths, events, folder)
        else:
            done = _chain(here, paths, events, folder)
        resting.forget(here.common_dir)
    _make(folder)
    _remove(folder / hook_paths.SLEEPLESS)
    if way == "manager":
        CatchingUp(paths).begin_with(here.common_dir)
    return done


def uninstall(here: Repository, paths: Paths) -> bool:
    """Take our hooks out of a repository; whether there were any. Raises `TokenguardError`."""
    folder = hook_paths.folder(paths, here.common_dir)
    _wake_shared(here, paths, folder)
    with alone(here.common_dir, _SECONDS):
        resting.wake_alone(here.common_dir, paths)
        changed = _take_out_configured(here)
        changed = _take_out_of_folders(here, paths, folder) or changed
        resting.forget(here.common_dir)
    _forget(folder, paths)
    return changed


def own_folders(here: Repository, folder: Path) -> Iterator[Path]:
    """Where hooks of this repository may be: not where others keep theirs, unless it was agreed to."""
    known = {here.own_hooks_dir, *_recorded(folder)}
    if not here.outside:
        known.add(here.hooks_dir)
    return (one for one in sorted(known) if one.is_dir())


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
    changed = configuring.put_beside(here.config_file, configuring.hooks(events, paths))
    changed = configuring.put_in(here.config_file, configuring.included(here.config_file)) or changed
    changed = configuring.take_out_sections(here.config_file) or changed
    _take_out_of_folders(here, paths, folder)
    return Installed("config", here.config_file, events, changed)


def _wake_shared(here: Repository, paths: Paths, folder: Path) -> None:
    """Wake hooks in a folder that others use as well, so that they can be changed."""
    from tokenguard_hooks.rounds import Rounds  # heavy, and seldom needed

    mine = {one.resolve() for one in (here.hooks_dir, *own_folders(here, folder))}
    if sharing.is_asleep(paths) and any(one.path in mine for one in hook_folders.look(paths)):
        Rounds(paths).wake_shared(_SECONDS)


def _take_out_of_folders(here: Repository, paths: Paths, folder: Path) -> bool:
    changed = False
    with sharing.held(paths):
        for hooks in own_folders(here, folder):
            changed = chaining.take_out(hooks) or changed
            hook_folders.drop(paths, hooks)
    return changed


def _take_out_configured(here: Repository) -> bool:
    changed = configuring.take_out(here.config_file)
    configuring.take_out_beside(here.config_file)
    return changed


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
    _take_out_configured(here)
    _make(folder)
    if hooks.resolve() != here.own_hooks_dir:
        hook_folders.put(paths, hooks)
        if not marking.keeps_log(here.common_dir):
            reaching.keep_awake(paths, True)
    _record(folder, {hooks: made} | _recorded(folder))
    chained = tuple(event for event in events if chaining.look(hooks, event).chained)
    in_git = tracking.tracked(hooks)
    return Installed("chain", hooks, events, changed, chained, tuple(event for event in chained if event in in_git))


def _recorded(folder: Path) -> dict[Path, bool]:
    """The folders of hooks that we use for a repository, and whether we made them."""
    parts = (files.read(folder / _RECORD) or b"").split(b"\0")
    return {Path(os.fsdecode(name)): bool(made) for name, made in zip(parts[::2], parts[1::2], strict=False) if name}


def _record(folder: Path, known: dict[Path, bool]) -> None:
    parts = [os.fsencode(name) + (b"\0made\0" if made else b"\0\0") for name, made in known.items()]
    files.put(folder / _RECORD, b"".join(parts), 0o600)


def _make(folder: Path) -> None:
    """The folder of a repository, which tells the daemon that there are hooks."""
    with files.told(folder):
        folder.mkdir(parents=True, exist_ok=True)


def _forget(folder: Path, paths: Paths) -> None:
    """Remove what hooks and the daemon have left for each other; what the daemon has not read yet stays."""
    for hooks, made in _recorded(folder).items():
        with suppress(OSError):
            if made:
                hooks.rmdir()
    for name in (
        _RECORD,
        hook_paths.STATUS,
        hook_paths.TRAILERS,
        hook_paths.LOGGED,
        hook_paths.SLEEPLESS,
        hook_paths.READ,
        hook_paths.MANAGED,
    ):
        _remove(folder / name)
    with suppress(OSError):
        # Up to the first folder that is of use to others.
        while folder != hook_paths.repositories(paths):
            folder.rmdir()
            folder = folder.parent


def _remove(file: Path) -> None:
    with suppress(OSError):
        file.unlink()
