"""`GET /v1/advice`: what `tokenguard advise` says, for the dashboard."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from tokenguard.ledger import queries
from tokenguard.prices import Catalogue
from tokenguard.reports.advice import question


def advice(ledger: Path, catalogue: Catalogue, query: dict[str, str]) -> dict[str, Any]:
    """The advice that a query asks for. Blocks for as long as the ledger takes; raises as `report` does."""
    asked = msgspec.convert(query, question.Question)
    with closing(queries.connect_readonly(ledger)) as conn:
        return question.answer(conn, catalogue, asked, time.time_ns() // 1_000)
