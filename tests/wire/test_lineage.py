"""What shows that a request repeats an earlier one, in the words of every dialect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.wire.histories import LS, PWD, READ, Called, Turn, facts_of, request
from tokenguard.records import Lineage
from tokenguard.wire import DIALECTS

Json = dict[str, Any]

PNG = "iVBORw0KGgo" + "A" * 200
MARK = {"cache_control": {"type": "ephemeral"}}


def lineage(dialect: str, body: Json) -> Lineage:
    return facts_of(dialect, body).prompt.lineage


def claude(*messages: Json, **members: Any) -> Lineage:
    return lineage("anthropic-messages", {"model": "m", "max_tokens": 9, "messages": list(messages), **members})


def said(content: object, role: str = "user") -> Json:
    return {"role": role, "content": content}


def repeats(later: Lineage, earlier: Lineage) -> bool:
    """Whether the messages of the earlier one are where they were, and what has to stay the same did."""
    return later.terms == earlier.terms and later.messages[: len(earlier.messages)] == earlier.messages


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_turn_repeats_those_before_it(dialect: str) -> None:
    turns = [(LS,), (READ, LS), (PWD,)]
    lines = [lineage(dialect, request(dialect, turns[:count])) for count in range(len(turns) + 1)]
    assert all(line.terms and line.messages for line in lines)
    for count, line in enumerate(lines[1:]):
        assert repeats(line, lines[count])
        assert len(line.messages) > len(lines[count].messages)
        assert line.head == lines[0].head


@pytest.mark.parametrize("dialect", DIALECTS)
def test_whatever_changes_in_a_message_is_seen(dialect: str) -> None:
    before = lineage(dialect, request(dialect, [(LS,), (PWD,)], prompt="fix it"))
    other_prompt = lineage(dialect, request(dialect, [(LS,), (PWD,), (READ,)], prompt="fix iT"))
    other_call = lineage(dialect, request(dialect, [(Called("Bash", {"command": "ls -lb"}),), (PWD,), (READ,)]))
    one_less = lineage(dialect, request(dialect, [(PWD,), (READ,)]))
    assert not any(repeats(line, before) for line in (other_prompt, other_call, one_less))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_bytes_are_those_of_the_messages(dialect: str) -> None:
    line = lineage(dialect, request(dialect, [(LS,), (READ,)]))
    longer = lineage(dialect, request(dialect, [(LS,), (READ,)], then="x" * 1_000))
    assert len(line.ends) == len(line.messages)
    assert sorted(line.ends) == list(line.ends)
    assert longer.ends[-1] - line.ends[-1] == pytest.approx(1_000, abs=80)


def test_parameters_have_to_stay_the_same_but_for_those_that_make_no_prompt() -> None:
    plain = claude(said("hi"), thinking={"type": "adaptive"})
    assert repeats(claude(said("hi"), thinking={"type": "adaptive"}, temperature=1, metadata={"user_id": "x"}), plain)
    assert claude(said("hi")).terms != plain.terms
    assert claude(said("hi"), thinking={"type": "adaptive"}, tool_choice={"type": "none"}).terms != plain.terms
    assert claude(said("hi"), thinking={"type": "adaptive"}, not_heard_of=1).terms != plain.terms


def test_each_part_of_a_system_prompt_stands_for_itself() -> None:
    def told(header: str) -> Lineage:
        blocks = [{"type": "text", "text": text} for text in (header, "You are an agent.", "x" * 5_000)]
        return claude(said("hi"), system=blocks, tools=[{"name": "read", "input_schema": {}}])

    first, second = told("cch=1a2b3"), told("cch=9f8e7")
    assert repeats(second, first)
    changed = set(second.head) - set(first.head)
    assert [size for _, size in changed] == [len('{"type":"text","text":"cch=9f8e7"}')]
    assert sum(size for _, size in first.head) == pytest.approx(5_000, abs=250)


def test_system_messages_at_the_beginning_of_a_chat_are_no_messages() -> None:
    def chat(now: str) -> Lineage:
        messages = [{"role": "system", "content": now}, {"role": "developer", "content": "be brief"}, said("hi")]
        return lineage("openai-chat", {"model": "m", "messages": messages})

    first, second = chat("It is noon."), chat("It is one.")
    assert (len(first.messages), len(first.head)) == (1, 2)
    assert repeats(second, first)
    assert first.head[0] != second.head[0] and first.head[1] == second.head[1]


@pytest.mark.parametrize("listed", [True, False])
def test_cache_marks_move_on_and_are_not_seen(listed: bool) -> None:
    def message(text: str, *, marked: bool) -> Json:
        return said([{"type": "text", "text": text} | (MARK if marked else {})] if marked or listed else text)

    result = {"tool_use_id": "toolu_1", "type": "tool_result", "content": 'a "b"\n', "is_error": False}
    use: Json = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}
    asked = said([use], "assistant")
    first = claude(message("hi", marked=True))
    second = claude(message("hi", marked=False), asked, said([result | MARK]))
    third = claude(message("hi", marked=False), asked, said([result, {"type": "text", "text": "so?"} | MARK]))
    assert repeats(second, first)
    assert second.messages[1] == third.messages[1]
    assert second.messages[2] != third.messages[2]
    fourth = claude(message("hi", marked=False), asked, said([result]), message("on", marked=True))
    assert repeats(fourth, second)


def test_a_mark_before_other_members_or_of_its_own_is_not_seen() -> None:
    part = {"type": "text", "text": "hi"}
    plain, other = claude(said([part, part | MARK])), claude(said([MARK | part, part]))
    assert repeats(plain, other)
    converse = [{"text": "hi"}, {"cachePoint": {"type": "default"}}]
    marked = lineage("bedrock-converse", {"messages": [{"role": "user", "content": converse}]})
    moved = lineage(
        "bedrock-converse",
        {"messages": [{"role": "user", "content": converse[:1]}, {"role": "user", "content": converse}]},
    )
    assert repeats(moved, marked)
    spoken: Json = {"type": "input_text", "text": "hi"}
    with_mark = said([spoken | {"prompt_cache_breakpoint": {"mode": "explicit"}}])
    later = lineage("openai-responses", {"model": "m", "input": [said([spoken]), with_mark]})
    assert repeats(later, lineage("openai-responses", {"model": "m", "input": [with_mark]}))


def test_what_only_looks_like_a_mark_is_text() -> None:
    spoken = '"cache_control":{"type":"ephemeral"},'
    assert (
        claude(said(spoken), said([{"type": "text", "text": "x"} | MARK])).messages[0]
        != (claude(said(""), said([{"type": "text", "text": "x"} | MARK])).messages[0])
    )


def test_media_are_told_by_the_message_that_has_them() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    shown = said([{"type": "tool_result", "tool_use_id": "t", "content": [image]}])
    assert claude(said("a"), said("b"), shown, said("c"), said([image, image])).media == (2, 4)
    assert claude(said("a")).media == ()
    # A picture in a system prompt could be another one the next time.
    chat = [
        {"role": "system", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG}}]}
    ]
    assert lineage("openai-chat", {"messages": [*chat, said("hi")]}) == Lineage()
    assert claude(said("hi"), system=[image]) == Lineage()


def test_tools_that_come_into_the_prompt_later_are_told() -> None:
    tools: list[Json] = [{"name": "a", "input_schema": {}}, {"name": "b", "input_schema": {}, "defer_loading": True}]
    assert claude(said("hi"), tools=tools).deferred_bytes == len(json.dumps(tools[1], separators=(",", ":")))
    assert claude(said("hi"), tools=tools[:1]).deferred_bytes == 0


@pytest.mark.parametrize(
    ("dialect", "members"),
    [
        ("openai-responses", {"truncation": "auto"}),
        ("openai-chat", {"transforms": ["middle-out"]}),
        ("anthropic-messages", {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}}),
    ],
)
def test_a_prompt_that_the_provider_cuts_shows_nothing(dialect: str, members: Json) -> None:
    assert lineage(dialect, request(dialect, [(LS,)]) | members) == Lineage()


@pytest.mark.parametrize(
    ("dialect", "members"),
    [
        ("openai-responses", {"truncation": "disabled"}),
        ("openai-chat", {"transforms": []}),
        ("anthropic-messages", {"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}}),
    ],
)
def test_one_that_it_does_not_cut_does(dialect: str, members: Json) -> None:
    assert lineage(dialect, request(dialect, [(LS,)]) | members).messages


def test_ids_in_code_assists_envelope_are_no_part_of_it() -> None:
    first, second = (request("code-assist", turns) for turns in ([], [(LS,)]))
    second["user_prompt_id"] = "another"
    second["request"]["session_id"] = "s"
    assert repeats(lineage("code-assist", second), lineage("code-assist", first))


@pytest.mark.parametrize("dialect", ["anthropic-messages", "openai-chat", "openai-responses"])
@pytest.mark.parametrize("order", [1, -1])
def test_how_the_json_is_written_matters_only_within_messages(dialect: str, order: int) -> None:
    turns: Sequence[Turn] = [(LS,)]
    body = request(dialect, turns) | {"tools": [{"name": "x"}], "thinking": {"a": 1}}
    compact = json.dumps(body, separators=(",", ":")).encode()
    name = "input" if dialect == "openai-responses" else "messages"
    start = compact.index(b'"%b":' % name.encode())
    spaced = compact[:start] + b'"%b" : ' % name.encode() + compact[start + len(name) + 3 :]
    path = {"openai-responses": "/v1/responses", "openai-chat": "/v1/chat/completions"}.get(dialect, "/v1/messages")
    one, other = (DIALECTS[dialect].facts(path, data).prompt.lineage for data in (compact, spaced)[::order])
    assert one == other and one.terms


def test_a_single_text_shows_nothing() -> None:
    assert lineage("openai-responses", {"model": "m", "input": "hi"}) == Lineage()
