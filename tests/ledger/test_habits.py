"""What the indexes find is what looking at every call finds."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from tests.ledger.support import START_US, call, in_memory
from tokenguard.ledger import Settlement, habits, writes
from tokenguard.ledger.habits import AGAIN_US, LIFE_US, Habit
from tokenguard.records import Amount, Call, Charge, Usage

MINUTE_US = 60_000_000
OUTCOMES = ("ok", "client-gone", "cut", "provider-error", "refused-upstream", "unreachable")
CLASSES = ("main", "sub-agent", "side", "compaction")

counts = st.sampled_from([0, 0, 500, 5_000, 40_000, 120_000])


class Made(Struct, frozen=True):
    """A call, and what became of it."""

    call: Call
    usage: Usage
    outcome: str
    status: int
    ended_us: int

    @property
    def conversation(self) -> tuple[object, ...]:
        return self.call.session, self.call.agent_session, self.call.subagent

    @property
    def written(self) -> int:
        return self.usage.cache_write_5m + self.usage.cache_write_1h

    @property
    def cold(self) -> bool:
        prompt = self.usage.prompt
        return self.usage.cache_read * 2 < prompt >= 4096 and self.call.request_class != "compaction"


@st.composite
def histories(draw: st.DrawFn) -> list[Made]:
    made: list[Made] = []
    at_us = START_US
    for number in range(1, draw(st.integers(1, 14)) + 1):
        at_us += draw(st.sampled_from([1, 3, 6, 20, 65, 130])) * MINUTE_US
        of = replace(
            call(number, started_us=at_us),
            session=draw(st.sampled_from(["s1", "s2"])),
            agent_session=draw(st.sampled_from([None, "a"])),
            subagent=draw(st.sampled_from([None, None, "x"])),
            model=draw(st.sampled_from(["opus", "opus", "haiku"])),
            request_class=draw(st.sampled_from(CLASSES)),
            tool_free=draw(st.sampled_from([None, True, False])),
        )
        usage = Usage(draw(counts), draw(counts), draw(counts), draw(counts), draw(st.sampled_from([0, 1, 500, 501])))
        ended_us = at_us + draw(st.sampled_from([0, 10_000_000]))
        made.append(Made(of, usage, draw(st.sampled_from(OUTCOMES)), draw(st.sampled_from([200, 429])), ended_us))
    return made


def found(made: list[Made], ask: Callable[[sqlite3.Connection], list[Habit]]) -> Counter[str]:
    """Calls by kind."""
    with closing(in_memory()) as conn:
        for one in made:
            writes.reserve(conn, one.call, Amount(1, 1, 1), None)
            end = (one.ended_us, one.outcome)
            writes.settle(conn, Settlement(one.call, Charge(1_000), *end, usage=one.usage, status=one.status))
        counted: Counter[str] = Counter()
        for habit in ask(conn):
            counted[habit.kind] += habit.calls
        return counted


def everything(
    ask: Callable[[sqlite3.Connection, int, int], list[Habit]],
) -> Callable[[sqlite3.Connection], list[Habit]]:
    return lambda conn: ask(conn, 0, 2**60)


@settings(deadline=None)
@given(histories())
def test_short_answers_without_tools(made: list[Made]) -> None:
    led: set[int] = set()
    for at, one in enumerate(made):
        same = (one.conversation, one.call.request_class)
        before = [other for other in made[:at] if (other.conversation, other.call.request_class) == same]
        if one.call.tool_free is False and before:
            led.add(before[-1].call.id)
    free = [one for one in made if one.call.tool_free and one.call.id not in led and 1 <= one.usage.output <= 500]
    assert found(made, everything(habits.easy)) == Counter(one.call.request_class for one in free)


@settings(deadline=None)
@given(histories())
def test_pauses(made: list[Made]) -> None:
    expected: Counter[str] = Counter()
    for at, one in enumerate(made):
        kind = one.call.request_class
        if not one.cold or not (kind == "main" or (kind == "sub-agent" and one.call.subagent)):
            continue
        same = [
            other for other in made[:at] if other.conversation == one.conversation and other.call.request_class == kind
        ]
        if not same:
            continue
        last = same[-1]
        held = last.usage.cache_read + last.written
        lasts = LIFE_US["1h"] if last.usage.cache_write_1h > last.usage.cache_write_5m else LIFE_US["5m"]
        paused = one.call.started_us - last.ended_us
        goes_on = last.call.model == one.call.model and one.usage.prompt * 5 >= last.usage.prompt * 4
        if goes_on and held - one.usage.cache_read >= 1024 and paused > lasts:
            expected["hour" if paused <= LIFE_US["1h"] else "longer"] += 1
    assert found(made, everything(habits.gone_cold)) == expected


@settings(deadline=None)
@given(histories())
def test_caches_that_nobody_read(made: list[Made]) -> None:
    expected: Counter[str] = Counter()
    for one in made:
        start_us = one.call.started_us
        lasts = LIFE_US["1h"] if one.usage.cache_write_1h else LIFE_US["5m"]
        others = [other for other in made if other is not one and other.usage.cache_read]
        by_itself = any(
            other.conversation == one.conversation and abs(other.call.started_us - start_us) <= 2 * LIFE_US["1h"]
            for other in others
        )
        by_others = any(
            other.conversation != one.conversation
            and start_us < other.call.started_us < start_us + lasts
            and other.call.model == one.call.model
            and other.usage.cache_read <= one.usage.prompt
            and not any(
                earlier.conversation == other.conversation and earlier.call.started_us < other.call.started_us
                for earlier in made
            )
            for other in others
        )
        if one.cold and one.written and not by_itself and not by_others:
            expected[one.call.request_class] += 1
    assert found(made, everything(habits.unread)) == expected


@settings(deadline=None)
@given(histories())
def test_calls_that_failed(made: list[Made]) -> None:
    expected: Counter[str] = Counter()
    for one in made:
        if one.outcome == "ok" or (one.outcome == "refused-upstream" and one.status != 429):
            continue
        again = any(
            other.conversation == one.conversation
            and other.call.request_class == one.call.request_class
            and one.call.started_us < other.call.started_us < one.ended_us + AGAIN_US
            for other in made
        )
        name = "throttled" if one.outcome == "refused-upstream" else one.outcome
        expected[name + ("+again" if again else "")] += 1
    assert found(made, everything(habits.failed)) == expected


@settings(deadline=None)
@given(histories(), st.sampled_from([100_000, 120_000, 200_000]))
def test_long_prompts(made: list[Made], above: int) -> None:
    expected = Counter(one.call.session for one in made if one.usage.prompt > above and one.call.model == "opus")
    most = 250_000
    within = Counter(one.call.session for one in made if above < one.usage.prompt <= most and one.call.model == "opus")
    assert found(made, lambda conn: habits.beyond(conn, "anthropic", "opus", (above, None), 0, 2**60)) == expected
    assert found(made, lambda conn: habits.beyond(conn, "anthropic", "opus", (above, most), 0, 2**60)) == within
    models = {("anthropic", one.call.model) for one in made}
    with closing(in_memory()) as conn:
        for one in made:
            writes.settle(conn, Settlement(one.call, Charge(1), one.ended_us, "ok", usage=one.usage))
        assert set(habits.models(conn)) == models
