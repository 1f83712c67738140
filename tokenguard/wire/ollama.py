"""Ollama's own API: `POST /api/chat` and `/api/generate`, which answer in JSON lines unless told otherwise.

The last line has the counts. `prompt_eval_count` is missing in 9 of 30 recorded answers, when the prompt was in the
cache or the server is old (`prompt-count-missing`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from tokenguard.records import Facts, Leg, Reading, Usage
from tokenguard.wire.decoding import Count, Reader
from tokenguard.wire.meters import LineMeter
from tokenguard.wire.shape import NO_HEADERS, Meter, Refusal
from tokenguard.wire.sse import STRING
from tokenguard.wire.weighing import Messages, weigh

NAME = "ollama"

_CONTENT = re.compile(rb'"(?:content|response|thinking)": *' + STRING)


class _Options(Struct):
    num_predict: int | None = None
    """Negative is without limit."""


class _Any(Struct):
    pass


class _Request(Struct):
    model: str = ""
    stream: bool | None = None
    options: _Options | None = None
    tools: list[_Any] | None = None
    messages: Messages = None
    system: Raw = Raw()
    prompt: str | None = None


class _Line(Struct):
    model: str | None = None
    done: bool = False
    prompt_eval_count: Count | None = None
    eval_count: Count | None = None
    error: str | None = None


_REQUEST = Reader(_Request)
_LINE = Reader(_Line)


def claims(method: str, path: str) -> bool:
    return method == "POST" and path.endswith(("/api/chat", "/api/generate"))


def facts(path: str, body: bytes) -> Facts:
    request, whole = _REQUEST.read(body)
    if request is None:
        raise ValueError("not a JSON object")
    prompt, trail = weigh(body, "messages", request.messages or request.prompt, request.system)
    limit = request.options.num_predict if request.options is not None else None
    return Facts(
        model=request.model,
        stream=request.stream is not False,
        max_output=limit if limit is not None and limit >= 0 else None,
        body_bytes=len(body),
        has_tools=bool(request.tools),
        uncapped=() if whole else ("malformed-request",),
        prompt=prompt,
        trail=trail,
    )


def meter(facts: Facts, provider: str, *, stream: bool, headers: Mapping[str, str] = NO_HEADERS) -> Meter:
    return LineMeter(LineAccount(facts.model), content=_CONTENT)


def refuse(text: str) -> Refusal:
    return Refusal(400, "application/json", msgspec.json.encode({"error": text}))


class LineAccount:
    """The account of one answer."""

    def __init__(self, requested_model: str) -> None:
        self._model = requested_model
        self._served: str | None = None
        self._last: _Line | None = None
        self._error: str | None = None
        self._marks: set[str] = set()

    def take(self, name: str, data: bytes) -> None:
        line, whole = _LINE.read(data)
        if line is None:
            return
        if not whole:
            self._marks.add("malformed-usage")
        self._served = line.model or self._served
        if line.error is not None:
            self._error = "error"
        if line.done and (line.prompt_eval_count is not None or line.eval_count is not None):
            self._last = line

    def reading(self, *, ended: bool) -> Reading:
        marks = set(self._marks)
        legs: tuple[Leg, ...] = ()
        if self._last is not None:
            if self._last.prompt_eval_count is None:
                marks.add("prompt-count-missing")
            if self._last.eval_count is None:
                marks.add("output-count-missing")
            usage = Usage(input=self._last.prompt_eval_count or 0, output=self._last.eval_count or 0)
            legs = (Leg(self._served or self._model, usage),)
        state = "final" if legs else "none"
        return Reading(legs, state, model=self._served, error=self._error, marks=tuple(sorted(marks)))
