"""From a repository's git folder to its working trees and branches: the way of `place`, back.

Read from git's own files; their formats are those of gitrepository-layout(5) and git-config(1). Nothing here raises:
what cannot be read is not there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from tokenguard.attribution import tables
from tokenguard.attribution.place import Place, locate, named

MAIN = "."
"""What the main working tree is called, which git gives no name."""

_SECTION = re.compile(r'\s*\[\s*([A-Za-z0-9.-]+)\s*("(?:[^"\\]|\\.)*")?\s*\]')
_SETTING = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*=\s*(.*)")
_VALUE = re.compile(r'"((?:[^"\\]|\\.)*)"|([^"#;]+)')


class WorkingTree(Struct, frozen=True):
    """A working tree of a repository."""

    name: str
    """Under which git keeps it; `MAIN` for the main one, which a bare repository has without a folder."""
    repo: str
    """As calls that are made in it name their repository."""
    path: str | None


def is_repository(common_dir: str) -> bool:
    """Whether it is the common git folder of a repository that is there."""
    return os.path.isfile(f"{common_dir}/HEAD") and os.path.isdir(f"{common_dir}/objects")


def working_trees(common_dir: str, known: Callable[[], Iterable[str]]) -> list[WorkingTree]:
    """The working trees of a repository that are there, the main one first.

    `known` gives folders that may be the main one's: asked where nothing but that folder tells (`--separate-git-dir`).
    """
    found = [_main(common_dir, known)]
    try:
        names = sorted(os.listdir(f"{common_dir}/worktrees"))
    except OSError:
        names = []
    for name in names:
        pointer = _text(f"{common_dir}/worktrees/{name}/gitdir").removesuffix("\n")
        path = os.path.dirname(os.path.join(common_dir, "worktrees", name, pointer))
        place = locate(Path(path)) if pointer else Place()
        if place.repo is not None and place.git_dir == f"{common_dir}/worktrees/{name}":
            found.append(WorkingTree(name, place.repo, place.worktree))
    return found


def folder_of(common_dir: Path, name: str) -> Path:
    """The folder that holds the HEAD of a working tree, by its name."""
    return common_dir if name == MAIN else common_dir / "worktrees" / name


def branches(common_dir: str) -> set[str]:
    """The local branches of a repository."""
    if tables.are_in(common_dir):
        return {name.removeprefix("refs/heads/") for name in _tabled(common_dir) if name.startswith("refs/heads/")}
    heads = f"{common_dir}/refs/heads"
    loose = (f"{folder}/{name}" for folder, _, names in os.walk(heads) for name in names)
    found = {path.removeprefix(f"{heads}/") for path in loose}
    packed = (line.partition(" refs/heads/") for line in _lines(f"{common_dir}/packed-refs"))
    return found | {branch for _, is_branch, branch in packed if is_branch}


def others(common_dir: str) -> Callable[[str], bool]:
    """Tells whether what was checked out by a name may be a tag, or a branch of a remote, which can go by the remote's.

    Those that git has packed into one file are not looked for.
    """
    kinds = ("refs/tags", "refs/remotes")
    if not tables.are_in(common_dir):
        return lambda name: any(os.path.exists(f"{common_dir}/{kind}/{name}") for kind in kinds)
    found = [name for name in _tabled(common_dir) if name.startswith(kinds)]
    known = {name[:end] for name in found for end in (*_slashes(name), None)}
    return lambda name: any(f"{kind}/{name}" in known for kind in kinds)


def _slashes(name: str) -> list[int]:
    return [at for at, sign in enumerate(name) if sign == "/"]


def _tabled(common_dir: str) -> set[str]:
    try:
        return tables.names(common_dir)
    except OSError:
        return set()


def _main(common_dir: str, known: Callable[[], Iterable[str]]) -> WorkingTree:
    for path in _candidates(common_dir, known):
        place = locate(Path(path))
        # Whoever wrote the repository's settings may name any folder: it has to lead back.
        if place.repo is not None and place.git_dir == common_dir and place.worktree == named(os.path.realpath(path)):
            return WorkingTree(MAIN, place.repo, place.worktree)
    return WorkingTree(MAIN, named(common_dir), None)


def _candidates(common_dir: str, known: Callable[[], Iterable[str]]) -> Iterable[str]:
    if os.path.basename(common_dir) == ".git":
        yield os.path.dirname(common_dir)
    core = _core(common_dir)
    if "worktree" in core:
        yield os.path.join(common_dir, core["worktree"])
    elif core.get("bare", "false").lower() == "false":
        yield from (path for path in known() if os.path.isfile(f"{path}/.git"))


def _core(common_dir: str) -> dict[str, str]:
    """The section `core` of a repository's settings; submodules have their `worktree` there."""
    found: dict[str, str] = {}
    section = ""
    for line in _lines(f"{common_dir}/config"):
        if heading := _SECTION.match(line):
            section = heading[1].lower() + (heading[2] or "")
            line = line[heading.end() :]
        if section == "core" and (written := _SETTING.fullmatch(line)):
            parts = _VALUE.finditer(written[2])
            text = "".join(re.sub(r"\\(.)", r"\1", one[1]) if one[1] is not None else one[2] for one in parts)
            found[written[1].lower()] = text.strip()
    return found


def _lines(file: str) -> list[str]:
    return _text(file).split("\n")


def _text(file: str) -> str:
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as text:
            return text.read()
    except (OSError, ValueError):
        return ""
