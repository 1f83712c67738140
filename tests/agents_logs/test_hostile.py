"""What no module may do, whatever it is given: raise, show what cannot be, or let out what people wrote."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import astuple

from tests.agents_logs.support import Odd, file, places
from tokenguard.agents.logs import LOGS
from tokenguard.agents.logs.shape import Document, Lines, Sighting, Snapshot

SECRET = "zebra crossing"
"""What a person wrote or a model answered."""
TIME, AT_S, AT_MS = "2026-03-01T10:00:05.250Z", 1_772_359_205.25, 1_772_359_205_250
TEXT = [{"type": "text", "text": SECRET}]

_CLAUDE = {
    "input_tokens": 3,
    "output_tokens": 4,
    "cache_read_input_tokens": 5,
    "cache_creation": {"ephemeral_1h_input_tokens": 6},
}
_GEMINI = {
    "id": "m",
    "timestamp": TIME,
    "type": "gemini",
    "content": SECRET,
    "model": "gemini-3-pro",
    "tokens": {"input": 9, "output": 2, "cached": 3, "thoughts": 1, "tool": 0, "total": 12},
}
_CODEX = {
    "input_tokens": 9,
    "cached_input_tokens": 3,
    "output_tokens": 4,
    "reasoning_output_tokens": 1,
    "total_tokens": 13,
}
_KIMI = {"input_other": 9, "output": 3, "input_cache_read": 2, "input_cache_creation": 1}
_KIMI_CODE = {"inputOther": 9, "output": 3, "inputCacheRead": 2, "inputCacheCreation": 1}
_CLINE = {"inputTokens": 9, "outputTokens": 3, "cacheReadTokens": 2, "cacheWriteTokens": 1, "cost": 0.5}
_TASK = {"request": SECRET, "tokensIn": 9, "tokensOut": 3, "cacheReads": 2, "cacheWrites": 1, "cost": 0.5}
_AMP = {"model": "claude-opus-5-5", "inputTokens": 9, "outputTokens": 3, "cacheReadInputTokens": 2, "timestamp": TIME}
_PI = {"input": 9, "output": 3, "cacheRead": 2, "cacheWrite": 1, "totalTokens": 15, "cost": {"total": 0.5}}
_COPILOT = {"model": "gpt-6", "inputTokens": 9, "outputTokens": 3, "cacheReadTokens": 2, "apiCallId": "msg_01"}
_QWEN = {"promptTokenCount": 9, "candidatesTokenCount": 3, "cachedContentTokenCount": 2, "totalTokenCount": 12}
_DROID = {"inputTokens": 9, "outputTokens": 3, "thinkingTokens": 2, "cacheReadTokens": 1, "cacheCreationTokens": 1}

LINES: dict[str, list[Any]] = {
    "claude": [
        {
            "type": "assistant",
            "message": {"id": "m", "model": "claude-opus-5-5", "content": TEXT, "usage": _CLAUDE},
            "timestamp": TIME,
            "sessionId": "s",
            "uuid": "u",
            "cwd": "/srv",
        }
    ],
    "codex": [
        {"timestamp": TIME, "type": "session_meta", "payload": {"id": "t", "cwd": "/srv", "instructions": SECRET}},
        {"timestamp": TIME, "type": "turn_context", "payload": {"model": "gpt-6", "cwd": "/srv"}},
        {
            "timestamp": TIME,
            "type": "event_msg",
            "payload": {"type": "token_count", "info": {"total_token_usage": _CODEX, "last_token_usage": _CODEX}},
        },
        {"timestamp": TIME, "type": "token_usage_record", "payload": {"response_id": "r", "usage": _CODEX}},
    ],
    "gemini": [{"sessionId": "s", "kind": "main"}, _GEMINI],
    "qwen": [
        {
            "uuid": "u",
            "sessionId": "s",
            "timestamp": TIME,
            "type": "assistant",
            "cwd": "/srv",
            "model": "qwen3",
            "message": {"parts": TEXT},
            "usageMetadata": _QWEN,
        }
    ],
    "pi": [
        {"type": "session", "id": "s", "timestamp": TIME, "cwd": "/srv"},
        {
            "type": "message",
            "id": "a",
            "timestamp": TIME,
            "message": {"role": "assistant", "content": TEXT, "model": "gpt-6", "usage": _PI, "responseId": "r"},
        },
    ],
    "copilot": [
        {"type": "session.start", "data": {"sessionId": "s", "context": {"cwd": "/srv"}}, "timestamp": TIME},
        {"type": "session.usage_record", "data": {"usage": _COPILOT}, "timestamp": TIME},
    ],
    "kimi-cli": [
        {
            "timestamp": AT_S,
            "message": {"type": "StatusUpdate", "payload": {"token_usage": _KIMI, "message_id": "m", "x": SECRET}},
        },
        {
            "timestamp": AT_S,
            "message": {
                "type": "SubagentEvent",
                "payload": {"agent_id": "a", "event": {"type": "StatusUpdate", "payload": {"token_usage": _KIMI}}},
            },
        },
    ],
    "kimi-code": [
        {"type": "llm.request", "time": AT_MS, "provider": "kimi", "model": "kimi-k3", "modelAlias": "a", "x": SECRET},
        {"type": "context.append_loop_event", "event": {"type": "step.end", "usage": _KIMI_CODE, "messageId": "r"}},
        {"type": "usage.record", "time": AT_MS, "model": "a", "usage": _KIMI_CODE, "usageScope": "turn"},
    ],
}
"""Lines of a file, by agent."""

DOCUMENTS: dict[str, Any] = {
    "gemini": {"sessionId": "s", "messages": [_GEMINI]},
    "opencode": {
        "id": "msg_1",
        "sessionID": "s",
        "role": "assistant",
        "modelID": "gpt-6",
        "providerID": "openai",
        "cost": 0.5,
        "tokens": {"input": 9, "output": 3, "reasoning": 1, "cache": {"read": 2, "write": 1}},
        "time": {"created": AT_MS, "completed": AT_MS},
        "summary": {"body": SECRET},
    },
    "amp": {"id": "T-1", "title": SECRET, "messages": [{"role": "assistant", "messageId": 1, "usage": _AMP}]},
    "cline": [{"ts": AT_MS, "type": "say", "say": "api_req_started", "text": json.dumps(_TASK), "images": [SECRET]}],
    "cline-session": {"messages": [{"id": "m", "role": "assistant", "ts": AT_MS, "metrics": _CLINE, "content": TEXT}]},
    "droid": {"model": "gpt-6", "providerLock": "openai", "tokenUsage": _DROID, "title": SECRET},
}
"""A document, by agent."""

HOSTILE: list[Any] = [
    *(None, True, 0, -1, 1 << 53, 1 << 70, -(1 << 70), 0.5, -0.0, 1e308, float("nan"), float("inf"), -float("inf")),
    *(
        "",
        "a",
        "-1",
        "12",
        "{}",
        "[",
        "\0",
        "\ud800",
        "é" * 900,
        TIME,
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+23",
    ),
    *([], {}, [[]], [None], {"a": 1}, [{}] * 3),
]


def places_in(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each part of a document."""
    yield here
    inner: Mapping[Any, object] = {}
    if isinstance(value, dict):
        inner = cast("dict[str, object]", value)
    elif isinstance(value, list):
        inner = dict(enumerate(cast("list[object]", value)))
    for name, one in inner.items():
        yield from places_in(one, (*here, name))


def spoiled(value: Any) -> Iterator[bytes]:
    """Copies in each of which one part is something else, or missing."""
    for way in places_in(value):
        for other in HOSTILE:
            changed = [copy.deepcopy(value)]
            holder: Any = changed
            for step in (0, *way)[:-1]:
                holder = holder[step]
            holder[(0, *way)[-1]] = other
            yield json.dumps(changed[0]).encode()


def source_of(kind: type[Any], name: str) -> Any:
    """A source of an agent; the session's one of Cline's."""
    agent = name.removesuffix("-session")
    found = [one for one in LOGS[agent].sources(places()) if isinstance(one, kind)]
    return found[0] if agent == name else found[-1]


def near(source: Any, beside: bytes = b"") -> Any:
    """A file of a source, with documents beside it that all hold the same."""
    name = source.patterns[0].replace("**/", "a/b/").replace("*.json", "x.messages.json").replace("*", "x")
    at = file(f"{source.root}/{name}")
    return type(at)(at.path, AT_MS * 1_000, lambda name: beside if name.endswith(".json") else b"", lambda label: b"")


def follow(source: Lines, lines: list[bytes], odd: Odd, beside: bytes = b"") -> list[Sighting | Snapshot]:
    at, offset, state = near(source, beside), 0, b""
    found: list[Sighting | Snapshot] = []
    for one in lines:
        follower = source.follow(at, state, odd)
        found += follower.take(one, offset)
        offset, state = offset + len(one) + 1, follower.save()
        assert SECRET.encode() not in state
    return found


def read(source: Document, content: bytes, odd: Odd, beside: bytes = b"") -> list[Sighting | Snapshot]:
    return list(source.read(near(source, beside), content, odd))


def check(found: list[Sighting | Snapshot], odd: Odd) -> None:
    """That it can be, and can be written down."""
    for one in found:
        sighting = one.total if isinstance(one, Snapshot) else one
        assert min(astuple(sighting.usage)) >= 0
        assert sighting.usage.reasoning <= sighting.usage.output
        assert sighting.at_us >= 0
        assert (sighting.stated_nanos or 0) >= 0
        assert sighting.key and sighting.session
        assert SECRET not in repr(sighting)
        msgspec.json.encode(sighting)
    assert all(len(detail) < 60 and detail.isprintable() for _, detail in odd.seen)


@pytest.mark.parametrize("name", LINES)
def test_a_line_in_which_anything_is_wrong_is_no_worse_than_odd(name: str) -> None:
    source, lines = source_of(Lines, name), [json.dumps(one).encode() for one in LINES[name]]
    whole = follow(source, lines, Odd())
    assert whole
    check(whole, Odd())
    for number, one in enumerate(LINES[name]):
        for other in spoiled(one):
            odd = Odd()
            check(follow(source, [*lines[:number], other, *lines[number + 1 :]], odd), odd)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_in_which_anything_is_wrong_is_no_worse_than_odd(name: str) -> None:
    source = source_of(Document, name)
    whole = read(source, json.dumps(DOCUMENTS[name]).encode(), Odd())
    assert whole
    check(whole, Odd())
    for other in spoiled(DOCUMENTS[name]):
        odd = Odd()
        check(read(source, other, odd, beside=other), odd)


NONSENSE = [
    b"",
    b"{",
    b"null",
    b"7",
    b'"text"',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"\xff\xfe\0",
    b"\0" * 100,
    b"{}" * 9,
]


@pytest.mark.parametrize("content", NONSENSE, ids=lambda content: repr(content[:9]))
def test_what_is_no_json_is_odd_and_nothing_else(content: bytes) -> None:
    for name in LINES:
        odd = Odd()
        assert follow(source_of(Lines, name), [content], odd, content) == []
        check([], odd)
    for name in DOCUMENTS:
        odd = Odd()
        assert read(source_of(Document, name), content, odd, content) == []
        check([], odd)


def test_every_agent_whose_files_are_lines_or_documents_is_tried() -> None:
    alike = {"roo", "kilo"}
    kinds = {name: {type(one) for one in logs.sources(places())} for name, logs in LOGS.items()}
    assert {name for name in kinds if Lines in kinds[name]} == set(LINES)
    assert {name for name in kinds if Document in kinds[name]} - alike == set(DOCUMENTS) - {"cline-session"}
