"""What was committed in a repository, and on which branch: from `git log`.

A branch is its commits by first parents, from where it stands: here, or else at a remote. Of a branch that is gone,
those are taken that a merge commit named after it brought in, and those that this machine's reflogs saw made on it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from tokenguard.attribution import logs
from tokenguard.attribution.git import ask, lines_of
from tokenguard.errors import UsageError

_FIELDS = "%H%x00%P%x00%at%x00%ct%x00%an <%ae>%x00%D%x00%s"
_LOG = ("log", "--no-show-signature", "--no-color", "--no-mailmap", "--decorate=full", f"--format={_FIELDS}")
# Notes are commits of their own, that nobody has made for a branch.
_ALL = ("--exclude=refs/notes/*", "--all")
_MERGED = re.compile(r"Merge (?:(?:remote-tracking )?branch '([^']+)'|pull request \S+ from [^/\s]+/(\S+))")
_MOVED = re.compile(r"checkout: moving from (\S+) to (\S+)")
_LONG_AGO_S = 100_000_000
"""Git takes numbers below for something else than seconds."""


class Commit(Struct, frozen=True):
    """A commit."""

    hash: str
    at_us: int
    """When it was written first: rebasing and amending do not change that."""
    subject: str
    parents: tuple[str, ...]
    committed_us: int = 0
    author: str = ""

    @property
    def twin(self) -> str:
        """What it shares with commits that repeat it: see `Closing.twin`."""
        told = f"{self.author}\0{self.at_us}\0{self.subject}"
        return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:16]


class History:
    """The commits that a repository knows of, made since an instant."""

    def __init__(self, repo: str, since_us: int) -> None:
        """Never raises: what git does not tell is left out."""
        self._repo = repo
        self._since_s = since_us // 1_000_000
        self.commits: dict[str, Commit] = {}
        self._tips: dict[str, str] = {}
        told = ask(repo, *_LOG, "--reflog", *_ALL, *self._since()) or ""
        for commit, refs in _read(told):
            self.commits[commit.hash] = commit
            for ref in refs:
                _note(self._tips, ref, commit.hash)

    def lines(self, branches: Iterable[str]) -> dict[str, tuple[Commit, ...]]:
        """The commits of these branches, in the order in which they were written."""
        merged = dict(_merges(self.commits.values()))
        wanted = set(branches)
        seen = made_here(self._repo) if wanted - self._tips.keys() - merged.keys() else {}
        found = {
            branch: _line(self.commits, self._tips.get(branch) or merged.get(branch), seen.get(branch, ()))
            for branch in wanted
        }
        return {branch: line for branch, line in found.items() if line}

    def standing(self) -> dict[str, Commit]:
        """Those that are on a branch still, on any, or checked out."""
        told = ask(self._repo, "rev-list", *_ALL, *self._since()) or ""
        return {hash: self.commits[hash] for hash in told.split() if hash in self.commits}

    def _since(self) -> tuple[str, ...]:
        return (f"--since=@{self._since_s}",) if self._since_s > _LONG_AGO_S else ()


def described(repo: str, hashes: Iterable[str]) -> dict[str, Commit] | None:
    """These commits, as far as a repository has them, in any branch or none; None if git does not answer."""
    wanted = lines_of(hashes)
    if not wanted:
        return {}
    told = ask(repo, *_LOG, "--no-walk=unsorted", "--ignore-missing", "--stdin", told=wanted)
    return None if told is None else {commit.hash: commit for commit, _ in _read(told)}


def of_range(repo: str, name: str) -> tuple[Commit, ...]:
    """The commits of `A..B`, those that come before others first. Raises `UsageError` if it is none here."""
    begin, dots, end = name.partition("..")
    if not dots or end.startswith("."):
        raise UsageError(f'"{name}" is not a range of commits', "write A..B, such as main..HEAD")
    for one in (begin, end):
        if ask(repo, "rev-parse", "--quiet", "--verify", "--end-of-options", f"{one or 'HEAD'}^{{commit}}") is None:
            raise UsageError(
                f'"{one or "HEAD"}" is no commit in {repo}', "fetch it first; CI often has the last one only"
            )
    told = ask(repo, *_LOG, "--topo-order", "--reverse", "--end-of-options", name)
    if told is None:
        raise UsageError(f'git does not tell the commits of "{name}"', f"try git log {name}")
    return tuple(commit for commit, _ in _read(told))


def folded(repo: str, tip: str, hash: str) -> tuple[str, ...]:
    """The commits up to `tip` of which a commit has all, and nothing besides: what it holds is what `tip` does."""
    trees = (ask(repo, "rev-parse", f"{tip}^{{tree}}", f"{hash}^{{tree}}") or "").split()
    if len(trees) != 2 or trees[0] != trees[1]:
        return ()
    return tuple((ask(repo, "rev-list", tip, f"^{hash}^@", f"^{hash}") or "").split())


def brings(repo: str, hash: str, tip: str) -> bool:
    """Whether a commit changes any file that was changed on the way to `tip`; also if git does not tell."""
    there = ask(repo, "diff", "--name-only", "--no-renames", f"{hash}^...{tip}")
    here = ask(repo, "diff", "--name-only", "--no-renames", f"{hash}^", hash)
    if not there or here is None:
        return True
    return not set(there.splitlines()).isdisjoint(here.splitlines())


def branch_of(repo: str, name: str) -> str | None:
    """The branch that a revision names, here or at a remote; None if it names none."""
    told = (ask(repo, "rev-parse", "--symbolic-full-name", "--end-of-options", name or "HEAD") or "").split("\n")
    ref = next((line for line in told if line.startswith("refs/")), "")
    if ref.startswith("refs/remotes/"):
        return ref.removeprefix("refs/remotes/").partition("/")[2] or None
    return ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None


def _read(told: str) -> Iterator[tuple[Commit, list[str]]]:
    """Commits, and the refs that stand there."""
    # Subjects may hold what else ends lines.
    for line in told.split("\n"):
        fields = line.split("\0")
        if len(fields) == 7 and fields[2].lstrip("-").isdigit() and fields[3].lstrip("-").isdigit():
            hash, parents, at_s, committed_s, author, refs, subject = fields
            at_us, committed_us = int(at_s) * 1_000_000, int(committed_s) * 1_000_000
            commit = Commit(hash, at_us, subject, tuple(parents.split()), committed_us, author)
            yield commit, [ref.removeprefix("HEAD -> ") for ref in refs.split(", ")]


def _note(tips: dict[str, str], ref: str, hash: str) -> None:
    """Where a branch stands. What is here goes before what is at a remote."""
    if ref.startswith("refs/heads/"):
        tips[ref.removeprefix("refs/heads/")] = hash
    elif ref.startswith("refs/remotes/"):
        tips.setdefault(ref.removeprefix("refs/remotes/").partition("/")[2], hash)


def _merges(commits: Iterable[Commit]) -> Iterator[tuple[str, str]]:
    """Branches that merge commits name, and where they stood; the latest merge comes last."""
    for commit in sorted(commits, key=lambda one: one.at_us):
        if len(commit.parents) > 1 and (named := _MERGED.match(commit.subject)):
            yield named[1] or named[2], commit.parents[1]


def _line(commits: dict[str, Commit], tip: str | None, made: Iterable[str]) -> tuple[Commit, ...]:
    found = {hash: commits[hash] for hash in made if hash in commits}
    while tip is not None and (commit := commits.get(tip)) is not None:
        found[tip] = commit
        tip = commit.parents[0] if commit.parents else None
    return tuple(sorted(found.values(), key=lambda commit: commit.at_us))


def made_here(repo: str) -> dict[str, list[str]]:
    """The commits that were made while a branch was checked out, as the reflogs of HEAD tell."""
    found: dict[str, list[str]] = {}
    git = Path(repo, ".git") if Path(repo, ".git").is_dir() else Path(repo)
    for git_dir in (git, *git.glob("worktrees/*")):
        lines = logs.content(git_dir).decode("utf-8", "replace").splitlines()
        entries = [(line.partition("\t")[0].split(" ")[:2], line.partition("\t")[2]) for line in lines]
        first = next((moved[1] for _, what in entries if (moved := _MOVED.match(what))), None)
        branch = first
        for hashes, what in entries:
            if moved := _MOVED.match(what):
                branch = moved[2]
            elif branch is not None and what.startswith("commit") and len(hashes) == 2:
                found.setdefault(branch, []).append(hashes[1])
    return found
