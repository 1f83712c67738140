"""The folders of others in which hooks of ours are, on record for whoever puts those to sleep or wakes them.

A hook reads that record itself (`rest.sh`): a line for each folder.
"""

from __future__ import annotations

import time
from pathlib import Path

from msgspec import Struct

from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard_hooks import files, reaching, scripts


class Folder(Struct, frozen=True):
    """A folder of hooks, with ours in it."""

    path: Path
    """Physical."""
    since_us: int
    """When they could sleep first."""


def put(paths: Paths, folder: Path) -> None:
    """Let hooks in a folder sleep from now on. Raises `TokenguardError`."""
    try_again(paths)
    path, known = folder.resolve(), told(paths)
    if "\n" in str(path) or any(one.path == path for one in known):  # the former nobody could tell hooks
        return
    with files.told(_file(paths)):
        hook_paths.hooks(paths).mkdir(parents=True, exist_ok=True)
    _keep(paths, [*known, Folder(path, time.time_ns() // 1000)])


def try_again(paths: Paths) -> None:
    """Let hooks try to put themselves to sleep, should the daemon be killed, though they could not do so before.

    Raises `TokenguardError`.
    """
    file = hook_paths.hooks(paths) / hook_paths.UNSHARED
    with files.told(file):
        file.unlink(missing_ok=True)


def drop(paths: Paths, folder: Path) -> None:
    """Forget a folder, unless hooks of ours are in it still; with the last one, how far logs were read.

    Raises `TokenguardError`.
    """
    path, known = folder.resolve(), told(paths)
    left = [one for one in known if one.path != path or _has_ours(one, paths)]
    if left == known:
        return
    if left:
        _keep(paths, left)
        return
    with files.told(_file(paths)):
        _file(paths).unlink(missing_ok=True)
    if reaching.look(paths) is None:
        reaching.forget(paths)


def look(paths: Paths) -> list[Folder]:
    """The folders in which hooks of this state folder are, awake or asleep. Never raises."""
    return [one for one in told(paths) if _has_ours(one, paths)]


def awake(folder: Path, paths: Paths) -> list[Path]:
    """The hooks of ours in a folder that git starts. Never raises."""
    return [folder / event for event in scripts.TO_SLEEP if files.read(folder / event) == scripts.stub(event, paths)]


def sleepers(folder: Path, paths: Paths) -> list[Path]:
    """Where those would be that it does not start. Never raises."""
    return [
        folder / event
        for event in scripts.TO_SLEEP
        if files.read(folder / f"{event}{scripts.ASLEEP}") == scripts.stub(event, paths)
    ]


def _has_ours(folder: Folder, paths: Paths) -> bool:
    return bool(awake(folder.path, paths) or sleepers(folder.path, paths))


def told(paths: Paths) -> list[Folder]:
    """All that are on record. Never raises."""
    lines = (files.read(_file(paths)) or b"").decode("utf-8", "surrogateescape").split("\n")
    parts = [line.split(" ", 2) for line in lines]
    return [Folder(Path(part[2]), int(part[1])) for part in parts if len(part) == 3 and part[1].isdigit()]


def _keep(paths: Paths, folders: list[Folder]) -> None:
    text = "".join(f"1 {one.since_us} {one.path}\n" for one in folders)
    files.put(_file(paths), text.encode("utf-8", "surrogateescape"), 0o600)


def _file(paths: Paths) -> Path:
    return hook_paths.hooks(paths) / hook_paths.FOLDERS
