"""Bounds of later prompts, by a provider that counts with any vocabulary and drops thoughts of turns that are over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tokenguard.policy.lineage import SEAM, Counted, counted, held, most_tokens
from tokenguard.policy.worst import WORST_PREAMBLE, WORST_TOOL_PROMPT, worst
from tokenguard.records import Facts, Lineage, Prompt
from tokenguard.wire import DIALECTS

Json = dict[str, Any]

LONGEST = 12
"""Bytes of a word in a vocabulary."""


class Tokenizer:
    """Cuts text into the fewest words of a vocabulary that has every byte: put together it takes no more than apart."""

    def __init__(self, words: frozenset[bytes]) -> None:
        self._words = words

    def count(self, text: str) -> int:
        data = text.encode()
        fewest = [0]
        for end in range(1, len(data) + 1):
            cuts = [
                fewest[start] + 1
                for start in range(max(0, end - LONGEST), end)
                if start == end - 1 or data[start:end] in self._words
            ]
            fewest.append(min(cuts))
        return fewest[-1]


class Provider:
    """Counts prompts as Anthropic does, as far as that is known: with special tokens between messages."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._count = tokenizer.count

    def prompt(self, body: Json) -> int:
        tools = body.get("tools", [])
        tokens = 5 + self._count("".join(block["text"] for block in body.get("system", [])))
        tokens += 346 * bool(tools) + sum(2 + self._count(tool["name"] + tool["description"]) for tool in tools)
        messages = body["messages"]
        asked = max(place for place, message in enumerate(messages) if _is_prompt(message))
        thinks = "thinking" in body
        shown = [
            (message["role"], list(self._said(message, place > asked and thinks)))
            for place, message in enumerate(messages)
        ]
        # Messages of one side in a row are one.
        for _, group in groupby(shown, key=lambda one: one[0]):
            parts = [part for _, parts in group for part in parts]
            tokens += 4 + sum(self._count(text) + frame for text, frame in _joined(parts))
        return tokens

    def _said(self, message: Json, in_course: bool) -> Iterator[tuple[str, int]]:
        content = message["content"]
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            match block["type"]:
                case "text":
                    yield block["text"], 0
                case "thinking" if in_course:
                    yield block["thinking"], 3
                case "tool_use":
                    yield block["name"] + json.dumps(block["input"]), 8
                case "tool_result":
                    yield block["content"], 6
                case _:
                    continue


def _joined(parts: list[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Texts in a row are one text."""
    for plain, group in groupby(parts, key=lambda part: part[1] == 0):
        if plain:
            yield "".join(text for text, _ in group), 0
        else:
            yield from group


def _is_prompt(message: Json) -> bool:
    content = message["content"]
    return message["role"] == "user" and (isinstance(content, str) or any(block["type"] == "text" for block in content))


TEXT = st.text('abc \n"é', max_size=40)
WORDS = st.frozensets(st.text("abc \né", min_size=2, max_size=6).map(str.encode), max_size=60).map(
    lambda words: frozenset(word for word in words if len(word) <= LONGEST)
)


@st.composite
def _turn(draw: st.DrawFn) -> list[Json]:
    """What follows a prompt or results: an answer, and results or the next prompt."""
    answer: list[Json] = [{"type": "text", "text": draw(TEXT)}]
    if draw(st.booleans()):
        answer.insert(0, {"type": "thinking", "thinking": draw(TEXT) * draw(st.integers(1, 9)), "signature": "xyz"})
    if draw(st.booleans()):
        answer.append({"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": draw(TEXT)}})
        results: list[Json] = [{"type": "tool_result", "tool_use_id": "toolu_1", "content": draw(TEXT)}]
        if draw(st.booleans()):
            results.append({"type": "text", "text": draw(TEXT)})
        return [{"role": "assistant", "content": answer}, {"role": "user", "content": results}]
    return [{"role": "assistant", "content": answer}, {"role": "user", "content": draw(TEXT)}]


CHANGES = st.sampled_from(
    ["turn", "turn", "turn", "edit", "remove", "back", "header", "tool", "fewer tools", "thinking", "prompt", "restart"]
)


def _changed(draw: st.DrawFn, body: Json, change: str) -> Json:
    messages = body["messages"]
    place = draw(st.integers(0, len(messages) - 1))
    match change:
        case "turn":
            messages = [*messages, *draw(_turn())]
        case "prompt":
            messages = [*messages, {"role": "user", "content": [{"type": "text", "text": draw(TEXT)}]}]
        case "edit":
            edited = messages[place] | {"content": [{"type": "text", "text": draw(TEXT)}]}
            messages = [*messages[:place], edited, *messages[place + 1 :]]
        case "remove":
            messages = messages[:place] + messages[place + 1 :]
        case "back":
            messages = messages[: place + 1]
        case "restart":
            messages = [{"role": "user", "content": draw(TEXT)}]
        case "header":
            body = body | {"system": [{"type": "text", "text": draw(TEXT)}, *body["system"][1:]]}
        case "tool":
            tool: Json = {"name": draw(TEXT), "description": draw(TEXT) * 9, "input_schema": {}}
            body = body | {"tools": [*body.get("tools", []), tool]}
        case "fewer tools":
            body = body | {"tools": body.get("tools", [])[1:]}
        case _:
            thinking = {"thinking": {"type": "enabled"}}
            body = {k: v for k, v in body.items() if k != "thinking"} if "thinking" in body else body | thinking
    if not any(map(_is_prompt, messages)):
        messages = [{"role": "user", "content": draw(TEXT)}, *messages]
    return body | {"messages": messages}


def _marked(body: Json) -> Json:
    """As agents send it: with a cache mark at the last message that has parts."""
    *others, last = body["messages"]
    content = last["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    marked = [*parts[:-1], parts[-1] | {"cache_control": {"type": "ephemeral"}}]
    return body | {"messages": [*others, last | {"content": marked}]}


@st.composite
def conversations(draw: st.DrawFn) -> list[Json]:
    """The bodies of requests of one session, in their order."""
    body: Json = {
        "model": "m",
        "max_tokens": 9,
        "system": [{"type": "text", "text": draw(TEXT)}, {"type": "text", "text": draw(TEXT) * 9}],
        "messages": [{"role": "user", "content": draw(TEXT)}],
    }
    bodies = [body]
    for change in draw(st.lists(CHANGES, min_size=1, max_size=8)):
        body = _changed(draw, body, change)
        bodies.append(body)
    return [_marked(body) for body in bodies] if draw(st.booleans()) else bodies


def facts_of(body: Json) -> Facts:
    data = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return DIALECTS["anthropic-messages"].facts("/v1/messages", data)


@settings(deadline=None)
@given(WORDS, conversations())
def test_no_prompt_has_more_tokens_than_its_bound(words: frozenset[bytes], bodies: list[Json]) -> None:
    provider = Provider(Tokenizer(words))
    known: list[Counted] = []
    for body in bodies:
        facts, true = facts_of(body), provider.prompt(body)
        for repeated in (most_tokens(facts, one) for one in known):
            bound = worst(facts, None, repeated=repeated)
            assert bound is not None
            assert true <= bound.input
            assert bound.input <= facts.body_bytes + WORST_PREAMBLE + WORST_TOOL_PROMPT
        one = counted(facts, true)
        assert one is not None
        known.append(one)


@settings(deadline=None)
@given(WORDS, st.lists(_turn(), min_size=2, max_size=6))
def test_a_conversation_that_only_grows_is_always_recognised(words: frozenset[bytes], turns: list[list[Json]]) -> None:
    provider = Provider(Tokenizer(words))
    body: Json = {"model": "m", "max_tokens": 9, "system": [{"type": "text", "text": "s" * 2_000}], "messages": []}
    body["messages"] = [{"role": "user", "content": "go"}]
    earlier = counted(facts_of(_marked(body)), before := provider.prompt(body))
    for turn in turns:
        body = body | {"messages": [*body["messages"], *turn]}
        facts = facts_of(_marked(body))
        assert earlier is not None
        most = most_tokens(facts, earlier)
        assert most is not None
        new_bytes = len(json.dumps(turn, separators=(",", ":"), ensure_ascii=False).encode())
        assert most <= before + new_bytes + 100 + SEAM * (len(turn) + 1)
        earlier = counted(facts, before := provider.prompt(body))


LINE = Lineage(7, ((1, 100), (2, 200), (2, 200)), (11, 12, 13), (1_000, 3_000, 3_500))
FACTS = Facts("m", body_bytes=9_000, prompt=Prompt(messages=3, lineage=LINE))


def with_line(**changes: Any) -> Facts:
    return replace(FACTS, prompt=replace(FACTS.prompt, lineage=replace(LINE, **changes)))


def known(**changes: Any) -> Counted:
    one = counted(with_line(messages=(11, 12), ends=(1_000, 3_000)), 800)
    assert one is not None
    return replace(one, **changes)


def test_the_bound_is_what_was_counted_and_the_bytes_that_came_since() -> None:
    assert most_tokens(FACTS, known()) == 800 + 500 + 2 * SEAM
    assert most_tokens(with_line(messages=(11, 12), ends=(1_000, 3_000)), known()) == 800 + SEAM
    assert most_tokens(with_line(head=((1, 100), (2, 200))), known()) == 800 + 500 + 2 * SEAM
    assert most_tokens(with_line(head=((9, 70), (2, 200), (2, 200), (2, 200))), known()) == 800 + 770 + 4 * SEAM
    assert most_tokens(with_line(deferred_bytes=4_000), known()) == 800 + 4_500 + 2 * SEAM


@pytest.mark.parametrize(
    "changes",
    [
        {"terms": 8},
        {"messages": (11, 99, 13)},
        {"messages": (99, 12, 13)},
        {"messages": (11,), "ends": (1_000,)},
        {"messages": (), "ends": ()},
        {"media": (0, 2)},
    ],
)
def test_what_does_not_repeat_it_has_no_bound_by_it(changes: dict[str, Any]) -> None:
    assert most_tokens(with_line(**changes), known()) is None


def test_media_that_were_counted_need_no_bound_of_their_own() -> None:
    assert most_tokens(with_line(media=(0, 1)), known()) == most_tokens(FACTS, known())


def test_what_cannot_be_recognised_is_not_remembered() -> None:
    assert counted(with_line(terms=0), 800) is None
    assert counted(with_line(messages=(), ends=()), 800) is None
    assert counted(replace(FACTS, rounds=2), 800) is None
    assert counted(replace(FACTS, prompt=replace(FACTS.prompt, continues="resp_1")), 800) is None
    assert held(with_line(terms=0), 800) is None


def test_a_response_that_is_continued_adds_its_new_messages_and_what_changed_before_them() -> None:
    one = held(FACTS, 5_000)
    assert one is not None
    assert most_tokens(with_line(messages=(77,), ends=(400,)), one) == 5_000 + 400 + 2 * SEAM
    changed = with_line(messages=(77,), ends=(400,), head=((1, 100), (3, 250)))
    assert most_tokens(changed, one) == 5_000 + 650 + 3 * SEAM
    assert most_tokens(with_line(terms=8), one) is None
    assert most_tokens(with_line(messages=(), ends=()), one) == 5_000 + SEAM
