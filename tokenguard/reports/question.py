"""A question as people put it, on the command line and to the control API alike."""

from __future__ import annotations

import sqlite3
from datetime import tzinfo
from typing import Any

from msgspec import Struct

from tokenguard.errors import UsageError
from tokenguard.ledger.queries import INFERRED, snapshot
from tokenguard.ledger.values import Where
from tokenguard.reports import report
from tokenguard.reports.instants import parse_instant, zone_of

_GLOBS = (
    "worktree",
    "branch",
    "agent",
    "model",
    "provider",
    "session",
    "task",
    "request_class",
    "billing",
    "origin",
)


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """What to group by, of which time and which calls; the fields from `branch` on are globs."""

    by: str = "model"
    """Keys, separated by commas."""
    since: str = "30d"
    until: str | None = None
    """Not included any more."""
    timezone: str | None = None
    repo: str | None = None
    """The path of a repository, or a glob: over paths if it has a slash, else over the last part of them."""
    worktree: str | None = None
    branch: str | None = None
    agent: str | None = None
    model: str | None = None
    provider: str | None = None
    session: str | None = None
    task: str | None = None
    """With `~` before it, a kind of work: of calls for which nobody named a task."""
    request_class: str | None = None
    billing: str | None = None
    origin: str | None = None
    dearest: int = 0
    """So many calls, the dearest first, in place of sums; 0 is none."""


def answer(conn: sqlite3.Connection, question: Question, now_us: int) -> dict[str, Any]:
    """The report that is the answer. Raises `UsageError` for what makes no sense, and `LedgerError`."""
    zone = zone_of(question.timezone)
    span = _span(question, now_us, zone)
    if question.dearest > 0:
        from tokenguard.reports.dearest import dearest_calls

        with snapshot(conn):
            return dearest_calls(conn, where_of(question), *span, zone, question.dearest)
    return report(conn, question.by.split(","), *span, where_of(question), zone)


def _span(question: Question, now_us: int, zone: tzinfo) -> tuple[int, int | None]:
    since_us = parse_instant(question.since, now_us, zone)
    until_us = None if question.until is None else parse_instant(question.until, now_us, zone)
    if until_us is not None and until_us <= since_us:
        raise UsageError(f"until {question.until} is not after since {question.since}", "swap them")
    return since_us, until_us


def where_of(question: Question) -> Where:
    """Which calls it asks for."""
    globs = {name: getattr(question, name) for name in _GLOBS if getattr(question, name) is not None}
    if globs.get("task", "").startswith(INFERRED):
        globs["inferred_task"] = globs.pop("task").removeprefix(INFERRED)
    repo = question.repo
    if repo is None:
        return Where(match=tuple(globs.items()))
    if repo.startswith("/"):
        return Where(match=tuple(globs.items()), repo=repo)
    return Where(match=(*globs.items(), ("repo", repo if "/" in repo else f"*/{repo}")))
