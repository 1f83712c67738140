"""What git says of a folder of hooks that is no repository's own: who looks there, and which hooks it tracks.

All of it blocks while git is asked.
"""

from __future__ import annotations

import stat
from collections.abc import Collection, Mapping
from pathlib import Path

from tokenguard.attribution import locate
from tokenguard.attribution.git import ask
from tokenguard.attribution.layout import working_trees
from tokenguard.config.paths import Paths
from tokenguard_hooks import files, scripts

_ENDS = ("", scripts.ASLEEP, scripts.CHAINED)

_UNDER_WAY = ("index.lock", "rebase-merge", "rebase-apply", "sequencer", "BISECT_LOG")
"""What git has in the folder of a working tree while it goes from commit to commit there."""

_RUNS, _RUNS_NOT = "100755", "100644"
"""The modes that git knows of files."""


def leads_to(folders: Collection[Path], common_dir: Path) -> bool:
    """Whether git finds the hooks of a repository in one of these folders, which are physical paths. Never raises."""
    if not folders:
        return False
    trees = [Path(one.path) for one in working_trees(str(common_dir), tuple) if one.path is not None]
    return any(_hooks_of(tree, common_dir) in folders for tree in trees or [common_dir])


def _hooks_of(tree: Path, common_dir: Path) -> Path:
    """Where git looks for the hooks of a working tree."""
    told = ask(str(tree), "config", "--type=path", "--show-scope", "--null", "--get-all", "core.hooksPath") or ""
    parts = told.split("\0")
    # Whoever asks git switches hooks off, by this very setting.
    given = [value for scope, value in zip(parts[::2], parts[1::2], strict=False) if scope != "command"]
    return (tree / given[-1] if given else common_dir / "hooks").resolve()


def tracked(folder: Path) -> frozenset[str]:
    """The hooks in a folder that git tracks, as far as it tells. Never raises."""
    return frozenset(_tracked(folder) or ())


def movable(folder: Path, paths: Paths) -> frozenset[str]:
    """The hooks in a folder that git takes no notice of, or only while ours is awake; none where it does not tell.

    The latter is so where exactly what it tracks will stand, or stands, in the place of ours while that sleeps. Never
    raises.
    """
    entries = _tracked(folder)
    if entries is None:
        return frozenset()
    return frozenset(event for event in scripts.TO_SLEEP if _is_movable(folder, event, paths, entries))


def _is_movable(folder: Path, event: str, paths: Paths, entries: Mapping[str, str]) -> bool:
    if f"{event}{scripts.ASLEEP}" in entries or f"{event}{scripts.CHAINED}" in entries:
        return False
    if event not in entries:
        return True
    if not files.is_there(folder / f"{event}{scripts.CHAINED}"):
        return False  # nobody has agreed to ours in the place of one that git has brought since
    is_awake = files.read(folder / event) == scripts.stub(event, paths)
    if not is_awake and _is_under_way(folder):
        return False  # a rebase does not go on beside a change
    return _entry(folder, event, f"{event}{scripts.CHAINED}" if is_awake else event) == entries[event]


def _is_under_way(folder: Path) -> bool:
    """Whether git is in the midst of something in the working tree of a folder."""
    git_dir = locate(folder).git_dir
    return git_dir is None or any(files.is_there(Path(git_dir, name)) for name in _UNDER_WAY)


def _tracked(folder: Path) -> dict[str, str] | None:
    """Which files of hooks in a folder git tracks: name -> mode and hash; None where it does not tell."""
    common_dir = locate(folder).common_dir
    if common_dir is None or folder.is_relative_to(common_dir):
        return {}
    names = [f"{event}{end}" for event in scripts.TO_SLEEP for end in _ENDS]
    told = ask(str(folder), "ls-files", "--stage", "-z", "--", *names)
    if told is None:
        return None
    parts = [line.partition("\t") for line in told.split("\0") if line]
    # What is being merged has another number than 0 behind its hash, and equals nothing.
    return {name: entry.removesuffix(" 0") for entry, _, name in parts}


def _entry(folder: Path, event: str, name: str) -> str | None:
    """What git would keep of a file if it stood in the place of a hook; None where that is not to be known."""
    try:
        mode = (folder / name).lstat().st_mode
    except OSError:
        return None
    filtered = ask(str(folder), "check-attr", "-z", "filter", "--", event)
    # What a repository names as a filter is a program of its own.
    if not stat.S_ISREG(mode) or filtered is None or filtered.split("\0")[2] not in ("unspecified", "unset"):
        return None
    told = ask(str(folder), "hash-object", f"--path={event}", "--", name)
    return None if told is None else f"{_RUNS if mode & stat.S_IXUSR else _RUNS_NOT} {told.strip()}"
