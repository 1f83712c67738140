"""Gemini CLI's chats and Qwen Code's, whose counts have the same names."""

from __future__ import annotations

from typing import Any

from tests.parity.case import Case, Home, document, lines
from tokenguard.records import Usage

_ONE = Usage(input=200, cache_read=800, output=50)
_HEAD = {"sessionId": "s-1", "projectHash": "h", "startTime": "2026-03-01T10:00:00.000Z", "kind": "main"}


def _message(name: str = "m-1", **tokens: int) -> dict[str, Any]:
    counts = tokens or {"input": 1000, "output": 20, "cached": 800, "thoughts": 30, "tool": 0, "total": 1050}
    said = {"id": name, "timestamp": "2026-03-01T10:00:05.250Z", "type": "gemini", "content": "…"}
    return {**said, "tokens": counts, "model": "gemini-2.5-pro"}


def _chats(home: Home) -> Home:
    return home / ".gemini" / "tmp" / "web" / "chats"


def _plain(home: Home) -> None:
    lines(_chats(home) / "session-1.jsonl", _HEAD, _message(), {"$set": {"lastUpdated": "2026-03-01T10:00:06Z"}})


def _rewritten(home: Home) -> None:
    whole = {"$set": {"messages": [_message(), _message("m-2")]}}
    bare = {**_message(), "tokens": None}
    lines(_chats(home) / "session-1.jsonl", _HEAD, bare, _message(), _message("m-2"), _message(), whole)


def _resumed(home: Home) -> None:
    document(_chats(home) / "session-1.json", {**_HEAD, "messages": [_message()]})
    lines(_chats(home) / "session-1.jsonl", _HEAD, _message(), _message("m-2"))


def _tools(home: Home) -> None:
    counts: dict[str, Any] = {"input": 1000, "output": 20, "cached": 0, "thoughts": 0, "tool": 7, "total": 1027}
    lines(_chats(home) / "session-1.jsonl", _HEAD, _message(**counts))


def _only_total(home: Home) -> None:
    counts: dict[str, Any] = {"input": 1000, "output": 20, "cached": 0, "thoughts": 0, "tool": 0, "total": 1060}
    lines(_chats(home) / "session-1.jsonl", _HEAD, _message(**counts))


def _answer(uuid: str = "u-1", thoughts: int = 30, output: int = 50, **more: object) -> dict[str, Any]:
    counts = {
        "promptTokenCount": 1000,
        "candidatesTokenCount": output,
        "cachedContentTokenCount": 800,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": 1000 + output,
    }
    said = {"uuid": uuid, "sessionId": "c537", "timestamp": "2026-03-01T10:00:05.250Z", "type": "assistant"}
    return {**said, "cwd": "/home/ada/web", "model": "qwen3-coder-plus", "usageMetadata": counts, **more}


def _told(name: str, prompt: int = 1000) -> dict[str, Any]:
    event = {
        "event.name": "qwen-code.api_response",
        "event.timestamp": "2026-03-01T10:00:05.200Z",
        "response_id": name,
        "model": "qwen3-coder-plus",
        "input_token_count": prompt,
        "output_token_count": 50,
        "cached_content_token_count": 800,
        "thoughts_token_count": 30,
        "total_token_count": prompt + 50,
    }
    said = {"uuid": f"t-{name}", "sessionId": "c537", "timestamp": "2026-03-01T10:00:05.210Z", "type": "system"}
    return {**said, "subtype": "ui_telemetry", "systemPayload": {"uiEvent": event}}


def _qwen(home: Home, name: str = "c537") -> Home:
    return home / ".qwen" / "projects" / "-home-ada-web" / "chats" / f"{name}.jsonl"


def _inside(home: Home) -> None:
    lines(_qwen(home), _answer())


def _plain_qwen(home: Home) -> None:
    lines(_qwen(home), _answer(thoughts=0))


def _telemetry(home: Home) -> None:
    lines(_qwen(home), _told("r-1"), _answer(), _told("r-2", 900))


def _forked(home: Home) -> None:
    origin = {"forkedFrom": {"sessionId": "c537", "messageUuid": "u-1"}, "sessionId": "d1"}
    lines(_qwen(home), _answer(thoughts=0))
    lines(_qwen(home, "d1"), {**_answer(thoughts=0), **origin})


CASES = (
    Case("gemini", "cached tokens inside the input, thoughts outside the output", _plain, _ONE),
    Case("gemini", "messages that are written again, and a whole chat in a line", _rewritten, _ONE + _ONE),
    Case("gemini", "a document that was resumed, and its lines", _resumed, _ONE + _ONE, "counts both"),
    Case("gemini", "what tools added to the prompt", _tools, Usage(input=1007, output=20)),
    Case("gemini", "thoughts that only the total has", _only_total, Usage(input=1000, output=60)),
    Case(
        "qwen",
        "cached tokens inside the prompt",
        _plain_qwen,
        _ONE,
        "counts cached tokens beside the prompt that has them",
    ),
    Case(
        "qwen",
        "thoughts inside the output, as with OpenAI's protocol",
        _inside,
        _ONE,
        "counts thoughts, too, beside the output that has them",
    ),
    Case(
        "qwen",
        "telemetry of an answer, and of a hidden call",
        _telemetry,
        _ONE + Usage(100, 800, output=50),
        "reads no telemetry, and counts cached tokens and thoughts again",
    ),
    Case("qwen", "a fork that repeats the history", _forked, _ONE, "counts copies, and cached tokens again"),
)
