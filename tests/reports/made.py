"""Rows of a report as they are not made of a ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokenguard.ledger.found import Found
from tokenguard.records import Usage
from tokenguard.reports.rows import Rows


def made(rows: Sequence[dict[str, Any]]) -> Rows:
    """Of the objects that JSON has, all of which have the same names."""
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in (rows[0] if rows else ("calls",))}
    usages = columns.pop("usage", [])
    found = [tuple(usage.values()) for usage in usages]
    return Rows(columns, Found.of_rows(Usage.__struct_fields__, found), lambda _: {})
