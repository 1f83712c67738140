from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ledger.support import (
    START_US,
    Entry,
    call,
    entries,
    in_memory,
    instants,
    labels_of,
    session,
    settlement,
    write,
)
from tokenguard.errors import LedgerError
from tokenguard.ledger import Where, queries, writes
from tokenguard.ledger.opening import open_for_writing
from tokenguard.ledger.rollups import HOUR_US
from tokenguard.records import Amount, Confidence, Totals

DAY_US = 86_400_000_000

WHERES: list[tuple[Where, Callable[[Entry], bool]]] = [
    (Where(), lambda entry: True),
    (Where(session="s1"), lambda entry: entry.call.session == "s1"),
    (Where(repo="a", branch="b-1"), lambda entry: (entry.call.repo, entry.call.branch) == ("a", "b-1")),
    (Where(agent="claude", provider="openai"), lambda e: (e.call.agent, e.call.provider) == ("claude", "openai")),
    (Where(model="opus", task="a"), lambda entry: (entry.call.model, entry.call.task) == ("opus", "a")),
    (Where(request_class="title"), lambda entry: entry.call.request_class == "title"),
    (Where(match=(("session", "s[12]"),)), lambda entry: entry.call.session in ("s1", "s2")),
    (Where(billing="credits"), lambda entry: entry.billing == "credits"),
    (Where(provider="openai", origin="measured"), lambda entry: entry.call.provider == "openai"),
    (Where(match=(("model", "*p*"),)), lambda entry: fnmatchcase(entry.call.model, "*p*")),
    (
        # SQLite writes the complement of a set with ^.
        Where(agent="codex", match=(("branch", "b-?"), ("repo", "[^a]*"))),
        lambda e: e.call.agent == "codex" and (e.call.branch or "")[:1] == "b" and (e.call.repo or "a")[:1] != "a",
    ),
]


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(in_memory()) as opened:
        yield opened


@settings(deadline=None)
@given(entries(), st.sampled_from(WHERES), instants(400 * DAY_US), instants(400 * DAY_US))
def test_sums_are_those_of_the_calls_in_the_span(
    written: list[Entry], chosen: tuple[Where, Callable[[Entry], bool]], since: int, until: int
) -> None:
    where, holds = chosen
    since_us, until_us = START_US + since, START_US + until
    with closing(in_memory()) as conn:
        write(conn, written)
        for span in ((None, None), (since_us, None), (None, until_us), (since_us, until_us)):
            low, high = span
            charged = [
                entry
                for entry in written
                if entry.charged
                and holds(entry)
                and (low is None or entry.call.started_us >= low)
                and (high is None or entry.call.started_us < high)
            ]
            assert queries.totals(conn, where, *span) == sum((entry.totals() for entry in charged), Totals())
            amounts = [entry.amount() for entry in charged]
            counted, notional = (sum((one[index] for one in amounts), Amount()) for index in (0, 1))
            assert queries.spent(conn, where, *span) == (counted, notional)
            first = min((e.call.started_us for e in charged), default=None)
            if where == Where():
                assert queries.first_charge(conn, *span) == first


@settings(deadline=None)
@given(
    entries(),
    st.lists(st.sampled_from(queries.GROUP_KEYS), unique=True, max_size=3),
    st.sampled_from(WHERES),
    st.one_of(st.none(), instants(400 * DAY_US)),
    st.one_of(st.none(), instants(400 * DAY_US)),
)
def test_groups_are_those_of_the_calls(
    written: list[Entry],
    keys: list[str],
    chosen: tuple[Where, Callable[[Entry], bool]],
    since: int | None,
    until: int | None,
) -> None:
    where, holds = chosen
    since_us, until_us = (None if at is None else START_US + at for at in (since, until))
    expected: dict[tuple[str | None, ...], Totals] = {}
    for entry in written:
        at = entry.call.started_us
        inside = (since_us is None or at >= since_us) and (until_us is None or at < until_us)
        if not entry.charged or not holds(entry) or not inside:
            continue
        for labels, sums in labels_of(entry, keys):
            expected[labels] = expected.get(labels, Totals()) + sums
    with closing(in_memory()) as conn:
        write(conn, written)
        assert {group.key: group.totals for group in queries.grouped(conn, keys, where, since_us, until_us)} == expected


@settings(deadline=None)
@given(
    entries(6 * HOUR_US),
    st.lists(st.sampled_from(["session", "sub-agent", "conversation", "billing"]), min_size=1, unique=True, max_size=2),
    st.sampled_from(WHERES),
)
def test_threads_are_told_by_the_hour_whatever_is_asked_of_their_calls(
    written: list[Entry], keys: list[str], chosen: tuple[Where, Callable[[Entry], bool]]
) -> None:
    where, holds = chosen
    begin = START_US // HOUR_US * HOUR_US
    slices = [(begin + at * HOUR_US, begin + (at + 1) * HOUR_US) for at in range(8)]
    expected: dict[tuple[int, tuple[str | None, ...]], Totals] = {}
    for entry in written:
        if entry.charged and holds(entry):
            [(labels, sums)] = labels_of(entry, keys)
            place = (entry.call.started_us - begin) // HOUR_US, labels
            if place[0] not in range(len(slices)):
                continue
            expected[place] = expected.get(place, Totals()) + sums
    with closing(in_memory()) as conn:
        write(conn, written)
        found = queries.grouped_in(conn, keys, where, slices)
        assert {(number, group.key): group.totals for number, group in found} == expected


@settings(deadline=None)
@given(
    entries(),
    st.lists(st.sampled_from(queries.GROUP_KEYS), unique=True, max_size=2),
    st.sampled_from(WHERES),
    st.lists(instants(400 * DAY_US), unique=True, min_size=2, max_size=5),
)
def test_groups_of_slices_are_those_of_each_slice(
    written: list[Entry], keys: list[str], chosen: tuple[Where, Callable[[Entry], bool]], cuts: list[int]
) -> None:
    where, _ = chosen
    ends = [START_US + cut for cut in sorted(cuts)]
    slices = list(pairwise(ends))
    with closing(in_memory()) as conn:
        write(conn, written)
        expected = {
            (number, group.key): group.totals
            for number, span in enumerate(slices)
            for group in queries.grouped(conn, keys, where, *span)
        }
        found = {(number, group.key): group.totals for number, group in queries.grouped_in(conn, keys, where, slices)}
    assert found == expected


@settings(deadline=None)
@given(entries())
def test_groups_by_model_cost_and_use_as_much_as_the_calls(written: list[Entry]) -> None:
    with closing(in_memory()) as conn:
        write(conn, written)
        total = queries.totals(conn)
        by_model = sum((group.totals for group in queries.grouped(conn, ["model"])), Totals())
    assert (by_model.cost_nanos, by_model.usage) == (total.cost_nanos, total.usage)
    assert (by_model.saved_nanos, by_model.notional_saved_nanos) == (total.saved_nanos, total.notional_saved_nanos)
    assert by_model.notional_nanos == total.notional_nanos
    assert by_model.confidence is total.confidence


@settings(deadline=None)
@given(entries(), st.sampled_from(WHERES), instants(400 * DAY_US), instants(400 * DAY_US))
def test_hours_with_charges_are_those_of_the_calls(
    written: list[Entry], chosen: tuple[Where, Callable[[Entry], bool]], since: int, until: int
) -> None:
    where, holds = chosen
    since_us, until_us = sorted((START_US + since, START_US + until))
    first, last = since_us // HOUR_US, -(-until_us // HOUR_US)
    begun = {entry.call.started_us // HOUR_US for entry in written if entry.charged and holds(entry)}
    with closing(in_memory()) as conn:
        write(conn, written)
        found = queries.hours(conn, where, since_us, until_us)
        ends = [entry.call.started_us for entry in written if entry.charged]
        assert queries.last_charge(conn, None, None) == max(ends, default=None)
    assert found == [hour * HOUR_US for hour in sorted(begun) if first <= hour < last]


@settings(deadline=None)
@given(entries(), st.sampled_from(WHERES), instants(400 * DAY_US))
def test_hours_are_those_of_the_calls(
    written: list[Entry], chosen: tuple[Where, Callable[[Entry], bool]], since: int
) -> None:
    where, holds = chosen
    first = (START_US + since) // HOUR_US * HOUR_US
    expected: dict[int, tuple[Amount, Amount]] = {}
    for entry in written:
        if entry.charged and holds(entry) and entry.call.started_us >= first:
            hour = entry.call.started_us // HOUR_US * HOUR_US
            amount, notional = expected.get(hour, (Amount(), Amount()))
            more, unbilled = entry.amount()
            expected[hour] = (amount + more, notional + unbilled)
    with closing(in_memory()) as conn:
        write(conn, written)
        found = queries.hourly(conn, where, first, START_US + 500 * DAY_US)
    assert found == [(hour, *expected[hour]) for hour in sorted(expected)]


@settings(deadline=None)
@given(entries(), st.sampled_from(WHERES), instants(400 * DAY_US), st.integers(0, 15))
def test_what_leaves_a_span_first_is_what_came_first(
    written: list[Entry], chosen: tuple[Where, Callable[[Entry], bool]], since: int, limit: int
) -> None:
    where, holds = chosen
    since_us, until_us = START_US + since, START_US + 400 * DAY_US
    inside = [e for e in written if e.charged and holds(e) and since_us <= e.call.started_us < until_us]
    inside.sort(key=lambda entry: (entry.call.started_us, entry.call.id))
    with closing(in_memory()) as conn:
        write(conn, written)
        found = queries.leaving(conn, where, since_us, until_us, limit)
        assert queries.latest_start(conn) == max(entry.call.started_us for entry in written)
    assert found == [(entry.call.started_us, entry.amount()[0], entry.billing) for entry in inside[:limit]]


@settings(deadline=None)
@given(entries())
def test_a_call_is_open_or_charged(written: list[Entry]) -> None:
    with closing(in_memory()) as conn:
        write(conn, written)
        expected = [(entry.call, entry.reserved) for entry in written if entry.state == "open"]
        assert queries.open_reservations(conn) == expected
        assert queries.open_reservations(conn, before_id=5) == [pair for pair in expected if pair[0].id < 5]
        every = range(len(written) + 3)
        assert queries.charged(conn, every) == {entry.call.id for entry in written if entry.charged}
        assert queries.charged(conn, []) == set()


def test_a_call_that_starts_at_the_end_of_a_span_is_in_the_next(conn: sqlite3.Connection) -> None:
    writes.settle(conn, settlement(call(1, started_us=START_US)))
    assert queries.spent(conn, since_us=START_US, until_us=START_US + 1)[0].calls == 1
    assert queries.spent(conn, since_us=START_US - 1, until_us=START_US)[0].calls == 0


def test_a_name_is_data_and_never_sql_or_a_pattern(conn: sqlite3.Connection) -> None:
    for number, model in enumerate(["a' OR '1'='1", "*", "opus"], 1):
        writes.settle(conn, settlement(call(number, model=model)))
    assert queries.spent(conn, Where(model="a' OR '1'='1"))[0].calls == 1
    assert queries.spent(conn, Where(model="*"))[0].calls == 1
    assert queries.spent(conn, Where(match=(("model", "*"),)))[0].calls == 3
    with pytest.raises(ValueError, match="is not a field of calls; use one of session, repo"):
        queries.spent(conn, Where(match=(("1 = 1 OR model", "*"),)))


def test_a_snapshot_does_not_see_what_is_written_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    writing, _ = open_for_writing(path, "normal")
    with closing(writing), closing(queries.connect_readonly(path)) as reading:
        writes.settle(writing, settlement(call(1)))
        with queries.snapshot(reading):
            assert queries.totals(reading).calls == 1
            writes.settle(writing, settlement(call(2)))
            assert queries.totals(reading).calls == 1
        assert queries.totals(reading).calls == 2


def test_a_failing_read_is_a_ledger_error(conn: sqlite3.Connection) -> None:
    conn.execute("DROP TABLE rollups")
    with pytest.raises(LedgerError, match="the ledger cannot be read: no such table"):
        queries.totals(conn)


def test_an_empty_ledger_has_spent_nothing_and_that_is_exact(conn: sqlite3.Connection) -> None:
    assert queries.totals(conn) == Totals(confidence=Confidence.EXACT)
    assert queries.spent(conn) == (Amount(), Amount())
    assert queries.grouped(conn, []) == queries.grouped(conn, ["model"]) == []
    assert queries.first_charge(conn, None, None) is None
    assert queries.latest_start(conn) == 0


def test_a_family_is_a_session_and_all_that_was_started_in_it(conn: sqlite3.Connection) -> None:
    parents = {"s1": None, "s2": "s1", "s3": "s2", "s4": None, "s5": "s6", "s6": "s5"}
    for number, (name, parent) in enumerate(parents.items(), 1):
        writes.open_session(conn, replace(session(name), parent=parent), None)
        writes.settle(conn, settlement(call(number, session=name), nanos=10**number))
    costs = {name: queries.totals(conn, Where(family=name)).cost_nanos for name in parents}
    # Nothing makes two sessions each other's parents; a file in which they are must not be read for ever.
    assert costs == {"s1": 1110, "s2": 1100, "s3": 1000, "s4": 10_000, "s5": 1_100_000, "s6": 1_100_000}
    assert queries.spent(conn, Where(family="s1"))[0].calls == 3
    assert queries.totals(conn, Where(session="s1")).cost_nanos == 10
