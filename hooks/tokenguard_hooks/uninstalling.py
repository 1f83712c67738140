"""Taking the hooks of one repository out of where its git finds them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard_hooks import chaining, configuring, hook_folders, included, placed, resting, sharing
from tokenguard_hooks.locking import alone
from tokenguard_hooks.repository import Repository

SECONDS = 5.0
"""How long is waited for a daemon that puts hooks to sleep or wakes them."""

_LEFT = (
    hook_paths.STATUS,
    hook_paths.TRAILERS,
    hook_paths.LOGGED,
    hook_paths.SLEEPLESS,
    hook_paths.READ,
    hook_paths.MANAGED,
)
"""What hooks and the daemon leave for each other, but for what the daemon has not read yet."""


def uninstall(here: Repository, paths: Paths) -> bool:
    """Take our hooks out of a repository; whether there were any. Raises `TokenguardError`."""
    folder = hook_paths.folder(paths, here.common_dir)
    wake_shared(here, paths, folder)
    with alone(here.common_dir, SECONDS):
        resting.wake_alone(here.common_dir, paths)
        changed = out_of_configuration(here)
        changed = out_of_folders(here, paths, folder) or changed
        resting.forget(here.common_dir)
    _forget(folder, paths)
    return changed


def wake_shared(here: Repository, paths: Paths, folder: Path) -> None:
    """Wake hooks in a folder that others use as well, so that they can be changed."""
    from tokenguard_hooks.rounds import Rounds  # heavy, and seldom needed

    mine = {one.resolve() for one in (here.hooks_dir, *placed.folders(here, folder))}
    if sharing.is_asleep(paths) and any(one.path in mine for one in hook_folders.look(paths)):
        Rounds(paths).wake_shared(SECONDS)


def out_of_folders(here: Repository, paths: Paths, folder: Path) -> bool:
    """Take them out of folders of hooks; whether there were any. Raises `TokenguardError`."""
    changed = False
    with sharing.held(paths):
        for hooks in placed.folders(here, folder):
            changed = chaining.take_out(hooks) or changed
            hook_folders.drop(paths, hooks)
    return changed


def out_of_configuration(here: Repository) -> bool:
    """Take them out of git's configuration; whether there were any. Raises `TokenguardError`."""
    changed = configuring.take_out(here.config_file)
    included.take_out(here.config_file)
    return changed


def _forget(folder: Path, paths: Paths) -> None:
    placed.forget(folder)
    for name in _LEFT:
        with suppress(OSError):
            (folder / name).unlink()
    with suppress(OSError):
        # Up to the first folder that is of use to others.
        while folder != hook_paths.repositories(paths):
            folder.rmdir()
            folder = folder.parent
