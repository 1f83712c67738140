"""Claude Code's lines."""

from __future__ import annotations

import json
from typing import Any

from tests.parity.case import Case, Home, lines
from tokenguard.records import Usage

_COUNTS = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 200,
    "cache_read_input_tokens": 3000,
    "output_tokens": 40,
    "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 0},
}
_ONE = Usage(input=10, cache_read=3000, cache_write_5m=200, output=40)


def _answer(name: str = "msg_1", request: str | None = "req_1", **more: Any) -> dict[str, Any]:
    message = {
        "id": name,
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-5-20251101",
        "usage": _COUNTS,
    }
    line = {
        "type": "assistant",
        "sessionId": "s-1",
        "uuid": f"u-{name}",
        "timestamp": "2026-03-01T10:00:05.250Z",
        "cwd": "/home/ada/web",
        "message": {**message, **more.pop("message", {})},
        **more,
    }
    return line if request is None else {**line, "requestId": request}


def _counts(**more: object) -> dict[str, Any]:
    return {"message": {"usage": {**_COUNTS, **more}}}


def _file(home: Home, name: str = "s-1") -> Home:
    return home / ".claude" / "projects" / "-home-ada-web" / f"{name}.jsonl"


def _blocks(home: Home) -> None:
    grown = (_counts(output_tokens=count) for count in (1, 1, 40))
    lines(_file(home), *(_answer(**counts) for counts in grown))


def _resumed(home: Home) -> None:
    lines(_file(home), _answer(), _answer("msg_2", "req_2"))
    lines(_file(home, "s-2"), *({**one, "sessionId": "s-2"} for one in (_answer(), _answer("msg_2", "req_2"))))


def _without_request(home: Home) -> None:
    lines(_file(home), _answer(request=None), _answer(request=None))


def _sub_agent(home: Home) -> None:
    below = {**_answer("msg_2", "req_2"), "isSidechain": True, "agentId": "a1"}
    progress = {"type": "progress", "sessionId": "s-1", "data": {"message": below}, "timestamp": below["timestamp"]}
    result = {"type": "user", "sessionId": "s-1", "toolUseResult": {"usage": _COUNTS}, "message": {"role": "user"}}
    lines(_file(home), _answer(), progress, {**result, "timestamp": below["timestamp"]})
    lines(home / ".claude/projects/-home-ada-web/s-1/subagents/agent-a1.jsonl", below)


def _advisor(home: Home) -> None:
    turns = [
        {"type": "message", **_COUNTS},
        {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 500, "output_tokens": 60},
    ]
    lines(_file(home), _answer(**_counts(iterations=turns)))


def _only_split(home: Home) -> None:
    split = {"ephemeral_5m_input_tokens": 50, "ephemeral_1h_input_tokens": 150}
    lines(_file(home), _answer(**_counts(cache_creation_input_tokens=0, cache_creation=split)))


def _null_in_a_tool(home: Home) -> None:
    tool = {"type": "tool_use", "id": "toolu_1", "name": "fetch", "input": {"id": None}}
    lines(_file(home), _answer(message={"content": [tool]}))


def _null_speed(home: Home) -> None:
    lines(_file(home), _answer(**_counts(speed=None)))


def _spaced(home: Home) -> None:
    lines(_file(home), json.dumps(_answer(), separators=(", ", ": ")))


def _torn(home: Home) -> None:
    lines(_file(home), _answer(), '{"type":"assistant","message":{"id":"msg_2","usage":{"input_tok', end="")


CASES = (
    Case("claude", "a line for each block of a response, its output growing", _blocks, _ONE),
    Case("claude", "a resumed session, whose file repeats the history", _resumed, _ONE + _ONE),
    Case("claude", "copies of a line without a request's id", _without_request, _ONE),
    Case("claude", "a sub-agent in its own file, in its parent's progress and in a result", _sub_agent, _ONE + _ONE),
    Case("claude", "an advisor of another model within a response", _advisor, _ONE + Usage(input=500, output=60)),
    Case("claude", "cache writes that only the split by duration has", _only_split, _ONE),
    Case("claude", "a tool whose arguments have an `id` that is null", _null_in_a_tool, _ONE, "drops the line"),
    Case("claude", "a speed that is null", _null_speed, _ONE, "drops the line"),
    Case("claude", "JSON with spaces in it", _spaced, _ONE, "drops the line"),
    Case("claude", "a last line that is not written to its end", _torn, _ONE),
)
