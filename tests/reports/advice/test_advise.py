"""All advice together, as JSON and as text."""

from __future__ import annotations

import shlex
from contextlib import closing
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.reports.advice.support import HAIKU, OPUS, Books
from tokenguard.cli.commands import root
from tokenguard.records import BILLINGS, REQUEST_CLASSES, Usage
from tokenguard.reports.advice import FINDERS, advise, render
from tokenguard.reports.advice.shape import Change

SHORT = Usage(input=500, cache_read=20_000, cache_write_5m=1_000, output=300)
LONG = Usage(input=150_000, output=400)
WARM = Usage(cache_read=80_000, cache_write_5m=1_000, output=400)
COLD = Usage(cache_write_5m=85_000, output=400)


def everything(books: Books, agent: str = "claude", session: str = "s", billing: str = "metered") -> None:
    """All habits at once, in three sessions."""
    given: dict[str, Any] = {"agent": agent, "provider": "anthropic", "billing": billing}
    for _ in range(2):
        books.call(SHORT, **given, session=session, tool_free=True)
    books.call(LONG, **given, session=session, model=HAIKU)
    books.call(WARM, **given, session=f"{session}-pausing")
    books.call(COLD, **given, session=f"{session}-alone")
    books.pause(30)
    books.call(COLD, **given, session=f"{session}-pausing")
    books.call(SHORT, **given, session=session, outcome="client-gone")


def shown(found: dict[str, Any], width: int = 80) -> list[str]:
    return list(render.lines(found, "since 2026-11-20", width))


def test_the_one_that_would_save_most_comes_first(books: Books) -> None:
    everything(books)
    found = books.advise()
    assert {one["name"] for one in found["advice"]} == set(FINDERS)
    savings = [one["saving_nanos"] for one in found["advice"]]
    assert savings == sorted(savings, reverse=True)
    assert found["calls"] == 7
    for one in found["advice"]:
        assert 0 < one["saving_nanos"] <= one["cost_nanos"] <= found["cost_nanos"]
        assert one["confidence"] in ("estimated", "bound")
        assert one["changes"] and one["parts"] and one["calls"]
        assert sum(part["calls"] for part in one["parts"]) == one["calls"]


def test_what_would_save_less_than_a_cent_is_left_out(books: Books) -> None:
    books.call(Usage(input=100, output=30), tool_free=True)
    assert books.advise()["advice"] == []
    for _ in range(50):
        books.call(Usage(input=100, output=30), tool_free=True)
    assert [one["name"] for one in books.advise()["advice"]] == ["cheaper-model"]


def test_an_empty_time_says_so(books: Books) -> None:
    everything(books)
    asked = books.asked()
    found = advise(asked.conn, asked.catalogue, 0, 1)
    assert (found["calls"], found["advice"]) == (0, [])
    assert shown(found) == [" no calls since 2026-11-20"]


def test_nothing_to_change_says_so(books: Books) -> None:
    books.call(WARM, tool_free=False)
    assert shown(books.advise()) == [
        " since 2026-11-20: $0.029 in 1 call",
        "",
        "    Nothing to change: no habit that tokenguard can measure cost more than it",
        "    had to.",
    ]


@pytest.mark.parametrize("agent", ["claude", "codex", "gemini", "opencode", "an-agent-with-a-very-long-name"])
@pytest.mark.parametrize("width", [80, 60])
def test_text_fits(books: Books, agent: str, width: int) -> None:
    everything(books, agent)
    everything(books, agent, billing="subscription", session="an-id-of-a-session-0123456789")
    lines = shown(books.advise(), width)
    # What is to be typed or written down is never broken within an option.
    long = [line for line in lines if len(line) > width and not line.startswith("      ")]
    assert not long
    assert width < 80 or not [line for line in lines if len(line) > width]
    assert not [line for line in lines if line != line.rstrip()]


def test_an_advice_as_people_read_it(books: Books) -> None:
    for _ in range(12):
        books.call(SHORT, tool_free=True)
    books.call(SHORT, tool_free=True, billing="subscription")
    assert shown(books.advise()) == [
        " since 2026-11-20: $0.204 in 13 calls",
        "",
        " 1  ≈$0.102 (≈$0.009)  Short answers from dear models",
        "    13 short answers in which no tool had a part cost $0.221. The next model",
        "    down would have given them for ≈$0.111.",
        "    claude  opus-5.5  → sonnet-5.5  12 calls  $0.204    ≈$0.102",
        "    claude  opus-5.5  → sonnet-5.5    1 call  $0.017  (≈$0.009)",
        "  → for a question: /model claude-sonnet-5-5",
        "  → or let tokenguard do it, from what the rest took a day on:",
        "      tokenguard budget set opus-day --window day --limit 0.11 \\",
        f"        --match model={OPUS} --at-limit downgrade \\",
        f"        --downgrade {OPUS}=claude-sonnet-5-5",
        "",
        " ≈ what could have been saved, by list prices; savings can overlap.",
        " (...) of what a subscription covers or runs on this machine, at list price.",
    ]


def test_what_takes_several_lines_is_shown_in_as_many(books: Books) -> None:
    books.call(LONG, outcome="cut")
    lines = shown(books.advise())
    at = lines.index("  → to be asked when calls fail in a row, in config.toml:")
    assert lines[at + 1 : at + 3] == ["      [loops]", '      actions = { failures = "hold" }']


def test_names_cannot_reach_the_terminal_as_more_than_text(books: Books) -> None:
    books.call(SHORT, outcome="cut", agent="a\x1b[31m")
    for _ in range(2):
        books.call(SHORT, tool_free=True, agent="c\x1b[31m")
    books.call(LONG, model=HAIKU, session="s\x1b[31m")
    for _ in range(5):
        books.call(SHORT, outcome="cut", agent="b")
    assert "\x1b" not in "".join(shown(books.advise()))


CALLS = st.fixed_dictionaries(
    {
        "model": st.sampled_from([OPUS, HAIKU, "claude-sonnet-4-5", "gpt-6.1-sol", "nobody-knows"]),
        "agent": st.sampled_from(["claude", "codex", "gemini", "else"]),
        "session": st.sampled_from(["s1", "s2"]),
        "subagent": st.sampled_from([None, "a1"]),
        "request_class": st.sampled_from(REQUEST_CLASSES[:-1]),
        "tool_free": st.sampled_from([True, False, None]),
        "billing": st.sampled_from(BILLINGS),
        "outcome": st.sampled_from(["ok", "ok", "client-gone", "cut", "provider-error", "refused-upstream"]),
        "status": st.sampled_from([200, 429]),
        "unpriced": st.booleans(),
        "free": st.booleans(),
    }
)
USAGES = st.builds(
    Usage,
    input=st.integers(0, 300_000),
    cache_read=st.integers(0, 300_000),
    cache_write_5m=st.sampled_from([0, 20_000]),
    cache_write_1h=st.sampled_from([0, 20_000]),
    output=st.integers(0, 900),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(CALLS, USAGES, st.sampled_from([0, 6, 70])), max_size=12))
def test_nobody_could_have_saved_more_than_was_paid(calls: list[tuple[dict[str, Any], Usage, int]]) -> None:
    books = Books()
    with closing(books.conn):
        for fields, usage, minutes in calls:
            books.call(usage, **fields)
            books.pause(minutes)
        found = books.advise()
    for one in found["advice"]:
        assert 0 <= one["saving_nanos"] <= one["cost_nanos"] <= found["cost_nanos"]
        assert 0 <= one["notional_saving_nanos"] <= one["notional_nanos"] <= found["notional_nanos"]
        assert 0 < one["calls"] <= found["calls"]
        assert all(0 < part["saving_nanos"] <= part["cost_nanos"] for part in one["parts"])
    assert not [line for line in shown(found) if len(line) > 80]


def commands(changes: list[Change]) -> list[list[str]]:
    return [shlex.split(change.how) for change in changes if change.how.startswith("tokenguard ")]


def test_commands_of_ours_can_be_typed(books: Books) -> None:
    everything(books)
    everything(books, billing="subscription")
    found = [find(books.asked()) for find in FINDERS.values()]
    typed = commands([change for one in found if one is not None for change in one.changes])
    assert typed
    for _, *words in typed:
        command: click.Command = root
        path: list[str] = []
        while isinstance(command, click.Group):
            path.append(words.pop(0))
            below = command.get_command(click.Context(command), path[-1])
            assert below is not None
            command = below
        command.make_context(path[-1], words, **root.context_settings)


def test_sums_of_parts_that_say_the_same(books: Books) -> None:
    everything(books)
    everything(books, session="s9")
    for find in FINDERS.values():
        one = find(books.asked())
        assert one is not None
        keys = [(part.agent, part.model, part.detail, part.instead, part.notional) for part in one.parts]
        assert len(keys) == len(set(keys))
        assert one == replace(one, parts=tuple(sorted(one.parts, key=lambda part: (part.notional, -part.saving_nanos))))
