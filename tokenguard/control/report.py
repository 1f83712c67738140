"""`GET /v1/report`: a question to the ledger, as the query of a URL."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from tokenguard import reports
from tokenguard.errors import UsageError
from tokenguard.ledger import Where, queries
from tokenguard.reports.instants import parse_instant, zone_of


class _Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    by: str = "model"
    since: str = "30d"
    until: str | None = None
    timezone: str | None = None
    repo: str | None = None
    branch: str | None = None
    agent: str | None = None
    model: str | None = None
    provider: str | None = None
    session: str | None = None
    task: str | None = None


_FILTERS = ("repo", "branch", "agent", "model", "provider", "session", "task")


def report(ledger: Path, query: dict[str, str]) -> dict[str, Any]:
    """The report that a query asks for, as `tokenguard report --json` shows it; filters are globs.

    Blocks for as long as the ledger takes. Raises `UsageError`, `LedgerError`, or a `ValidationError` for what
    is not a query.
    """
    asked = msgspec.convert(query, _Query)
    zone, now_us = zone_of(asked.timezone), time.time_ns() // 1000
    since_us = parse_instant(asked.since, now_us, zone)
    until_us = None if asked.until is None else parse_instant(asked.until, now_us, zone)
    if until_us is not None and until_us <= since_us:
        raise UsageError(f"until {asked.until} is not after since {asked.since}")
    globs = ((name, getattr(asked, name)) for name in _FILTERS)
    where = Where(match=tuple((name, glob) for name, glob in globs if glob is not None))
    with closing(queries.connect_readonly(ledger)) as conn:
        return reports.report(conn, asked.by.split(","), since_us, until_us, where, zone)
