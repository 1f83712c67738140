"""Amazon Bedrock's native calls: `POST /model/X/invoke` and `/invoke-with-response-stream`.

Body and answer are those of the model's maker. Some answers hold no usage at all: then the headers
`x-amzn-bedrock-*-token-count` of an unstreamed response, or `amazon-bedrock-invocationMetrics` in the last event of a
stream, are the bill. They fill in and do not replace: they know nothing of the lifetime of a cache. The counts of a
Titan stream without these metrics are no bill: they are sent for prompts that a guardrail blocked, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from msgspec import Struct, field
from msgspec.structs import replace

from tokenguard.records import Facts, Leg, Reading, Usage
from tokenguard.wire import anthropic, bedrock_converse
from tokenguard.wire.anthropic_usage import MessageAccount
from tokenguard.wire.bedrock_converse import ConverseUsage, refuse
from tokenguard.wire.chat_usage import ChatUsage
from tokenguard.wire.chat_usage import buckets as chat_buckets
from tokenguard.wire.decoding import Count, Reader
from tokenguard.wire.meters import WHOLE, BodyMeter, FrameMeter
from tokenguard.wire.shape import NO_HEADERS, Meter
from tokenguard.wire.sse import STRING
from tokenguard.wire.weighing import weigh

__all__ = ["NAME", "claims", "facts", "meter", "refuse"]

NAME = "bedrock-invoke"

_PATH = re.compile(r"/model/([^/]+)/invoke(-with-response-stream)?$")
_WANTED = re.compile(
    rb'"(?:usage|content_block|prompt_token_count|generation_token_count|amazon-bedrock-invocationMetrics)"'
)
_CONTENT = re.compile(rb'"(?:text|outputText|thinking|partial_json|generation|content)": *' + STRING)
_HEADERS = ("input-token-count", "output-token-count", "cache-read-input-token-count", "cache-write-input-token-count")
_DIGITS = 16
"""A number with as many digits is no number of tokens."""


class _Wrapped(Struct):
    data: bytes = field(name="bytes", default=b"")


class _Metrics(Struct):
    inputTokenCount: Count | None = None
    outputTokenCount: Count | None = None
    cacheReadInputTokenCount: Count | None = None
    cacheWriteInputTokenCount: Count | None = None


class _Metadata(Struct):
    usage: ConverseUsage | None = None


class _TitanResult(Struct):
    tokenCount: Count = 0


class _Answer(Struct):
    """A whole body or an event of a stream, of Amazon's and of Meta's models."""

    usage: ConverseUsage | None = None
    metadata: _Metadata | None = None
    inputTextTokenCount: Count | None = None
    results: list[_TitanResult] | None = None
    prompt_token_count: Count | None = None
    generation_token_count: Count | None = None
    metrics: _Metrics | None = field(name="amazon-bedrock-invocationMetrics", default=None)
    type: str | None = field(name="__type", default=None)


class _ChatAnswer(Struct):
    usage: ChatUsage | None = None


class _Generation(Struct):
    maxTokenCount: Count | None = None
    maxTokens: Count | None = None
    max_new_tokens: Count | None = None


class _Request(Struct):
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    max_gen_len: Count | None = None
    textGenerationConfig: _Generation | None = None
    inferenceConfig: _Generation | None = None
    inputText: str | None = None
    prompt: str | None = None


_WRAPPED = Reader(_Wrapped)
_ANSWER = Reader(_Answer)
_CHAT = Reader(_ChatAnswer)
_REQUEST = Reader(_Request)


def claims(method: str, path: str) -> bool:
    return method == "POST" and _PATH.search(path) is not None


def facts(path: str, body: bytes) -> Facts:
    found = _PATH.search(path)
    request, _ = _REQUEST.read(body)
    if request is None or found is None:
        raise ValueError("not a JSON object")
    generation = request.textGenerationConfig or request.inferenceConfig or _Generation()
    limits = (
        request.max_tokens,
        request.max_completion_tokens,
        request.max_gen_len,
        generation.maxTokenCount,
        generation.maxTokens,
        generation.max_new_tokens,
    )
    facts = anthropic.facts(path, body)
    prompt, trail = facts.prompt, facts.trail
    if not prompt.messages:
        prompt, trail = weigh(body, "prompt", request.inputText or request.prompt)
    return replace(
        facts,
        model=unquote(found[1]),
        stream=found[2] is not None,
        max_output=next((limit for limit in limits if limit is not None), None),
        prompt=prompt,
        trail=trail,
    )


def meter(facts: Facts, provider: str, *, stream: bool, headers: Mapping[str, str] = NO_HEADERS) -> Meter:
    if stream or facts.stream:
        account = InvokeAccount(facts.model, provider)
        return FrameMeter(account, wanted=_WANTED, content=_CONTENT, unwrap=_unwrapped)
    return BodyMeter(lambda: InvokeAccount(facts.model, provider, headers))


class InvokeAccount:
    """The account of one answer, whoever made the model."""

    def __init__(self, requested_model: str, provider: str, headers: Mapping[str, str] = NO_HEADERS) -> None:
        self._model = requested_model
        self._provider = provider
        self._message = MessageAccount(requested_model)
        self._usage: Usage | None = None
        self._counted = _of_headers(headers)
        self._is_complete = False
        self._error: str | None = None
        self._marks: set[str] = set()

    def take(self, name: str, data: bytes) -> None:
        if name.endswith("Exception"):
            self._error = name
            return
        self._message.take(name, data)
        answer, fits = _ANSWER.read(data)
        if answer is None:
            return
        if not fits:
            self._marks.add("malformed-usage")
        self._error = answer.type or self._error
        self._usage = self._read(answer, data, whole=name == WHOLE) or self._usage
        if answer.metrics is not None:
            self._counted = answer.metrics
        self._is_complete |= name == WHOLE or answer.metrics is not None

    def reading(self, *, ended: bool) -> Reading:
        reading = self._message.reading(ended=ended)
        marks = {*self._marks, *reading.marks}
        legs = reading.legs
        state = reading.state
        if not legs:
            usage = self._usage or _of_metrics(self._counted, marks)
            if usage is not None and not usage.prompt:
                usage = replace(usage, input=self._counted.inputTokenCount or 0)
            legs = (Leg(self._model, usage),) if usage is not None else ()
            state = "none" if usage is None else "final" if ended or self._is_complete else "partial"
        error = self._error or reading.error
        return replace(reading, legs=legs, state=state, error=error, marks=tuple(sorted(marks)))

    def _read(self, answer: _Answer, data: bytes, *, whole: bool) -> Usage | None:
        usage = answer.usage or (answer.metadata.usage if answer.metadata is not None else None)
        if usage is not None and (usage.inputTokens is not None or usage.outputTokens is not None):
            return bedrock_converse.buckets(usage, self._marks)
        if usage is not None:
            chat, _ = _CHAT.read(data)
            if chat is not None and chat.usage is not None and chat.usage.prompt_tokens is not None:
                return chat_buckets(chat.usage, self._provider, self._marks)
        if answer.generation_token_count is not None:
            prompt = answer.prompt_token_count
            before = self._usage.input if self._usage is not None else 0
            return Usage(input=before if prompt is None else prompt, output=answer.generation_token_count)
        if answer.inputTextTokenCount is not None and whole:
            output = sum(result.tokenCount for result in answer.results or ())
            return Usage(input=answer.inputTextTokenCount, output=output)
        return None


def _unwrapped(payload: bytes) -> bytes:
    wrapped, _ = _WRAPPED.read(payload)
    return payload if wrapped is None else wrapped.data or payload


def _of_headers(headers: Mapping[str, str]) -> _Metrics:
    counts = (headers.get(f"x-amzn-bedrock-{name}", "") for name in _HEADERS)
    return _Metrics(*(int(count) if count.isdecimal() and len(count) < _DIGITS else None for count in counts))


def _of_metrics(metrics: _Metrics, marks: set[str]) -> Usage | None:
    if metrics.inputTokenCount is None and metrics.outputTokenCount is None:
        return None
    return bedrock_converse.buckets(
        ConverseUsage(
            inputTokens=metrics.inputTokenCount,
            outputTokens=metrics.outputTokenCount or 0,
            cacheReadInputTokens=metrics.cacheReadInputTokenCount,
            cacheWriteInputTokens=metrics.cacheWriteInputTokenCount,
        ),
        marks,
    )
