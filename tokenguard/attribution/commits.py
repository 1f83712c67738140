"""What was committed in a repository, and on which branch: from `git log`.

A branch is its commits by first parents, from where it stands: here, or else at a remote. Of a branch that is gone,
those are taken that a merge commit named after it brought in, and those that this machine's reflogs saw made on it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

_SECONDS = 3
_FIELDS = "%H%x00%P%x00%at%x00%D%x00%s"
# Nothing of the repository's own settings may run a program, and nothing is fetched.
_LOG = (
    "git",
    "--no-pager",
    "--no-optional-locks",
    "-c",
    "core.fsmonitor=false",
    "log",
    "--all",
    "--reflog",
    "--no-show-signature",
    "--no-color",
    "--no-mailmap",
    "--decorate=full",
    f"--format={_FIELDS}",
)
_QUIET = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
_MERGED = re.compile(r"Merge (?:(?:remote-tracking )?branch '([^']+)'|pull request \S+ from [^/\s]+/(\S+))")
_MOVED = re.compile(r"checkout: moving from (\S+) to (\S+)")


class Commit(Struct, frozen=True):
    """A commit."""

    hash: str
    at_us: int
    """When it was written first: rebasing and amending do not change that."""
    subject: str
    parents: tuple[str, ...]


def commits(repo: str, branches: Iterable[str], since_us: int) -> dict[str, tuple[Commit, ...]]:
    """The commits of these branches that were made since then, in the order in which they were written.

    Never raises: what git does not tell is left out.
    """
    since_s = since_us // 1_000_000
    # Git takes numbers below for something else than seconds.
    since = (f"--since=@{since_s}",) if since_s > 100_000_000 else ()
    # Within a hook, git's variables name the repository of the hook.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _QUIET
    try:
        told = subprocess.run(
            [*_LOG, *since],
            cwd=repo,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    lines = told.stdout.decode("utf-8", "replace").splitlines()
    known: dict[str, Commit] = {}
    tips: dict[str, str] = {}
    for line in lines:
        fields = line.split("\0")
        if len(fields) == 5 and fields[2].lstrip("-").isdigit():
            hash, parents, at_s, refs, subject = fields
            known[hash] = Commit(hash, int(at_s) * 1_000_000, subject, tuple(parents.split()))
            for ref in refs.split(", "):
                _note(tips, ref.removeprefix("HEAD -> "), hash)
    merged = dict(_merges(known.values()))
    wanted = set(branches)
    seen = _reflogs(Path(repo)) if wanted - tips.keys() - merged.keys() else {}
    found = {branch: _line(known, tips.get(branch) or merged.get(branch), seen.get(branch, ())) for branch in wanted}
    return {branch: line for branch, line in found.items() if line}


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


def _reflogs(repo: Path) -> dict[str, list[str]]:
    """The commits that were made while a branch was checked out, as the reflogs of HEAD tell."""
    found: dict[str, list[str]] = {}
    git = repo / ".git" if (repo / ".git").is_dir() else repo
    for log in (git / "logs" / "HEAD", *git.glob("worktrees/*/logs/HEAD")):
        try:
            lines = log.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        entries = [(line.partition("\t")[0].split(" ")[:2], line.partition("\t")[2]) for line in lines]
        first = next((moved[1] for _, what in entries if (moved := _MOVED.match(what))), None)
        branch = first
        for hashes, what in entries:
            if moved := _MOVED.match(what):
                branch = moved[2]
            elif branch is not None and what.startswith("commit") and len(hashes) == 2:
                found.setdefault(branch, []).append(hashes[1])
    return found
