from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ledger.support import SECOND_US, START_US, Entry, call, entries, in_memory, settlement, write
from tokenguard.errors import UsageError
from tokenguard.ledger import Where, writes
from tokenguard.records import Amount, Call, Charge, Confidence, Leg, Usage, Verdict
from tokenguard.reports import KEYS, report

ZONES = [UTC, *map(ZoneInfo, ("Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"))]
HOUR_US = 3_600 * SECOND_US
FIRST_DAY_US = START_US - 10 * HOUR_US
"""2025-11-21 00:00 UTC."""


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(in_memory()) as opened:
        yield opened


def settle(conn: sqlite3.Connection, of: Call, nanos: int = 1_000, *legs: tuple[str, int, int]) -> None:
    """Settle a call; each of `legs` is (model, input tokens, nanodollars) and replaces the one of 12 tokens."""
    whole = settlement(of, nanos)
    if legs:
        made = tuple(Leg(model, Usage(tokens)) for model, tokens, _ in legs)
        costs = tuple(cost for *_, cost in legs)
        usage = sum((leg.usage for leg in made), Usage())
        whole = replace(whole, charge=Charge(sum(costs), leg_nanos=costs), legs=made, usage=usage)
    writes.settle(conn, whole)


def test_what_is_notional_is_no_cost_but_orders_what_costs_the_same(conn: sqlite3.Connection) -> None:
    for number, (model, billing) in enumerate(
        [("haiku", "subscription"), ("opus", "subscription"), ("gpt", "credits"), ("local", "local")], 1
    ):
        settle(conn, replace(call(number, model=model), billing=billing), number * 100)
    found = report(conn, ["model"], None, None, Where(), UTC)
    assert [(row["model"], row["cost_nanos"], row["notional_nanos"]) for row in found["rows"]] == [
        ("gpt", 300, 0),
        ("local", 0, 400),
        ("opus", 0, 200),
        ("haiku", 0, 100),
    ]
    assert [row["spend_share"] for row in found["rows"]] == [1, 0, 0, 0]
    assert (found["total"]["cost_nanos"], found["total"]["notional_nanos"]) == (300, 700)
    assert rows(conn, "billing") == [("credits", 1, 300), ("local", 1, 0), ("subscription", 2, 0)]


def rows(conn: sqlite3.Connection, *by: str, zone: str = "UTC", where: Where | None = None) -> list[tuple[Any, ...]]:
    """(labels..., calls, nanodollars) of each row."""
    found = report(conn, by, None, None, where or Where(), ZoneInfo(zone))
    return [(*(row[key] for key in by), row["calls"], row["cost_nanos"]) for row in found["rows"]]


def test_the_answer_has_the_shape_of_the_interface(conn: sqlite3.Connection) -> None:
    settle(conn, call(1, model="opus"), 0, ("opus", 20, 700))
    settle(conn, call(2, model="haiku"), 0, ("haiku", 80, 300))

    usage = {"input": 0, "cache_read": 0, "cache_write_5m": 0, "cache_write_1h": 0, "output": 0, "reasoning": 0}
    uncached = {"hit_rate": 0.0, "saved_nanos": 0, "notional_saved_nanos": 0}
    found = report(conn, ["model"], START_US, None, Where(), ZoneInfo("Europe/Berlin"))
    apart = found.pop("apart")
    assert apart["measured"] == found["total"]
    assert apart["estimated"]["calls"] == apart["logged"]["calls"] == 0
    assert {**found, "rows": list(found["rows"])} == {
        "by": ["model"],
        "since": "2025-11-21T11:00:00+01:00",
        "until": None,
        "rows": [
            {
                "model": "opus",
                "calls": 1,
                "usage": {**usage, "input": 20},
                "cost_nanos": 700,
                "cost_low_nanos": 700,
                "cost_high_nanos": 700,
                "notional_nanos": 0,
                "confidence": "exact",
                "unpriced": 0,
                **uncached,
                "token_share": 0.2,
                "spend_share": 0.7,
                "list_share": 0.7,
                "stands_out": True,
            },
            {
                "model": "haiku",
                "calls": 1,
                "usage": {**usage, "input": 80},
                "cost_nanos": 300,
                "cost_low_nanos": 300,
                "cost_high_nanos": 300,
                "notional_nanos": 0,
                "confidence": "exact",
                "unpriced": 0,
                **uncached,
                "token_share": 0.8,
                "spend_share": 0.3,
                "list_share": 0.3,
                "stands_out": False,
            },
        ],
        "total": {
            "calls": 2,
            "usage": {**usage, "input": 100},
            "cost_nanos": 1000,
            "cost_low_nanos": 1000,
            "cost_high_nanos": 1000,
            "notional_nanos": 0,
            "confidence": "exact",
            "unpriced": 0,
            **uncached,
        },
    }


def test_a_call_counts_under_each_model_it_used_and_once_in_the_total(conn: sqlite3.Connection) -> None:
    settle(conn, call(1, model="opus"), 0, ("opus", 20, 700), ("haiku", 5, 10), ("opus", 1, 3))

    assert rows(conn, "model") == [("opus", 1, 703), ("haiku", 1, 10)]
    assert report(conn, ["model"], None, None, Where(), UTC)["total"]["calls"] == 1


def test_a_call_without_legs_counts_under_the_model_it_asked_for(conn: sqlite3.Connection) -> None:
    writes.reserve(conn, call(1, model="opus"), Amount(900, 70, 1), None)
    assert writes.presume(conn, START_US + 9 * SECOND_US, 2) == [1]

    assert rows(conn, "model") == [("opus", 1, 900)]
    row = report(conn, ["model"], None, None, Where(), UTC)["rows"][0]
    assert (row["confidence"], row["cost_low_nanos"], row["cost_high_nanos"]) == ("bound", 0, 900)


def test_a_cost_that_is_not_exact_comes_with_its_interval(conn: sqlite3.Connection) -> None:
    settle(conn, call(1), 1_000)
    whole = settlement(call(2))
    charge = Charge(500, Confidence.ESTIMATED, leg_nanos=(500,), low_nanos=200, high_nanos=4_000)
    writes.settle(conn, replace(whole, charge=charge))
    for by in ("agent", "model"):
        total = report(conn, [by], None, None, Where(), UTC)
        for sums in (total["total"], total["rows"][0]):
            assert (sums["cost_low_nanos"], sums["cost_nanos"], sums["cost_high_nanos"]) == (1_200, 1_500, 5_000)


def test_open_and_refused_calls_are_in_no_report(conn: sqlite3.Connection) -> None:
    writes.reserve(conn, call(1), Amount(900, 70, 1), None)
    writes.refuse(conn, call(2), Verdict("refuse", "web/day", "used up"))
    answer = report(conn, ["day"], None, None, Where(), UTC)
    assert (list(answer["rows"]), answer["total"]["calls"]) == ([], 0)


def test_days_are_those_of_the_zone(conn: sqlite3.Connection) -> None:
    for number, hours in enumerate((22, 23, 24), 1):
        settle(conn, call(number, started_us=FIRST_DAY_US + hours * HOUR_US))

    assert rows(conn, "day") == [("2025-11-21", 2, 2_000), ("2025-11-22", 1, 1_000)]
    assert rows(conn, "day", zone="Europe/Berlin") == [("2025-11-21", 1, 1_000), ("2025-11-22", 2, 2_000)]


def test_every_time_key_has_its_label(conn: sqlite3.Connection) -> None:
    settle(conn, call(1, started_us=int(datetime(2026, 1, 1, 12, 30, tzinfo=UTC).timestamp()) * SECOND_US))

    assert rows(conn, "hour", zone="Asia/Kathmandu") == [("2026-01-01T18:00+05:45", 1, 1_000)]
    assert rows(conn, "day") == [("2026-01-01", 1, 1_000)]
    assert rows(conn, "week") == [("2026-W01", 1, 1_000)]
    assert rows(conn, "month") == [("2026-01", 1, 1_000)]


def test_the_hour_that_daylight_saving_repeats_is_two_rows_in_order(conn: sqlite3.Connection) -> None:
    first = int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()) * SECOND_US
    for number in range(3):
        settle(conn, call(number + 1, started_us=first + number * HOUR_US))

    assert [row[0] for row in rows(conn, "hour", zone="Europe/Berlin")] == [
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T03:00+01:00",
    ]
    assert rows(conn, "day", zone="Europe/Berlin") == [("2026-10-25", 3, 3_000)]


def test_a_half_hour_that_is_repeated_keeps_its_offset(conn: sqlite3.Connection) -> None:
    before = int(datetime(2026, 4, 4, 14, 40, tzinfo=UTC).timestamp()) * SECOND_US
    for number in range(3):
        settle(conn, call(number + 1, started_us=before + number * HOUR_US // 2))

    assert rows(conn, "hour", zone="Australia/Lord_Howe") == [
        ("2026-04-05T01:00+11:00", 1, 1_000),
        ("2026-04-05T01:00+10:30", 1, 1_000),
        ("2026-04-05T02:00+10:30", 1, 1_000),
    ]


def test_a_week_that_spans_months_is_a_row_in_each(conn: sqlite3.Connection) -> None:
    for number, day in enumerate((29, 30, 31), 1):
        settle(conn, call(number, started_us=int(datetime(2026, 5, day, tzinfo=UTC).timestamp()) * SECOND_US))
    settle(conn, call(9, started_us=int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * SECOND_US))
    settle(conn, call(10, started_us=int(datetime(2026, 7, 1, tzinfo=UTC).timestamp()) * SECOND_US))
    settle(conn, call(11, started_us=int(datetime(2026, 6, 30, tzinfo=UTC).timestamp()) * SECOND_US))

    assert [row[:3] for row in rows(conn, "month", "week")] == [
        ("2026-05", "2026-W22", 3),
        ("2026-06", "2026-W23", 1),
        ("2026-06", "2026-W27", 1),
        ("2026-07", "2026-W27", 1),
    ]


def test_rows_keep_together_by_their_first_key_the_dearest_first(conn: sqlite3.Connection) -> None:
    for number, (session, model, nanos) in enumerate(
        [("a", "x", 30), ("b", "x", 50), ("a", "y", 40), ("c", "x", 60), ("b", "y", 1)], 1
    ):
        settle(conn, call(number, session=session), 0, (model, 1, nanos))

    assert [row[:2] for row in rows(conn, "session", "model")] == [
        ("a", "y"),
        ("a", "x"),
        ("c", "x"),
        ("b", "x"),
        ("b", "y"),
    ]


def test_a_time_as_second_key_ascends_within_the_first(conn: sqlite3.Connection) -> None:
    for number, (model, day) in enumerate([("x", 0), ("y", 1), ("x", 2), ("y", 2)], 1):
        settle(conn, call(number, started_us=FIRST_DAY_US + day * 24 * HOUR_US), 0, (model, 1, 100 - 10 * number))

    assert [row[:2] for row in rows(conn, "model", "day")] == [
        ("x", "2025-11-21"),
        ("x", "2025-11-23"),
        ("y", "2025-11-22"),
        ("y", "2025-11-23"),
    ]


def test_only_what_is_asked_for_is_counted(conn: sqlite3.Connection) -> None:
    settle(conn, call(1, session="a"))
    settle(conn, call(2, session="b"))
    settle(conn, call(90_000, session="a"))

    assert rows(conn, "day", where=Where(session="a")) == [("2025-11-21", 1, 1_000), ("2025-11-22", 1, 1_000)]
    answer = report(conn, ["session"], START_US, START_US + 9 * SECOND_US, Where(), UTC)
    assert [row["session"] for row in answer["rows"]] == ["a", "b"]


@pytest.mark.parametrize("by", [["colour"], ["model", "conversation"], ["Model"], []])
def test_another_key_is_refused_with_those_that_are_known(conn: sqlite3.Connection, by: list[str]) -> None:
    with pytest.raises(UsageError, match="use hour, day, week, month, block, session, .*request-class"):
        report(conn, by, None, None, Where(), UTC)


@settings(deadline=None)
@given(
    entries(),
    st.lists(st.sampled_from(KEYS), unique=True, min_size=1, max_size=3),
    st.sampled_from(ZONES),
    st.booleans(),
)
def test_whatever_the_keys_the_rows_add_up_to_the_total(
    written: list[Entry], by: list[str], zone: ZoneInfo, ends: bool
) -> None:
    until_us = START_US + 200 * 24 * HOUR_US if ends else None
    with closing(in_memory()) as conn:
        write(conn, written)
        answer = report(conn, by, None, until_us, Where(), zone)
    charged = [e for e in written if e.charged and (until_us is None or e.call.started_us < until_us)]
    found, total = answer["rows"], answer["total"]

    assert total["calls"] == len(charged)
    assert total["cost_nanos"] == sum(e.totals().cost_nanos for e in charged) == sum(r["cost_nanos"] for r in found)
    for bucket, tokens in total["usage"].items():
        assert tokens == sum(row["usage"][bucket] for row in found)
    if "model" in by:
        assert sum(row["calls"] for row in found) == sum(len(e.totals_by_model()) for e in charged)
    else:
        assert sum(row["calls"] for row in found) == len(charged)
        assert sum(row["unpriced"] for row in found) == total["unpriced"]
    labels = [tuple(row[key] for key in by) for row in found]
    assert len(set(labels)) == len(labels), "no two rows are about the same"
    if total["cost_nanos"]:
        assert sum(row["spend_share"] for row in found) == pytest.approx(1, abs=0.001)
    worst = [Confidence(row["confidence"]) for row in found]
    assert Confidence(total["confidence"]) is max(worst, key=list(Confidence).index, default=Confidence.EXACT)


@settings(deadline=None)
@given(entries(), st.sampled_from(["hour", "day", "week", "month"]), st.sampled_from(ZONES))
def test_every_call_is_in_the_row_of_its_local_time(written: list[Entry], key: str, zone: ZoneInfo) -> None:
    formats = {"hour": "%Y-%m-%dT%H:00", "day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
    expected: dict[str, int] = {}
    for entry in written:
        if entry.charged:
            local = datetime.fromtimestamp(entry.call.started_us // SECOND_US, zone)
            offset = local.isoformat()[-6:] if key == "hour" else ""
            label = local.strftime(formats[key]) + offset
            expected[label] = expected.get(label, 0) + 1
    with closing(in_memory()) as conn:
        write(conn, written)
        found = report(conn, [key], None, None, Where(), zone)["rows"]
    assert {row[key]: row["calls"] for row in found} == expected
    assert [row[key] for row in found] == sorted(expected, key=datetime.fromisoformat if key == "hour" else None)
