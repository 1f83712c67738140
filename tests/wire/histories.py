"""Conversations with tools, written as the requests of each dialect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.wire.test_rewriting import PATHS
from tokenguard.records import Facts
from tokenguard.wire import DIALECTS

Json = dict[str, Any]


class Called(NamedTuple):
    """A tool and its arguments."""

    name: str
    given: Json


Turn = tuple[Called, ...]

LS = Called("Bash", {"command": "ls -la", "timeout": 5})
PWD = Called("Bash", {"command": "pwd"})
READ = Called("Read", {"path": "a.py"})


def request(
    dialect: str, turns: Sequence[Turn], *, prompt: str = "fix it", then: str | None = None, seed: int = 0
) -> Json:
    """A prompt, the turns with what came of their calls, and perhaps a further prompt.

    Whatever has no meaning (ids, signatures) depends on `seed`.
    """
    writer = _WRITERS[dialect]
    items = [writer.said(prompt)]
    for number, turn in enumerate(turns):
        items += writer.turn(turn, f"{seed}x{number}")
    if then is not None:
        items.append(writer.said(then))
    return writer.wrap(items)


def facts_of(dialect: str, request_: Json) -> Facts:
    """Of the request, compactly written as agents do."""
    return DIALECTS[dialect].facts(PATHS[dialect], json.dumps(request_, separators=(",", ":")).encode())


class _Anthropic:
    def wrap(self, items: list[Json]) -> Json:
        return {"model": "m", "max_tokens": 9, "messages": items}

    def said(self, text: str) -> Json:
        return {"role": "user", "content": [{"type": "text", "text": text}]}

    def turn(self, calls: Turn, ident: str) -> list[Json]:
        uses = [
            {"type": "tool_use", "id": f"toolu_{ident}{n}", "name": call.name, "input": call.given}
            for n, call in enumerate(calls)
        ]
        results = [
            {"type": "tool_result", "tool_use_id": use["id"], "content": f"done {ident}", "is_error": False}
            for use in uses
        ]
        thought = {"type": "thinking", "thinking": f"so {ident}", "signature": ident}
        reminder = {"type": "text", "text": "<system-reminder>the list is empty</system-reminder>"}
        return [{"role": "assistant", "content": [thought, *uses]}, {"role": "user", "content": [*results, reminder]}]


class _Chat:
    def wrap(self, items: list[Json]) -> Json:
        return {"model": "m", "messages": [{"role": "system", "content": "be brief"}, *items]}

    def said(self, text: str) -> Json:
        return {"role": "user", "content": text}

    def turn(self, calls: Turn, ident: str) -> list[Json]:
        uses = [
            {
                "id": f"call_{ident}{n}",
                "type": "function",
                "function": {"name": call.name, "arguments": self.given(call)},
            }
            for n, call in enumerate(calls)
        ]
        results = [{"role": "tool", "tool_call_id": use["id"], "content": f"done {ident}"} for use in uses]
        return [{"role": "assistant", "content": None, "tool_calls": uses}, *results]

    def given(self, call: Called) -> object:
        return json.dumps(call.given)


class _Ollama(_Chat):
    def given(self, call: Called) -> object:
        return call.given


class _Responses:
    def wrap(self, items: list[Json]) -> Json:
        return {"model": "m", "instructions": "be brief", "input": items}

    def said(self, text: str) -> Json:
        return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}

    def turn(self, calls: Turn, ident: str) -> list[Json]:
        uses = [
            {
                "type": "function_call",
                "id": f"fc_{ident}{n}",
                "call_id": f"call_{ident}{n}",
                "name": call.name,
                "arguments": json.dumps(call.given),
            }
            for n, call in enumerate(calls)
        ]
        results = [
            {"type": "function_call_output", "call_id": use["call_id"], "output": f"done {ident}"} for use in uses
        ]
        return [{"type": "reasoning", "summary": [], "encrypted_content": ident}, *uses, *results]


class _Gemini:
    def wrap(self, items: list[Json]) -> Json:
        return {"contents": items}

    def said(self, text: str) -> Json:
        return {"role": "user", "parts": [{"text": text}]}

    def turn(self, calls: Turn, ident: str) -> list[Json]:
        uses = [
            {"functionCall": {"id": ident, "name": call.name, "args": call.given}, "thoughtSignature": ident}
            for call in calls
        ]
        results = [
            {"functionResponse": {"id": ident, "name": call.name, "response": {"output": f"done {ident}"}}}
            for call in calls
        ]
        return [{"role": "model", "parts": uses}, {"role": "user", "parts": results}]


class _CodeAssist(_Gemini):
    def wrap(self, items: list[Json]) -> Json:
        return {"model": "m", "user_prompt_id": "volatile", "request": super().wrap(items)}


class _Converse:
    def wrap(self, items: list[Json]) -> Json:
        return {"messages": items, "inferenceConfig": {"maxTokens": 9}}

    def said(self, text: str) -> Json:
        return {"role": "user", "content": [{"text": text}]}

    def turn(self, calls: Turn, ident: str) -> list[Json]:
        uses = [
            {"toolUse": {"toolUseId": f"{ident}{n}", "name": call.name, "input": call.given}}
            for n, call in enumerate(calls)
        ]
        results = [
            {"toolResult": {"toolUseId": f"{ident}{n}", "content": [{"text": f"done {ident}"}]}}
            for n in range(len(calls))
        ]
        return [{"role": "assistant", "content": [{"text": "well"}, *uses]}, {"role": "user", "content": results}]


_WRITERS: dict[str, _Anthropic | _Chat | _Responses | _Gemini | _Converse] = {
    "anthropic-messages": _Anthropic(),
    "vertex-anthropic": _Anthropic(),
    "bedrock-invoke": _Anthropic(),
    "openai-chat": _Chat(),
    "ollama": _Ollama(),
    "openai-responses": _Responses(),
    "gemini": _Gemini(),
    "code-assist": _CodeAssist(),
    "bedrock-converse": _Converse(),
}
