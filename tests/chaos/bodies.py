"""The requests of the cases, in every dialect, with the markers that tell the simulated providers what to do."""

from __future__ import annotations

import json
from typing import Any

from tests.chaos.cases import SLOW_MS, Case

WORDS = "the table of sessions keeps every row that a caller asked for while it was reading "
_SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
_FULL = "[sim:output=30] [sim:thinking=0]"

Turns = list[tuple[str, str]]
"""(who, what)"""


def path(case: Case, *, stream: bool) -> str:
    """Of the request, below the provider."""
    if case.dialect == "gemini":
        verb = "streamGenerateContent?alt=sse&key=k" if stream else "generateContent?key=k"
        return f"/v1beta/models/{case.model}:{verb}"
    return {"anthropic": "/v1/messages", "chat": "/v1/chat/completions", "responses": "/v1/responses"}[case.dialect]


def first_turn(case: Case) -> bytes:
    """The turn before, which is answered in full."""
    return _encoded(case, [("user", f"{_opening(case)} {_FULL}")], stream=False)


def request(case: Case, answered: str | None, previous: str | None) -> bytes:
    """The call itself; `answered` is what the turn before said, `previous` its id."""
    if answered is None:
        return _encoded(case, [("user", f"{_opening(case)} {_markers(case)}")], stream=case.stream)
    now = ("user", f"go on {_markers(case)}")
    if case.continued:
        return _encoded(case, [now], stream=case.stream, previous=previous)
    return _encoded(case, [("user", f"{_opening(case)} {_FULL}"), ("assistant", answered), now], stream=case.stream)


def _opening(case: Case) -> str:
    """What the person of this conversation says first; no two conversations begin alike."""
    text = f"case {case.number} " + WORDS * (case.prompt // len(WORDS) + 1)
    return text[: max(case.prompt, 20)]


def _markers(case: Case) -> str:
    marks = [f"output={case.output}", f"thinking={case.thinking}", f"billing={case.billing}"]
    marks += [f"search={case.search}"] if case.search else []
    marks += [word for word, wanted in (("tool", case.tool), ("gzip", case.gzip)) if wanted]
    match case.way:
        case "leave-hung":
            marks.append(f"hang={case.at}")
        case "leave-bytes" | "leave-time":
            marks += [f"slow={SLOW_MS}ms"] if case.stream else []
            marks += [f"wait={SLOW_MS * 6}ms"] if case.waits else []
        case "cut":
            marks.append(f"cut={case.at}")
        case "error":
            marks.append(f"midstream-error={case.at}")
        case "half":
            marks.append("halfevent")
        case "garbage":
            marks.append("garbage")
        case "refused":
            marks.append("error=529")
        case _:
            pass
    return " ".join(f"[sim:{mark}]" for mark in marks)


def _encoded(case: Case, turns: Turns, *, stream: bool, previous: str | None = None) -> bytes:
    if case.dialect == "responses":
        body = _responses(case, turns, previous)
    else:
        body = {"anthropic": _anthropic, "chat": _chat, "gemini": _gemini}[case.dialect](case, turns)
    if case.dialect != "gemini":
        body |= {"model": case.model, "stream": stream}
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


def _anthropic(case: Case, turns: Turns) -> dict[str, Any]:
    life = {"type": "ephemeral", "ttl": "1h" if case.number % 2 else "5m"}
    tools: list[dict[str, Any]] = [{"name": "bash", "input_schema": _SCHEMA}] if case.tool else []
    tools += [{"type": "web_search_20250305", "name": "web_search"}] if case.search else []
    messages: list[dict[str, Any]] = [{"role": who, "content": [{"type": "text", "text": text}]} for who, text in turns]
    messages[0]["content"][0]["cache_control"] = life
    thinking = {"type": "adaptive", "display": "summarized" if case.shown else "omitted"}
    return {
        "max_tokens": case.limit,
        "messages": messages,
        "thinking": thinking if case.thinking else None,
        "tools": tools or None,
        "speed": case.tier,
        "inference_geo": case.geo,
    }


def _chat(case: Case, turns: Turns) -> dict[str, Any]:
    function = {"type": "function", "function": {"name": "bash", "parameters": _SCHEMA}}
    return {
        "messages": [{"role": who, "content": text} for who, text in turns],
        "reasoning_effort": "high" if case.thinking else "none",
        "max_completion_tokens": case.limit,
        "tools": [function] if case.tool else None,
        "service_tier": case.tier,
    }


def _responses(case: Case, turns: Turns, previous: str | None) -> dict[str, Any]:
    tools: list[dict[str, Any]] = [{"type": "function", "name": "bash", "parameters": _SCHEMA}] if case.tool else []
    tools += [{"type": "web_search"}] if case.search else []
    return {
        "input": [{"type": "message", "role": who, "content": text} for who, text in turns],
        "reasoning": {"effort": "high" if case.thinking else "none", "summary": "auto" if case.shown else None},
        "max_output_tokens": case.limit,
        "previous_response_id": previous,
        "tools": tools or None,
        "service_tier": case.tier,
    }


def _gemini(case: Case, turns: Turns) -> dict[str, Any]:
    roles = {"user": "user", "assistant": "model"}
    config: dict[str, Any] = {"maxOutputTokens": case.limit} if case.limit else {}
    config["thinkingConfig"] = {"includeThoughts": case.shown, "thinkingBudget": case.thinking}
    return {
        "contents": [{"role": roles[who], "parts": [{"text": text}]} for who, text in turns],
        "generationConfig": config,
        "tools": [{"functionDeclarations": [{"name": "bash", "parameters": _SCHEMA}]}] if case.tool else None,
    }
