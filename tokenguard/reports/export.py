"""Reports for other programs: CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from msgspec import json

from tokenguard.records import Usage

_BUCKETS = Usage.__struct_fields__
_NANOS = 1_000_000_000
_MONEY = ("cost_nanos", "cost_usd", "notional_nanos", "token_share", "spend_share", "confidence", "unpriced")
_SUMS = (*_MONEY, "list_share", "hit_rate", "saved_nanos", "notional_saved_nanos")
_COMMIT = ("subject", "committed_at")
_GROWTH = ("first_nanos", "last_nanos", "per_turn_nanos", "first_prompt", "last_prompt")
_PLACE = ("id", "started_at", "session", "agent", "provider", "model", "repo", "branch", "task", "request_class")
_CALL = (*_PLACE, "billing", "origin", "outcome", "turn")


def as_json(report: dict[str, Any]) -> str:
    """The report as indented JSON, with a newline at its end."""
    return json.format(json.encode(report), indent=2).decode() + "\n"


def as_csv(report: dict[str, Any]) -> str:
    """The rows of the report, without their total, so that columns can be summed; of the dearest calls, the calls."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    for line in _calls(report["calls"]) if "calls" in report else _rows(report):
        lines.writerow(line)
    return text.getvalue()


def _rows(report: dict[str, Any]) -> Iterator[list[object]]:
    by = report["by"]
    beside = [*(_COMMIT if "commit" in by else ()), *(("sessions", "turns") if by == ["length"] else ())]
    growth = _GROWTH if by == ["length"] else ()
    yield [*by, "calls", *_BUCKETS, *_SUMS, *beside, *(f"growth_{name}" for name in growth)]
    for row in report["rows"]:
        usage = [row["usage"][bucket] for bucket in _BUCKETS]
        values = {**row, "cost_usd": _usd(row["cost_nanos"])}
        grown: dict[str, Any] = row.get("growth") or {}
        yield [
            *(row[key] for key in by),
            row["calls"],
            *usage,
            *(values[name] for name in (*_SUMS, *beside)),
            *(grown.get(name) for name in growth),
        ]


def _calls(calls: list[dict[str, Any]]) -> Iterator[list[object]]:
    yield [*_CALL, *_BUCKETS, "list_nanos", "list_usd", "confidence", "why"]
    for call in calls:
        usage = [call["usage"][bucket] for bucket in _BUCKETS]
        why = "; ".join(one["text"] for one in call["why"])
        numbers = [call["list_nanos"], _usd(call["list_nanos"]), call["confidence"]]
        yield [*(call[name] for name in _CALL), *usage, *numbers, why]


def _usd(nanos: int) -> str:
    return f"{nanos // _NANOS}.{nanos % _NANOS:09d}"
