"""Ranges of commits, as they are named on the command line."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any, NamedTuple

from tokenguard import attribution
from tokenguard.attribution import notes as git_notes
from tokenguard.attribution.commits import of_range
from tokenguard.cli import output
from tokenguard.errors import UsageError
from tokenguard.reports.instants import zone_of
from tokenguard.reports.notes import notes, written
from tokenguard.reports.question import Question, where_of
from tokenguard.reports.ranges import range_report


class Range(NamedTuple):
    """Commits of a repository."""

    folder: str
    """Where git is asked: `HEAD` is that of its working tree."""
    repo: str
    """As calls name it."""
    name: str
    """`A..B`."""


def find_range(folder: str | None, name: str) -> Range:
    """A range of the repository that a folder is in, or else the current one. Raises `UsageError`."""
    place = attribution.locate(Path(folder or "."))
    if place.repo is None:
        where = f"--repo {folder}" if folder else "the current folder"
        raise UsageError(f"{where} is not in a repository", "name one by --repo PATH")
    top = place.worktree or place.repo
    # A name that is not UTF-8 leads nowhere in the words of a place.
    return Range(top if os.path.isdir(top) else str(Path(folder or ".").resolve()), place.repo, name)


def cost_of(ledger: sqlite3.Connection, commits: Range, question: Question) -> dict[str, Any]:
    """The report on a range. Raises `UsageError`."""
    by, zone = question.by.split(","), zone_of(question.timezone)
    return range_report(ledger, *commits, by, where_of(question), zone, time.time_ns() // 1000)


def note_down(ledger: sqlite3.Connection, commits: Range) -> None:
    """Put the cost of commits to them, as git notes."""
    now_us = time.time_ns() // 1000
    found = notes(ledger, commits.repo, of_range(commits.folder, commits.name), now_us)
    changed = git_notes.write(commits.folder, {hash: written(note) for hash, note in found.items()}, now_us)
    shares = f"; git push origin {git_notes.REF} shares them" if changed else ""
    output.note(f"{output.counted(changed, 'note')} written to {git_notes.REF}{shares}")
