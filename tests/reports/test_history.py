from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ledger.support import START_US, Entry, call, entries, in_memory, settlement, write
from tokenguard.ledger import Where, writes
from tokenguard.ledger.queries import totals
from tokenguard.policy.windows import window_at
from tokenguard.reports.history import Asked, history

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
NOON_US = START_US + 2 * HOUR_US
"""Friday, 2025-11-21 12:00 UTC."""


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(in_memory()) as opened:
        yield opened


def spend(conn: sqlite3.Connection, *calls: tuple[float, str, int], billing: str = "metered") -> None:
    """Settle calls: (hours after noon, model, nanodollars)."""
    number: int = conn.execute("SELECT count(*) FROM calls").fetchone()[0]
    for hours, model, nanos in calls:
        number += 1
        made = call(number, model=model, started_us=round(NOON_US + hours * HOUR_US))
        writes.settle(conn, settlement(replace(made, billing=billing), nanos))


def asked(conn: sqlite3.Connection, zone: str = "UTC", **of: Any) -> dict[str, Any]:
    return history(conn, Asked(**of), NOON_US, ZoneInfo(zone))


def test_a_day_is_cut_into_hours(conn: sqlite3.Connection) -> None:
    spend(conn, (-12.1, "opus", 1), (-12, "opus", 2), (-1, "haiku", 9), (-0.9, "opus", 5))
    found = asked(conn)
    assert (found["since"], found["until"]) == ("2025-11-21T00:00:00+00:00", "2025-11-22T00:00:00+00:00")
    assert len(found["slots"]) == 24 and found["slots"][11] == "2025-11-21T11:00:00+00:00"
    assert [one["name"] for one in found["series"]] == ["haiku", "opus"]
    opus = found["series"][1]
    assert (opus["values"][0], opus["values"][11], sum(opus["values"]), opus["total"]) == (2, 5, 7, 7)
    assert (found["measure"], found["total"], found["calls"]) == ("spend", 16, 3)


def test_weeks_and_months_are_cut_into_days_and_those_before_are_whole(conn: sqlite3.Connection) -> None:
    spend(conn, (-24, "opus", 4), (-24 * 7, "opus", 3))
    week = asked(conn, window="week")
    assert (len(week["slots"]), week["slots"][0][:10], week["series"][0]["values"]) == (
        7,
        "2025-11-17",
        [0, 0, 0, 4, 0, 0, 0],
    )
    before = asked(conn, window="week", back=1)
    assert (before["slots"][0][:10], before["total"], before["ahead"], before["course"]) == ("2025-11-10", 3, [], [])
    month = asked(conn, window="month", back=1)
    assert (len(month["slots"]), month["since"][:10]) == (31, "2025-10-01")


def test_days_have_as_many_hours_as_the_clocks_make(conn: sqlite3.Connection) -> None:
    autumn = 1_761_436_800_000_000  # 2025-10-26 00:00 UTC
    found = history(conn, Asked(), autumn, ZoneInfo("Europe/Berlin"))
    assert (len(found["slots"]), [slot[11:13] for slot in found["slots"][2:4]]) == (25, ["02", "02"])


def test_dollars_that_nobody_pays_are_shown_where_there_are_no_others(conn: sqlite3.Connection) -> None:
    spend(conn, (-1, "opus", 7), billing="subscription")
    assert (asked(conn)["measure"], asked(conn)["total"]) == ("list", 7)
    assert asked(conn, measure="spend")["total"] == 0
    assert asked(conn, measure="tokens")["total"] == 12
    spend(conn, (-1, "opus", 2))
    assert (asked(conn)["measure"], asked(conn)["total"], asked(conn)["notional"]) == ("spend", 2, 7)
    assert sum(map(sum, asked(conn, measure="list")["hours"])) == 9


def test_what_is_to_come_is_what_the_days_before_had(conn: sqlite3.Connection) -> None:
    for day in range(1, 5):
        spend(conn, (-24 * day + 2, "opus", 10), (-24 * day - 3, "opus", 4))
    spend(conn, (-3, "opus", 4))
    today = asked(conn)
    assert len(today["ahead"]) == len(today["course"]) == 12
    assert [one[0] for one in today["ahead"]] == [0, 0, 10, *[0] * 9]
    assert [one[0] for one in today["course"]] == [4, 4, *[14] * 10]
    week = asked(conn, window="week")
    assert [one[0] for one in week["ahead"]] == [10, 14, 14]


def test_of_what_little_is_known_nothing_is_said(conn: sqlite3.Connection) -> None:
    spend(conn, (-3, "opus", 4))
    month = asked(conn, window="month")
    assert set(month["ahead"]) == {None} and month["course"][-1] is None
    assert asked(conn)["course"][-1][0] > 4


def test_the_habit_of_hours_is_that_of_the_clock_on_the_wall(conn: sqlite3.Connection) -> None:
    spend(conn, (-1, "opus", 4), (-1 - 7 * 24, "opus", 5), (-29 * 24, "opus", 100))
    hours = asked(conn, "Europe/Berlin")["hours"]
    assert (hours[4][12], sum(map(sum, hours))) == (9, 9)


@settings(max_examples=40, deadline=None)
@given(entries(span_us=40 * DAY_US), st.integers(0, 40 * DAY_US), st.sampled_from(["day", "week", "month"]))
def test_slots_hold_what_the_window_holds(made: list[Entry], at: int, window: Any) -> None:
    with closing(in_memory()) as conn:
        write(conn, made)
        now_us = START_US + at
        # What starts later, by a clock that was ahead, is not in a slot of the past.
        made = [entry for entry in made if entry.call.started_us <= now_us]
        span = window_at(window, now_us, UTC)
        for by in ("model", "agent", "repo"):
            found = history(conn, Asked(window=window, by=by, measure="list"), now_us, UTC)
            until_us = min(span.end_us or 0, _end_of_slot(found, now_us))
            known = totals(conn, Where(), span.start_us, until_us)
            assert sum(one["total"] for one in found["series"]) == known.cost_nanos + known.notional_nanos
            assert all(sum(one["values"]) == one["total"] for one in found["series"])
            assert all(len(one["values"]) == len(found["slots"]) for one in found["series"])


def _end_of_slot(found: dict[str, Any], now_us: int) -> int:
    size = HOUR_US if found["window"] == "day" else DAY_US
    return (now_us // size + 1) * size
