"""Reports for other programs: CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from tokenguard.records import Usage
from tokenguard.reports.rows import Rows, each

_BUCKETS = Usage.__struct_fields__
_NANOS = 1_000_000_000
_MONEY = ("cost_nanos", "cost_usd", "notional_nanos", "token_share", "spend_share", "confidence", "unpriced")
_SUMS = (*_MONEY, "list_share", "hit_rate", "saved_nanos", "notional_saved_nanos")
_SHARES = ("token_share", "spend_share", "list_share")
_COMMIT = ("subject", "committed_at")
_LENGTH = ("sessions", "turns")
_GROWTH = ("first_nanos", "last_nanos", "per_turn_nanos", "first_prompt", "last_prompt")
_PLACE = ("id", "started_at", "session", "agent", "provider", "model", "repo", "branch", "task", "request_class")
_CALL = (*_PLACE, "billing", "origin", "outcome", "turn")


def plain(report: dict[str, Any]) -> dict[str, Any]:
    """The report as msgspec encodes it."""
    rows = report.get("rows")
    return {**report, "rows": rows.structs()} if isinstance(rows, Rows) else report


def as_csv(report: dict[str, Any]) -> str:
    """The rows of the report, without their total, so that columns can be summed; of the dearest calls, the calls."""
    if "rows" in report:
        return _rows(report["by"], report["rows"])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(_calls(report["calls"]))
    return text.getvalue()


def _rows(by: list[str], rows: Rows) -> str:
    """A line for each row, and before them the names. Only labels and subjects can hold what has to be quoted."""
    columns: dict[str, Sequence[Any]] = {
        **rows.columns,
        "cost_usd": list(map(_usd, rows.columns["cost_nanos"])),
        "hit_rate": list(map(_shown, rows.columns["hit_rate"])),
    }
    told: list[tuple[str, Sequence[object]]] = [(name, each(_quoted, columns[name])) for name in by]
    told += [("calls", columns["calls"]), *rows.usage.items()]
    told += [(name, each(str, columns[name]) if name in _SHARES else columns[name]) for name in _SUMS]
    if "commit" in by:
        told += [(name, each(_quoted, columns[name])) for name in _COMMIT]
    if by == ["length"]:
        told += [(name, columns[name]) for name in _LENGTH]
        grown: Sequence[dict[str, int] | None] = columns["growth"]
        told += [(f"growth_{name}", [growth[name] if growth else "" for growth in grown]) for name in _GROWTH]
    line = ",".join(["%s"] * len(told)) + "\n"
    lines = map(line.__mod__, zip(*(cells for _, cells in told), strict=True))
    return "".join([line % tuple(name for name, _ in told), *lines])


def _shown(value: object) -> str:
    return "" if value is None else str(value)


def _quoted(value: str | None) -> str:
    text = io.StringIO()
    # The field behind it keeps one that is empty from being quoted, as one that is alone in its line is.
    csv.writer(text, lineterminator="").writerow((value, None))
    return text.getvalue()[:-1]


def _calls(calls: list[dict[str, Any]]) -> Iterator[list[object]]:
    yield [*_CALL, *_BUCKETS, "list_nanos", "list_usd", "confidence", "why"]
    for call in calls:
        usage = [call["usage"][bucket] for bucket in _BUCKETS]
        why = "; ".join(one["text"] for one in call["why"])
        numbers = [call["list_nanos"], _usd(call["list_nanos"]), call["confidence"]]
        yield [*(call[name] for name in _CALL), *usage, *numbers, why]


def _usd(nanos: int) -> str:
    return f"{nanos // _NANOS}.{nanos % _NANOS:09d}"
