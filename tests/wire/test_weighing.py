from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tests.wire.support import body
from tokenguard.records import Prompt, Trail
from tokenguard.wire import DIALECTS
from tokenguard.wire.weighing import weigh

TEXT = "Lorem ipsum dolor sit amet, consectetur. " * 50
IMAGE = base64.b64encode(bytes(range(256)) * 8).decode()
SEALED = "gAAAAAB" + "x" * 500

PATHS = {
    "anthropic-messages": "/v1/messages",
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "gemini": "/v1beta/models/gemini-2.5-pro:generateContent",
    "bedrock-converse": "/model/amazon.nova-pro-v1:0/converse",
    "code-assist": "/v1internal:generateContent",
    "ollama": "/api/chat",
}

Part = dict[str, Any]


def said(dialect: str, *turns: tuple[str, list[Part]], system: str = "") -> dict[str, Any]:
    """A request of the dialect with these messages: (role, parts)."""
    if dialect in ("gemini", "code-assist"):
        contents = [{"role": "model" if role == "assistant" else role, "parts": parts} for role, parts in turns]
        request: dict[str, Any] = {"contents": contents}
        if system:
            request["systemInstruction"] = {"parts": [{"text": system}]}
        return {"model": "gemini-2.5-pro", "request": request} if dialect == "code-assist" else request
    messages: list[dict[str, Any]] = [{"role": role, "content": parts} for role, parts in turns]
    request = {"model": "m", "input" if dialect == "openai-responses" else "messages": messages}
    if system and dialect == "openai-chat":
        messages.insert(0, {"role": "system", "content": system})
    elif system:
        request["instructions" if dialect == "openai-responses" else "system"] = system
    return request


def weighed(dialect: str, request: dict[str, Any]) -> Prompt:
    data = json.dumps(request, separators=(",", ":")).encode()
    return DIALECTS[dialect].facts(PATHS[dialect], data).prompt


def text(value: str) -> Part:
    return {"text": value}


@pytest.mark.parametrize("dialect", PATHS)
def test_text_is_counted_without_its_framing(dialect: str) -> None:
    one = weighed(dialect, said(dialect, ("user", [text(TEXT)])))
    assert (one.messages, one.media, one.sealed_bytes) == (1, 0, 0)
    assert one.text_bytes == pytest.approx(len(TEXT), abs=15)
    more = weighed(
        dialect, said(dialect, ("user", [text(TEXT)]), ("assistant", [text(TEXT)]), ("user", [text("go on")]))
    )
    assert more.messages == 3
    assert more.text_bytes == pytest.approx(2 * len(TEXT) + 5, abs=30)
    assert more.opening == one.opening


@pytest.mark.parametrize(
    ("value", "grain"),
    [
        ("four words of prose", 19 / 4),
        ("if (x[1] != 42)", 15 / 10),
        ("2026-11-21", 10 / 6),
        ("antidisestablishmentarianism", 28 / 3),
    ],
)
def test_a_sample_tells_prose_from_code(value: str, grain: float) -> None:
    for dialect in ("anthropic-messages", "openai-chat", "gemini"):
        assert weighed(dialect, said(dialect, ("user", [text(value)]))).grain == pytest.approx(grain)


def test_the_sample_is_of_the_beginning_and_stays_the_same() -> None:
    first = said("anthropic-messages", ("user", [text(TEXT)]), system=TEXT)
    later = said("anthropic-messages", ("user", [text(TEXT)]), ("assistant", [text("{}" * 2_000)]), system=TEXT)
    assert weighed("anthropic-messages", first).grain == weighed("anthropic-messages", later).grain > 0


@pytest.mark.parametrize("dialect", PATHS)
def test_the_system_prompt_is_text(dialect: str) -> None:
    plain = weighed(dialect, said(dialect, ("user", [text(TEXT)])))
    with_system = weighed(dialect, said(dialect, ("user", [text(TEXT)]), system=TEXT))
    assert with_system.text_bytes - plain.text_bytes == pytest.approx(len(TEXT), abs=20)
    assert with_system.messages == plain.messages + 1
    assert abs(with_system.other_bytes - plain.other_bytes) < 25


@pytest.mark.parametrize(
    ("dialect", "part"),
    [
        (
            "anthropic-messages",
            {"type": "image", "source": {"type": "base64", "data": IMAGE}},
        ),
        ("openai-chat", {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}}),
        ("openai-chat", {"type": "input_audio", "input_audio": {"data": IMAGE, "format": "wav"}}),
        ("openai-responses", {"type": "input_image", "image_url": f"data:image/png;base64,{IMAGE}"}),
        ("openai-responses", {"type": "input_file", "file_data": f"data:application/pdf;base64,{IMAGE}"}),
        ("gemini", {"inlineData": {"mimeType": "image/png", "data": IMAGE}}),
        ("bedrock-converse", {"document": {"format": "pdf", "source": {"bytes": IMAGE}}}),
    ],
)
def test_media_are_counted_apart(dialect: str, part: Part) -> None:
    plain = weighed(dialect, said(dialect, ("user", [text(TEXT)])))
    prompt = weighed(dialect, said(dialect, ("user", [text(TEXT), part, part])))
    assert prompt.media == 2
    assert prompt.media_bytes == pytest.approx(2 * len(IMAGE), abs=60)
    assert abs(prompt.text_bytes - plain.text_bytes) < 200


def test_an_image_inside_of_a_tools_result_is_one() -> None:
    image = {"type": "image", "source": {"type": "base64", "data": IMAGE}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [image]}
    assert weighed("anthropic-messages", said("anthropic-messages", ("user", [result]))).media == 1


@pytest.mark.parametrize(
    ("dialect", "part"),
    [
        ("anthropic-messages", {"type": "thinking", "thinking": "so", "signature": SEALED}),
        ("gemini", {"functionCall": {"name": "f"}, "thoughtSignature": SEALED}),
    ],
)
def test_sealed_reasoning_is_counted_apart(dialect: str, part: Part) -> None:
    prompt = weighed(dialect, said(dialect, ("user", [text(TEXT)]), ("assistant", [part])))
    assert prompt.sealed_bytes == len(SEALED)
    assert prompt.text_bytes == pytest.approx(len(TEXT), abs=80)


def test_items_of_the_responses_api_are_messages() -> None:
    items: list[dict[str, Any]] = [
        {"role": "user", "content": "fix it"},
        {"type": "reasoning", "summary": [], "encrypted_content": SEALED},
        {"type": "function_call", "call_id": "call_1", "name": "shell", "arguments": '{"command":"ls"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": TEXT},
    ]
    prompt = weighed("openai-responses", {"model": "m", "input": items})
    assert (prompt.messages, prompt.sealed_bytes) == (4, len(SEALED))
    assert prompt.text_bytes == pytest.approx(len(TEXT), abs=100)
    assert prompt.opening == weighed("openai-responses", {"model": "m", "input": items[:1]}).opening


def test_a_single_text_is_a_message() -> None:
    prompt = weighed("openai-responses", {"model": "m", "input": "Hello there"})
    assert prompt == Prompt(messages=1, text_bytes=11, grain=5.5, other_bytes=22)
    assert weighed("ollama", {"model": "m", "prompt": "Hello there"}).messages == 1
    titan = DIALECTS["bedrock-invoke"].facts("/model/titan/invoke", b'{"inputText":"Hello there"}')
    assert titan.prompt == Prompt(messages=1, text_bytes=11, grain=5.5, other_bytes=14)


def test_what_json_in_a_text_says_is_text() -> None:
    quoted = json.dumps({"type": "compaction", "signature": "x" * 300, "data": IMAGE, "cache_control": {"ttl": "1h"}})
    prompt = weighed("anthropic-messages", said("anthropic-messages", ("user", [text(quoted)])))
    assert (prompt.media, prompt.sealed_bytes, prompt.cache_life) == (0, 0, None)
    assert prompt.text_bytes >= len(quoted)


def test_arguments_of_tools_are_text_whatever_their_names() -> None:
    call = {
        "type": "tool_use",
        "id": "t",
        "name": "f",
        "input": {"data": "a, b and c", "url": "https://x/" + "y" * 300},
    }
    prompt = weighed("anthropic-messages", said("anthropic-messages", ("assistant", [call])))
    assert (prompt.media, prompt.media_bytes) == (0, 0)


def test_only_what_follows_the_last_compaction_counts() -> None:
    summary = {"type": "compaction", "content": "what happened so far"}
    image = {"type": "image", "source": {"type": "base64", "data": IMAGE}}
    turns = [
        ("user", [text(TEXT), image]),
        ("assistant", [summary]),
        ("user", [text(TEXT)]),
        ("assistant", [summary, text("Well")]),
        ("user", [text("and now?")]),
    ]
    prompt = weighed("anthropic-messages", said("anthropic-messages", *turns, system="Be brief."))
    assert (prompt.messages, prompt.media, prompt.media_bytes) == (3, 0, 0)
    assert prompt.text_bytes < 200


@pytest.mark.parametrize(
    ("mark", "life"),
    [
        ({}, None),
        ({"cache_control": {"type": "ephemeral"}}, "5m"),
        ({"cache_control": {"type": "ephemeral", "ttl": "5m"}}, "5m"),
        ({"cache_control": {"type": "ephemeral", "ttl": "1h"}}, "1h"),
    ],
)
def test_cache_marks_are_found_wherever_they_are(mark: dict[str, Any], life: str | None) -> None:
    marked = text("hi") | mark
    asked = said("anthropic-messages", ("user", [text("hi")]))
    assert weighed("anthropic-messages", asked | {"system": [marked]}).cache_life == life
    assert weighed("anthropic-messages", said("anthropic-messages", ("user", [marked]))).cache_life == life
    assert weighed("anthropic-messages", asked | mark).cache_life == life


def test_the_longest_life_that_is_asked_for_counts() -> None:
    marks: list[Part] = [text("a") | {"cache_control": {"type": "ephemeral", "ttl": ttl}} for ttl in ("1h", "5m")]
    assert weighed("anthropic-messages", said("anthropic-messages", ("user", marks))).cache_life == "1h"


def test_a_conversation_is_known_though_its_cache_marks_move_on() -> None:
    mark: Part = {"cache_control": {"type": "ephemeral"}}
    first = said("anthropic-messages", ("user", [text("fix it") | mark]))
    later = said("anthropic-messages", ("assistant", [text("done")]), ("user", [text("more") | mark]))
    later["messages"].insert(0, {"role": "user", "content": "fix it"})
    assert weighed("anthropic-messages", first).opening == weighed("anthropic-messages", later).opening


def test_another_beginning_is_another_conversation() -> None:
    one, other = (weighed("gemini", said("gemini", ("user", [text(words)]))) for words in ("fix it", "break it"))
    assert one.opening != other.opening


def test_a_response_that_is_continued_adds_only_what_is_new() -> None:
    request = {"model": "m", "input": "go on", "instructions": TEXT, "previous_response_id": "resp_1"}
    prompt = weighed("openai-responses", request)
    assert (prompt.continues, prompt.text_bytes, prompt.other_bytes, prompt.messages) == ("resp_1", 5, 0, 1)


def test_server_tools_with_a_maximum_are_rounds() -> None:
    tools = [{"type": "web_search_20250305", "max_uses": 3}, {"type": "web_fetch_20250910", "max_uses": 2}]
    assert DIALECTS["anthropic-messages"].facts("/v1/messages", body({"tools": tools})).rounds == 6
    assert DIALECTS["openai-responses"].facts("/v1/responses", body({"max_tool_calls": 3})).rounds == 4


@pytest.mark.parametrize("message", [b"7", b'{"role":{}}', b'{"content":{"text":1}}', b'{"content":[[]]}'])
def test_messages_of_another_shape_are_text(message: bytes) -> None:
    prompt, _ = weigh(b'{"messages":[%b]}' % message, "messages", [Raw(message)])
    assert (prompt.messages, prompt.opening) == (1, 0)
    assert prompt.text_bytes == pytest.approx(len(message) + 2, abs=2)


@pytest.mark.parametrize("messages", [{}, 7])
def test_what_is_no_list_of_messages_is_not_weighed(messages: object) -> None:
    facts = DIALECTS["anthropic-messages"].facts("/v1/messages", body({"messages": messages}))
    assert (facts.prompt, facts.uncapped) == (Prompt(refers=True), ("malformed-request",))


def test_without_messages_there_is_nothing_to_weigh() -> None:
    assert weigh(b'{"inputText":"hi"}', "messages", None) == (Prompt(refers=True), Trail())


def test_grains_are_remembered_but_never_mixed_up() -> None:
    def grain(number: int) -> float:
        words = "seven " * (number % 9) + "x " * number
        return weighed("anthropic-messages", said("anthropic-messages", ("user", [text(words[:400])]))).grain

    found = [grain(number) for number in range(400)]
    assert len(set(found)) > 100
    assert [grain(number) for number in reversed(range(400))] == found[::-1]


KEYS = st.sampled_from(["data", "url", "signature", "type", "cache_control", "content", "parts", "text", "role"])
VALUES = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=80), st.just("compaction"), st.just(IMAGE)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=20,
)


@given(VALUES, VALUES)
def test_any_json_can_be_weighed(messages: object, system: object) -> None:
    whole = body({"messages": messages, "system": system})
    prompt = DIALECTS["anthropic-messages"].facts("/v1/messages", whole).prompt
    assert min(prompt.text_bytes, prompt.media_bytes, prompt.sealed_bytes, prompt.media) >= 0
    assert prompt.text_bytes <= len(whole)
