"""The calls that cost most, and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ledger.support import START_US, Entry, call, entries, in_memory, settlement, write
from tokenguard.ledger import Where, dearest, writes
from tokenguard.records import Charge, Confidence, Context, Leg, Usage
from tokenguard.reports.dearest import dearest_calls
from tokenguard.reports.render_calls import calls_table

MINUTE_US = 60_000_000


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(in_memory()) as opened:
        yield opened


def settle(conn: sqlite3.Connection, minute: int, nanos: int, usage: Usage, *legs: Leg, **more: Any) -> None:
    number: int = conn.execute("SELECT count(*) FROM calls").fetchone()[0] + 1
    about = {name: more.pop(name) for name in ("outcome",) if name in more}
    confidence = more.pop("confidence", Confidence.EXACT)
    made = replace(call(number, started_us=START_US + minute * MINUTE_US), **more)
    charge = Charge(nanos, confidence, leg_nanos=(nanos, *[0] * (len(legs) - 1)))
    writes.settle(
        conn, replace(settlement(made), charge=charge, usage=usage, legs=legs or (Leg("opus", usage),), **about)
    )


def reasons(conn: sqlite3.Connection) -> list[list[str]]:
    """Why each call cost what it did, in the order in which they were made."""
    found = dearest_calls(conn, Where(), None, None, UTC, 100)["calls"]
    return [[one["reason"] for one in call["why"]] for call in sorted(found, key=lambda call: call["id"])]


def texts(conn: sqlite3.Connection) -> list[str]:
    (dearest_one, *_) = dearest_calls(conn, Where(), None, None, UTC, 1)["calls"]
    return [one["text"] for one in dearest_one["why"]]


def test_a_pause_that_outlived_the_cache(conn: sqlite3.Connection) -> None:
    settle(conn, 0, 5, Usage(200_000))
    settle(conn, 1, 1, Usage(100, 200_000))
    settle(conn, 13, 9, Usage(220_000, output=10))
    assert reasons(conn) == [["first-call"], ["context"], ["cache-expired"]]
    assert texts(conn) == ["220k tokens sent anew: the cache expired, 11 min after the call before"]


def test_a_cache_that_did_not_have_it_though_it_was_in_time(conn: sqlite3.Connection) -> None:
    settle(conn, 0, 1, Usage(100, 200_000))
    settle(conn, 2, 9, Usage(cache_write_5m=220_000))
    assert reasons(conn)[1] == ["cache-missed"]
    settle(conn, 3, 99, Usage(cache_write_1h=300_000, cache_read=220_000))
    assert texts(conn) == ["300k tokens that are new"]


def test_long_answers_and_long_thoughts(conn: sqlite3.Connection) -> None:
    settle(conn, 0, 1, Usage(100, output=32_000))
    settle(conn, 1, 9, Usage(100, output=32_000, reasoning=30_000))
    assert reasons(conn) == [["output"], ["reasoning"]]
    assert texts(conn) == ["30.0k tokens of reasoning in 32.0k of answer"]


def test_what_is_paid_besides_tokens(conn: sqlite3.Connection) -> None:
    fast = Context(speed="fast", tier="priority")
    searched = Leg("opus", Usage(10, output=1_000), context=fast, fees=(("web_search", 12),))
    settle(conn, 0, 9, Usage(20, output=1_000), searched, Leg("haiku", Usage(10)))
    assert texts(conn) == [
        "1.0k tokens of answer",
        "12 x web search",
        "fast mode",
        "service tier priority",
        "2 models: haiku, opus",
    ]


def test_what_was_not_seen_to_its_end(conn: sqlite3.Connection) -> None:
    settle(conn, 0, 9, Usage(), outcome="client-gone", confidence=Confidence.BOUND)
    assert texts(conn) == ["its bill was not seen (client-gone): what it costs at most, or likely"]


def test_a_turn_is_counted_in_its_own_conversation(conn: sqlite3.Connection) -> None:
    settle(conn, 0, 1, Usage(1), agent_session="a")
    settle(conn, 1, 1, Usage(1), agent_session="b")
    settle(conn, 2, 9, Usage(1), agent_session="a")
    assert dearest_calls(conn, Where(), None, None, UTC, 1)["calls"][0]["turn"] == 2


def test_each_call_is_a_line_and_below_it_why(conn: sqlite3.Connection) -> None:
    settle(conn, 0, 3_440_000_000, Usage(340_000), model="claude-opus-5-5", branch="feat/a-very-long-name-of-a-branch")
    shown = calls_table(dearest_calls(conn, Where(), None, None, UTC, 5), 80, lambda text, _: text)
    assert shown == [
        " WHEN               COST  TOKENS  TURN  MODEL     AGENT   REPO  BRANCH",
        " 2025-11-21 10:00  $3.44    340k     1  opus-5.5  claude  web   feat/a-ver…ranch",
        "   the first call of its conversation, with 340k tokens",
    ]
    assert calls_table({"calls": []}, 80, lambda text, _: text) == [" no calls in this time"]


@settings(deadline=None, max_examples=60)
@given(entries(), st.sampled_from([Where(), Where(repo="a"), Where(session="s1")]), st.booleans())
def test_they_are_the_dearest_however_they_are_looked_for(written: list[Entry], where: Where, by_cost: bool) -> None:
    with closing(in_memory()) as conn, pytest.MonkeyPatch.context() as patched:
        patched.setattr(dearest, "_RARE", 0 if by_cost else 1_000)
        write(conn, written)
        found = dearest.dearest(conn, where, None, None, 3)
    charged = [
        one
        for one in written
        if one.charged and where.repo in (None, one.call.repo) and where.session in (None, one.call.session)
    ]
    costs = sorted((one.totals().cost_nanos + one.totals().notional_nanos for one in charged), reverse=True)
    assert [one.cost_nanos for one in found] == [nanos for nanos in costs if nanos][:3]
