"""Reports for other programs: CSV and JSON."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from msgspec import json

from tokenguard.records import Usage
from tokenguard.reports.columns import digits, each
from tokenguard.reports.rows import Rows

_BUCKETS = Usage.__struct_fields__
_MONEY = ("cost_nanos", "cost_usd", "notional_nanos", "token_share", "spend_share", "confidence", "unpriced")
_SUMS = (*_MONEY, "list_share", "hit_rate", "saved_nanos", "notional_saved_nanos")
_COMMIT = ("subject", "committed_at")
_LENGTH = ("sessions", "turns")
_GROWTH = ("first_nanos", "last_nanos", "per_turn_nanos", "first_prompt", "last_prompt")
_PLACE = ("id", "started_at", "session", "agent", "provider", "model", "repo", "branch", "task", "request_class")
_PLAIN = re.compile(r"[\w/:+~.-]+")
"""Labels that are told as they are, as most are."""
_CLOSING = b"\n  ]"
_CALL = (*_PLACE, "billing", "origin", "outcome", "turn")


def plain(report: dict[str, Any]) -> dict[str, Any]:
    """The report as msgspec encodes it."""
    rows = report.get("rows")
    return {**report, "rows": rows.structs()} if isinstance(rows, Rows) else report


def as_json(report: dict[str, Any]) -> Iterator[bytes]:
    """The report as a document for people, too, in pieces."""
    rows = report.get("rows")
    if not isinstance(rows, Rows) or not rows:
        yield _indented(plain(report))
        return
    before, after = _indented({**report, "rows": []}).split(b'"rows": []')
    yield before + b'"rows": ['
    between = b""
    for part in rows.parts():
        # As deep in a document as they are in that of the report.
        document = _indented({"rows": part.structs()})
        yield between + document[document.index(b"[") + 1 : document.rindex(_CLOSING)]
        between = b","
    yield _CLOSING + after


def as_csv(report: dict[str, Any]) -> Iterator[str]:
    """The rows of the report, without their total, so that columns can be summed; of the dearest calls, the calls."""
    if "rows" not in report:
        for cells in _calls(report["calls"]):
            yield ",".join(_quoted(None if cell is None else str(cell)) for cell in cells) + "\n"
        return
    rows: Rows = report["rows"]
    yield ",".join(name for name, _ in _cells(report["by"], rows.at([]))) + "\n"
    for part in rows.parts():
        lines = map(",".join, zip(*(cells for _, cells in _cells(report["by"], part)), strict=True))
        yield "\n".join([*lines, ""])


def _cells(by: list[str], rows: Rows) -> Iterator[tuple[str, Sequence[str]]]:
    """The columns, each with its name. Only labels and subjects can hold what has to be quoted."""
    columns = rows.columns
    for name in by:
        yield name, each(_quoted, columns[name])
    for name, numbers in {"calls": columns["calls"], **rows.usage}.items():
        yield name, digits(numbers)
    for name in _SUMS:
        yield name, _usd(columns["cost_nanos"]) if name == "cost_usd" else _SHOWN.get(name, digits)(columns[name])
    if "commit" in by:
        for name in _COMMIT:
            yield name, each(_quoted, columns[name])
    if by == ["length"]:
        for name in _LENGTH:
            yield name, digits(columns[name])
        grown: Sequence[dict[str, int] | None] = columns["growth"]
        for name in _GROWTH:
            yield f"growth_{name}", [str(growth[name]) if growth else "" for growth in grown]


def _shown(value: float | None) -> str:
    return "" if value is None else str(value)


def _rates(column: Sequence[float | None]) -> list[str]:
    # Most are different. From a ten-thousandth on, `digits` writes them as `str` does.
    told = zip(column, digits(column), strict=True)
    return [text if rate and rate >= 0.0001 else _shown(rate) for rate, text in told]


_SHOWN: dict[str, Callable[[Sequence[Any]], Sequence[str]]] = {
    **dict.fromkeys(("token_share", "spend_share", "list_share"), partial(each, _shown)),
    "hit_rate": _rates,
    "confidence": list,
}
"""How columns are shown that are not whole numbers."""


_QUOTED_ENDS = "\r\n"
"""Python quotes the ends of lines that it is told of, and no others."""


def _quoted(value: str | None) -> str:
    if value is not None and _PLAIN.fullmatch(value):
        return value
    text = io.StringIO()
    # The field behind it keeps one that is empty from being quoted, as one that is alone in its line is.
    csv.writer(text, lineterminator=_QUOTED_ENDS).writerow((value, None))
    return text.getvalue()[: -len(f",{_QUOTED_ENDS}")]


def _calls(calls: list[dict[str, Any]]) -> Iterator[list[object]]:
    yield [*_CALL, *_BUCKETS, "list_nanos", "list_usd", "confidence", "why"]
    for call in calls:
        usage = [call["usage"][bucket] for bucket in _BUCKETS]
        why = "; ".join(one["text"] for one in call["why"])
        numbers = [call["list_nanos"], *_usd([call["list_nanos"]]), call["confidence"]]
        yield [*(call[name] for name in _CALL), *usage, *numbers, why]


def _usd(nanos: Sequence[int]) -> list[str]:
    return [f"{one[:-9]}.{one[-9:]}" for one in (text.zfill(10) for text in digits(nanos))]


def _indented(document: object) -> bytes:
    return json.format(json.encode(document), indent=2)
