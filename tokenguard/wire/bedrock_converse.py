"""Amazon Bedrock's Converse API: `POST /model/X/converse` and `/converse-stream`.

`inputTokens` excludes what was read from a cache or written to one (18 of 18 recorded responses). The answer names no
model; that of the path is the one that is billed, unless a prompt router says which it took.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

import msgspec
from msgspec import Raw, Struct, field

from tokenguard.records import Context, Facts, Leg, Reading, Usage
from tokenguard.wire.bounds import uncapped
from tokenguard.wire.decoding import Count, Reader
from tokenguard.wire.meters import BodyMeter, FrameMeter
from tokenguard.wire.shape import NO_HEADERS, Meter, Refusal
from tokenguard.wire.sse import STRING
from tokenguard.wire.thinking import least_output
from tokenguard.wire.weighing import Messages, weigh

NAME = "bedrock-converse"

_PATH = re.compile(r"/model/([^/]+)/converse(-stream)?$")
_WANTED = re.compile(rb'"usage"')
_CONTENT = re.compile(rb'"(?:text|input)": *' + STRING)
_REMOTE = re.compile(rb'"s3Location":')


class _CacheDetail(Struct):
    ttl: str = ""
    inputTokens: Count = 0


class ConverseUsage(Struct):
    """Usage in Bedrock's own words; Amazon's models use the longer names."""

    inputTokens: Count | None = None
    outputTokens: Count | None = None
    cacheReadInputTokens: Count | None = None
    cacheWriteInputTokens: Count | None = None
    cacheReadInputTokenCount: Count | None = None
    cacheWriteInputTokenCount: Count | None = None
    cacheDetails: list[_CacheDetail] | None = None


class _Tier(Struct):
    type: str | None = None


class _Performance(Struct):
    latency: str | None = None


class _Router(Struct):
    invokedModelId: str | None = None


class _Trace(Struct):
    promptRouter: _Router | None = None


class _Answer(Struct):
    """A whole body, or the payload of a stream's `metadata` event."""

    usage: ConverseUsage | None = None
    serviceTier: _Tier | None = None
    performanceConfig: _Performance | None = None
    trace: _Trace | None = None
    type: str | None = field(name="__type", default=None)


class _Tool(Struct):
    systemTool: _Router | None = None


class _Tools(Struct):
    tools: list[_Tool] = []


class _Inference(Struct):
    maxTokens: Count | None = None


class _Additional(Struct):
    """Claude's, by either name."""

    thinking: Raw = Raw()
    reasoning_config: Raw = Raw()


class _Request(Struct):
    inferenceConfig: _Inference | None = None
    toolConfig: _Tools | None = None
    serviceTier: _Tier | None = None
    performanceConfig: _Performance | None = None
    additionalModelRequestFields: Raw = Raw()
    system: Raw = Raw()
    messages: Messages = None


_ANSWER = Reader(_Answer)
_REQUEST = Reader(_Request)
_ADDITIONAL = Reader(_Additional)


def claims(method: str, path: str) -> bool:
    return method == "POST" and _PATH.search(path) is not None


def facts(path: str, body: bytes) -> Facts:
    request, whole = _REQUEST.read(body)
    found = _PATH.search(path)
    if request is None or found is None:
        raise ValueError("not a JSON object")
    tools = request.toolConfig.tools if request.toolConfig is not None else []
    prompt, trail = weigh(body, "messages", request.messages, request.system)
    return Facts(
        model=unquote(found[1]),
        stream=found[2] is not None,
        max_output=request.inferenceConfig.maxTokens if request.inferenceConfig is not None else None,
        body_bytes=len(body),
        has_tools=bool(tools),
        uncapped=uncapped(_uncapped(tools), body, remote=_REMOTE if prompt.refers else None, whole=whole),
        tier=request.serviceTier.type if request.serviceTier is not None else None,
        speed=_speed(request.performanceConfig),
        prompt=prompt,
        least_output=least_output(_thinking(request.additionalModelRequestFields)),
        trail=trail,
    )


def meter(facts: Facts, provider: str, *, stream: bool, headers: Mapping[str, str] = NO_HEADERS) -> Meter:
    if stream or facts.stream:
        return FrameMeter(ConverseAccount(facts.model), wanted=_WANTED, content=_CONTENT)
    return BodyMeter(lambda: ConverseAccount(facts.model))


def refuse(text: str) -> Refusal:
    error = {"__type": "ValidationException", "message": text}
    return Refusal(400, "application/json", msgspec.json.encode(error))


class ConverseAccount:
    """The account of one answer."""

    def __init__(self, requested_model: str) -> None:
        self._model = requested_model
        self._served: str | None = None
        self._answer: _Answer | None = None
        self._error: str | None = None
        self._marks: set[str] = set()

    def take(self, name: str, data: bytes) -> None:
        if name.endswith("Exception"):
            self._error = name
            return
        answer, whole = _ANSWER.read(data)
        if answer is not None:
            self._error = answer.type or self._error
        if answer is None or answer.usage is None:
            return
        if not whole:
            self._marks.add("malformed-usage")
        self._answer = answer
        router = answer.trace.promptRouter if answer.trace is not None else None
        self._served = router.invokedModelId if router is not None else None

    def reading(self, *, ended: bool) -> Reading:
        marks = set(self._marks)
        legs: tuple[Leg, ...] = ()
        answer = self._answer
        if answer is not None and answer.usage is not None:
            tier = answer.serviceTier.type if answer.serviceTier is not None else None
            context = Context(tier, _speed(answer.performanceConfig))
            legs = (Leg(self._served or self._model, buckets(answer.usage, marks), context=context),)
        state = "final" if legs else "none"
        return Reading(legs, state, model=self._served, error=self._error, marks=tuple(sorted(marks)))


def buckets(usage: ConverseUsage, marks: set[str]) -> Usage:
    """Disjoint buckets; adds to `marks` which rules had to be applied."""
    if usage.inputTokens is None:
        marks.add("prompt-count-missing")
    if usage.outputTokens is None:
        marks.add("output-count-missing")
    read = usage.cacheReadInputTokens or usage.cacheReadInputTokenCount or 0
    written = usage.cacheWriteInputTokens or usage.cacheWriteInputTokenCount or 0
    long = sum(detail.inputTokens for detail in usage.cacheDetails or () if detail.ttl == "1h")
    long = min(long, written)
    return Usage(usage.inputTokens or 0, read, written - long, long, usage.outputTokens or 0)


def _speed(performance: _Performance | None) -> str | None:
    return performance.latency if performance is not None and performance.latency != "standard" else None


def _thinking(additional: Raw) -> Raw:
    read = _ADDITIONAL.read(bytes(additional))[0] if additional else None
    return Raw() if read is None else read.thinking or read.reasoning_config


def _uncapped(tools: list[_Tool]) -> Iterable[str]:
    if any(tool.systemTool is not None for tool in tools):
        yield "systemTool"
