"""From the commits that hooks have noted to what they close: where, and which time of work before them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenguard.attribution.commits import Commit, described
from tokenguard.attribution.git import ask
from tokenguard.attribution.moves import Move, making, moves
from tokenguard.attribution.place import Place, locate
from tokenguard.attribution.spool import Line, Made, Noted
from tokenguard.records import Closing

_SECOND_US = 1_000_000
_SHARP_US = 2 * _SECOND_US
"""How far apart a commit's time and that of the line about it are at most."""


class Trees:
    """The working trees of a repository, by the names that hooks give them."""

    def __init__(self, common_dir: Path) -> None:
        self._common = common_dir
        self._found: dict[str, tuple[Place, list[Move]]] = {}

    def place(self, name: str) -> Place:
        """Where it is; without a repository if that cannot be told, or if it has gone."""
        return self._at(name)[0]

    def moves(self, name: str) -> list[Move]:
        """What moved its HEAD."""
        return self._at(name)[1]

    def _at(self, name: str) -> tuple[Place, list[Move]]:
        if name not in self._found:
            git_dir = self._common if name == "." else self._common / "worktrees" / name
            top = self._top(name, git_dir)
            self._found[name] = Place() if top is None else locate(top), moves(git_dir)
        return self._found[name]

    def _top(self, name: str, git_dir: Path) -> Path | None:
        if name != ".":
            pointer = _text(git_dir / "gitdir")
            return None if pointer is None else (git_dir / pointer).parent
        if self._common.name == ".git":
            return self._common.parent
        told = ask(str(self._common), "config", "--file", "config", "--get", "core.worktree")
        return (self._common / told.rstrip("\n")) if told else None


def closings(common_dir: Path, trees: Trees, noted: Noted) -> list[Closing]:
    """What the commits among these lines close, in their order; nothing of those of working trees that have gone.

    A commit is dated to the second, and a call of the same second is earlier. Of the last line, the file itself tells
    better. Never raises.
    """
    made = [line for line in noted.lines if isinstance(line, Made)]
    commits = described(str(common_dir), {line.hash for line in made})
    parents = described(str(common_dir), {parent for commit in commits.values() for parent in commit.parents[:1]})
    ends = _ends(noted.lines, commits, noted.written_us)
    found: list[Closing] = []
    for line, until_us in zip(made, ends, strict=True):
        place, commit = trees.place(line.tree), commits.get(line.hash)
        if commit is None or place.repo is None or place.worktree is None:
            continue
        how = making(trees.moves(line.tree), line.hash)
        since_us = how.since_us if how else None
        if since_us is None:
            since_us = max((parents[one].committed_us for one in commit.parents[:1] if one in parents), default=0)
        repeats = how is not None and how.repeats
        found.append(
            Closing(
                line.hash,
                place.repo,
                place.worktree,
                line.branch,
                since_us,
                until_us,
                repeats=repeats,
                twin=commit.twin,
            )
        )
    return found


def _ends(lines: Sequence[Line], commits: dict[str, Commit], written_us: int) -> Iterable[int]:
    """The first instant that is not for it any more, of each commit."""
    found: list[int] = []
    latest: dict[str, int] = {}
    for line in reversed(lines):
        if not isinstance(line, Made):
            continue
        commit = commits.get(line.hash)
        until_us = (commit.committed_us if commit else 0) + _SECOND_US
        if line is lines[-1] and until_us - _SECOND_US <= written_us < until_us - _SECOND_US + _SHARP_US:
            until_us = written_us
        # Nothing is closed by a commit that was made after it, nor after the line about it was written.
        latest[line.tree] = until_us = min(until_us, latest.get(line.tree, written_us + 1))
        found.append(until_us)
    return reversed(found)


def _text(file: Path) -> str | None:
    try:
        return file.read_text("utf-8", "surrogateescape").rstrip("\n")
    except (OSError, ValueError):
        return None
