"""`GET /v1/models` and `GET /v1/history`: what the dashboard draws of the past."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tokenguard.config.zones import local_zone
from tokenguard.ledger import queries
from tokenguard.prices import Catalogue
from tokenguard.reports import history as of_window
from tokenguard.reports.instants import parse_instant
from tokenguard.reports.models import models as of_models


class _Since(Struct, frozen=True, forbid_unknown_fields=True):
    since: str = "7d"
    """As for a report."""


def models(ledger: Path, catalogue: Catalogue, query: dict[str, str]) -> dict[str, Any]:
    """See `reports.models`. Blocks for as long as the ledger takes; raises as `report` does."""
    asked = msgspec.convert(query, _Since)
    now_us, zone = time.time_ns() // 1_000, local_zone()
    with closing(queries.connect_readonly(ledger)) as conn:
        return of_models(conn, catalogue, parse_instant(asked.since, now_us, zone), now_us, zone)


def history(ledger: Path, query: dict[str, str]) -> dict[str, Any]:
    """See `reports.history`. Blocks for as long as the ledger takes; raises as `report` does."""
    asked = msgspec.convert(query, of_window.Asked, strict=False)
    with closing(queries.connect_readonly(ledger)) as conn:
        return of_window.history(conn, asked, time.time_ns() // 1_000, local_zone())
