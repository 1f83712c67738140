"""Rows by column are what they would be one by one, of the calls themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import json, to_builtins

from tests.ledger.support import SECOND_US, Entry, entries, in_memory, write
from tests.reports.made import made
from tokenguard.ledger import Where
from tokenguard.ledger.found import Found
from tokenguard.records import Totals, Usage
from tokenguard.reports import report
from tokenguard.reports.columns import share
from tokenguard.reports.export import plain
from tokenguard.reports.rows import rows_of

KEYS = ("hour", "day", "repo", "branch", "agent", "provider", "model", "billing", "request-class", "session", "task")
_TIMES = {"hour": "%Y-%m-%dT%H:00+00:00", "day": "%Y-%m-%d"}


def labels(entry: Entry, model: str) -> dict[str, str | None]:
    """What one call is called by each key."""
    call = entry.call
    at = datetime.fromtimestamp(call.started_us // SECOND_US, UTC)
    return {
        **{key: at.strftime(shown) for key, shown in _TIMES.items()},
        **{key: getattr(call, key) for key in ("repo", "branch", "agent", "provider", "session")},
        "billing": entry.billing,
        "request-class": call.request_class,
        "model": model,
        "task": call.task or (f"~{call.task_type}" if call.task_type else None),
    }


def reference(written: Sequence[Entry], by: Sequence[str]) -> list[dict[str, Any]]:
    """The rows, one by one."""
    found: dict[tuple[str | None, ...], Totals] = {}
    charged = [entry for entry in written if entry.charged]
    for entry in charged:
        parts = entry.totals_by_model() if "model" in by else {"": entry.totals()}
        for model, totals in parts.items():
            named = labels(entry, model)
            key = tuple(named[name] for name in by)
            found[key] = found.get(key, Totals()) + totals
    whole = sum((entry.totals() for entry in charged), Totals())

    def place(key: tuple[str | None, ...]) -> Iterator[tuple[int, int, str]]:
        for at, name in enumerate(by):
            label = key[at] or ""
            if name in _TIMES:
                yield 0, 0, label
            else:
                held = sum((one for other, one in found.items() if other[: at + 1] == key[: at + 1]), Totals())
                yield -held.cost_nanos, -held.notional_nanos, label

    return [row(dict(zip(by, key, strict=True)), found[key], whole) for key in sorted(found, key=lambda k: [*place(k)])]


def row(named: dict[str, str | None], sums: Totals, whole: Totals) -> dict[str, Any]:
    tokens = share(sums.usage.total, whole.usage.total)
    listed = share(sums.cost_nanos + sums.notional_nanos, whole.cost_nanos + whole.notional_nanos)
    return {
        **named,
        **({"task_inferred": (named["task"] or "").startswith("~")} if "task" in named else {}),
        "calls": sums.calls,
        "usage": to_builtins(sums.usage),
        "cost_nanos": sums.cost_nanos,
        "cost_low_nanos": sums.cost_nanos - sums.below_nanos,
        "cost_high_nanos": sums.cost_nanos + sums.above_nanos,
        "notional_nanos": sums.notional_nanos,
        "confidence": sums.confidence.value,
        "unpriced": sums.unpriced,
        "hit_rate": round(sums.usage.cache_read / sums.usage.prompt, 6) if sums.usage.prompt else None,
        "saved_nanos": sums.saved_nanos,
        "notional_saved_nanos": sums.notional_saved_nanos,
        "token_share": tokens,
        "spend_share": share(sums.cost_nanos, whole.cost_nanos),
        "list_share": listed,
        "stands_out": listed >= 0.1 and listed >= 1.5 * tokens,
    }


@settings(deadline=None, max_examples=150)
@given(entries(), st.lists(st.sampled_from(KEYS), unique=True, min_size=1, max_size=3))
def test_rows_are_those_of_the_calls_one_by_one(written: list[Entry], by: list[str]) -> None:
    with closing(in_memory()) as conn:
        write(conn, written)
        answer = report(conn, by, None, None, Where(), UTC)
    expected = reference(written, by)
    assert list(answer["rows"]) == expected
    assert [list(row) for row in answer["rows"]] == [list(row) for row in expected], "in the order of the interface"
    assert json.decode(json.encode(plain(answer)))["rows"] == expected


@given(st.integers(0, 10**13), st.integers(1, 10**13))
@example(1, 128)
@example(5, 10**7)
@example(15, 10**7)
@example(2_500_001, 5_000_000_000_000)
def test_shares_and_hit_rates_are_rounded_as_python_rounds(part: int, rest: int) -> None:
    whole = part + rest
    numbers = Found.of_rows(["cost_nanos", "input", "cache_read"], [(part, rest, part)])
    (found,) = rows_of({}, numbers, Totals(cost_nanos=whole, usage=Usage(whole)))
    rounded = round(part / whole, 6)
    assert (found["spend_share"], found["hit_rate"]) == (rounded, rounded)


def test_rows_at_places_are_those_rows() -> None:
    every = [{"model": name, "calls": calls, "usage": to_builtins(Usage(calls))} for calls, name in enumerate("abc", 1)]
    rows = made(every)
    assert list(rows.at([2, 0])) == [every[2], every[0]]
    assert rows[1] == every[1]
    assert not rows.at([])


@pytest.mark.parametrize("count", [0, 1, 1000, 2001])
def test_parts_are_all_rows_in_their_order(count: int) -> None:
    rows = made([{"calls": number, "usage": to_builtins(Usage(number))} for number in range(count)])
    parts = list(rows.parts())
    assert [row for part in parts for row in part] == list(rows)
    assert max(map(len, parts), default=0) <= 1000


def test_a_part_of_the_rows_says_what_all_of_them_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenguard.reports.rows._PART", 1)
    found = Found.of_rows(("calls", "cost_nanos", "notional_nanos"), [(1, 60, 0), (1, 0, 40)])
    rows = rows_of({"agent": ["a", "b"]}, found, Totals(2, 60, notional_nanos=40))
    parts = list(rows.parts())
    assert rows.columns["list_share"] == [0.6, 0.4]
    for name, column in rows.columns.items():
        assert [part.columns[name][0] for part in parts] == list(column), name
