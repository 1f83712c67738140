"""`GET /v1/report`: a question to the ledger, as the query of a URL."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from tokenguard.ledger import queries
from tokenguard.reports.export import plain
from tokenguard.reports.question import Question, answer


def report(ledger: Path, query: dict[str, str]) -> dict[str, Any]:
    """The report that a query asks for, as `tokenguard report --json` shows it.

    Blocks for as long as the ledger takes. Raises `UsageError`, `LedgerError`, or a `ValidationError` for what
    is not a query.
    """
    question = msgspec.convert(query, Question, strict=False)
    with closing(queries.connect_readonly(ledger)) as conn:
        return plain(answer(conn, question, time.time_ns() // 1000))
