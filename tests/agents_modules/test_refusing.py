"""What refused agents really get, whole: no body of any dialect makes any agent try again, or pay for a compaction."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tokenguard.agents import AGENTS, Agent, generic
from tokenguard.agents.refusing import refusal
from tokenguard.policy import loops, wording
from tokenguard.policy.budgets import Slot, Standing
from tokenguard.policy.retrying import harmless
from tokenguard.policy.windows import KINDS, Window
from tokenguard.records import Budget, Unit, Usage
from tokenguard.wire import DIALECTS, openai_socket

RETRIED = re.compile(
    "429|500|502|503|504|524|529|rate[ _-]?limit|too[ _-]?many[ _-]?requests|overloaded|server[ _-]?error"
    "|internal[ _-]?error|unavailable|resource[ _-]?exhausted|timeout|timed[ _-]?out|terminated"
    "|try[ _-]?again[ _-]?later|context[ _-]?length|exceeds the limit of|too[ _-]?many[ _-]?tokens|token[ _-]?limit"
    "|prompt[ _-]?is[ _-]?too[ _-]?long",
    re.IGNORECASE,
)
"""What fifteen real agents were seen to take for a reason to send again, or to compact; written down a second time."""

EVERYBODY: tuple[Agent, ...] = (*AGENTS.values(), generic)
PAIRS = [(agent, dialect) for agent in EVERYBODY for dialect in DIALECTS]

NASTY = [
    *("429", "1500", "$502", "5\x0003", "\x0500", "\x1500", "\x0429", "a\n500", "\\u0500", "\\", "back\\500slash"),
    *(
        "rate",
        "rate limit",
        "rate_limit",
        "limit",
        "server",
        "error",
        "server-error",
        "Timeout",
        "TIMED OUT",
        "timeout",
    ),
    *("context", "length", "too many", "token limit", "overloaded", "overloade", "d", "try again", "later", "api-500"),
    *('say "no"', "bob's api", "bob's 500", "ünïcode", "ſerver error", "\ud800", "\x1b[2J", "\u202e500", "", " "),
    *("x" * 400, "\N{FULLWIDTH DIGIT FIVE}00"),
]
words = st.sampled_from(NASTY) | st.text(max_size=30)
texts = st.lists(words, max_size=4).map(" ".join) | st.lists(words, max_size=4).map("".join)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True) | st.sampled_from(
    ["rate_limit", "b-503", "timeout", "overloaded", "5", "limit"]
)
amounts = st.integers(0, 10**15) | st.sampled_from([429, 500, 429 * 10**9, 500 * 10**9, 5_030_000_000, 15_000_000_000])
windows = st.sampled_from([*KINDS, "rolling 500m", "rolling 5h", "rolling 504h", "rolling 52w", "rolling 1429m"])
instants = st.integers(0, 4 * 10**9)


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    unit = draw(st.sampled_from(Unit))
    official = draw(st.sampled_from(["anthropic/five_hour", "chatgpt/seven_day"])) if unit is Unit.PERCENT else None
    budget = Budget(
        draw(names),
        limit=draw(amounts),
        unit=unit,
        official=official,
        scope="global"
        if official
        else draw(st.sampled_from(["session", "repo", "branch", "agent", "model", "global"])),
        window=draw(windows),
        source=draw(st.sampled_from(["", "run", "/home/x/api-500/tokenguard.toml"])),
    )
    key = "" if budget.scope == "global" else draw(texts)
    return Standing(Slot(budget, key, Window()), budget.limit, draw(amounts), draw(amounts), draw(st.just(0) | amounts))


@st.composite
def sentences(draw: st.DrawFn) -> str:
    """Whatever a call may be refused with."""
    match draw(st.integers(0, 4)):
        case 0:
            action = draw(st.sampled_from(loops.ACTIONS))
            finding = draw(
                st.sampled_from(
                    [loops.circling(draw(texts), draw(amounts), action), loops.same_again(draw(amounts), action)]
                    + [loops.storm(draw(amounts), action), loops.racing(float(draw(amounts)), action)]
                )
            )
            said = wording.plain_refusal(finding.text)
        case 1:
            usage = Usage(input=draw(amounts), output=draw(amounts))
            said = wording.plain_refusal(wording.dear(draw(amounts), usage, again=draw(st.booleans())))
        case 2:
            said = wording.plain_refusal(draw(texts))
        case _:
            now, ends = draw(instants), draw(st.none() | instants)
            resets = None if ends is None else datetime.fromtimestamp(ends, UTC) + timedelta(hours=1)
            said = wording.refusal(draw(standings()), draw(st.none() | amounts), now * 1_000_000, resets)
    if draw(st.booleans()):
        how, why = draw(st.sampled_from(["deny", "expired", "gone"])), draw(st.none() | texts)
        said = wording.unapproved(said, how, draw(texts), why)
    return said


def said_in(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, dict):
        for one in cast("dict[str, Any]", value).values():
            yield from said_in(one)
    elif isinstance(value, list):  # llm-gemini wants one
        for one in cast("list[object]", value):
            yield from said_in(one)
    elif isinstance(value, str):
        yield value


def check(body: bytes, is_json: bool) -> None:
    text = body.decode()
    assert not RETRIED.search(text), text
    shown = list(said_in(json.loads(body))) if is_json else [text]
    assert not any(RETRIED.search(one) or '"' in one or not one.isprintable() for one in shown), shown


@given(sentences())
@settings(deadline=None)
def test_what_is_said_is_harmless_before_it_is_put_anywhere(text: str) -> None:
    """So that the last resort, which says hardly anything, is left to what a dialect makes of it."""
    assert not RETRIED.search(text) and '"' not in text and text.isprintable(), text
    assert text.startswith("tokenguard stopped this request") and len(text) < 2_500


@given(sentences() | texts)
@settings(deadline=None)
@example("tokenguard stopped this request: rate limit 500")
@example("tokenguard stopped this request: \x0500")
@example("5\x0003")
def test_no_body_makes_an_agent_try_again(text: str) -> None:
    for agent, dialect in PAIRS:
        refused = refusal(agent, dialect, text)
        assert refused.status in (400, 402)
        check(refused.body, "json" in refused.content_type)
    check(openai_socket.refuse(harmless(text, openai_socket.refuse)), is_json=True)


@pytest.mark.parametrize(("agent", "dialect"), PAIRS, ids=[f"{agent.NAME}-{dialect}" for agent, dialect in PAIRS])
def test_what_does_no_harm_is_said_as_it_is(agent: Agent, dialect: str) -> None:
    text = "tokenguard stopped this request: the day budget of repository Zürich is used up (20.01 of 20.00 USD)."
    refused = refusal(agent, dialect, text)
    shown = list(said_in(json.loads(refused.body))) if "json" in refused.content_type else [refused.body.decode()]
    assert text in shown
