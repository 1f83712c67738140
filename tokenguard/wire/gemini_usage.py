"""What a Gemini answer cost, from its chunks, its array of chunks or its whole body.

Recorded responses settle the rules: cached tokens are inside the prompt, thoughts are outside the candidates, the
prompts of tools are outside the prompt; the total is all four (504 of 504), and a larger one hides output. Each chunk
is a running snapshot, and the last one with a total is the bill, although its prompt can differ from the earlier ones.
Its candidates can fall below what was generated, or vanish: the sum is then an estimate (`candidates-fell`). The last
chunk of a stream is the one with a reason to finish: without it, or with an error, the snapshot is not the bill
(`provisional-usage`).
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct

from tokenguard.records import Context, Leg, Reading, Usage
from tokenguard.wire.decoding import FAILURES, Count, Reader
from tokenguard.wire.meters import WHOLE


class _Modality(Struct):
    modality: str = "TEXT"
    tokenCount: Count = 0


class _Usage(Struct):
    promptTokenCount: Count | None = None
    cachedContentTokenCount: Count | None = None
    candidatesTokenCount: Count | None = None
    thoughtsTokenCount: Count | None = None
    toolUsePromptTokenCount: Count | None = None
    totalTokenCount: Count | None = None
    promptTokensDetails: list[_Modality] | None = None
    candidatesTokensDetails: list[_Modality] | None = None
    serviceTier: str | None = None
    trafficType: str | None = None


class _Present(Struct):
    pass


class _GroundingChunk(Struct):
    maps: _Present | None = None


class _Grounding(Struct):
    webSearchQueries: list[str] | None = None
    groundingChunks: list[_GroundingChunk] | None = None


class _Candidate(Struct):
    finishReason: str | None = None
    groundingMetadata: _Grounding | None = None


class _Error(Struct):
    status: str | None = None
    code: int | str | None = None


class _Feedback(Struct):
    blockReason: str | None = None


class _Chunk(Struct):
    candidates: list[_Candidate] | None = None
    usageMetadata: _Usage | None = None
    modelVersion: str | None = None
    responseId: str | None = None
    error: _Error | None = None
    promptFeedback: _Feedback | None = None
    response: _Chunk | None = None
    """Where Code Assist puts all of the above."""


_CHUNK = Reader(_Chunk)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_BETWEEN = re.compile(rb"\}\s*,\s*\{")
_REPAIRS = 16
"""Places at which an array that was cut is tried to be closed, from the end."""


class GeminiAccount:
    """The account of one answer."""

    def __init__(self, requested_model: str) -> None:
        self._requested_model = requested_model
        self._model: str | None = None
        self._id: str | None = None
        self._tier: str | None = None
        self._usage: _Usage | None = None
        self._most_candidates = 0
        self._finished = False
        self._queries = 0
        self._maps = False
        self._error: str | None = None
        self._marks: set[str] = set()

    def take(self, name: str, data: bytes) -> None:
        documents = _elements(data) if data.startswith(b"[") else (data,)
        for document in documents:
            chunk, whole = _CHUNK.read(document)
            if chunk is None:
                continue
            self._take_chunk(chunk.response or chunk)
            # A body that is one document cannot have been cut; an array can.
            self._finished |= name == WHOLE and document is data
            if not whole:
                self._marks.add("malformed-usage")

    def reading(self, *, ended: bool) -> Reading:
        marks = set(self._marks)
        legs: tuple[Leg, ...] = ()
        state = "none"
        if self._usage is not None:
            state = "final" if self._finished and self._error is None else "partial"
            if not self._finished:
                marks.add("provisional-usage")
            if (self._usage.candidatesTokenCount or 0) < self._most_candidates:
                marks.add("candidates-fell")
            legs = (
                Leg(
                    self._model or self._requested_model,
                    _buckets(self._usage, marks),
                    context=Context(tier=self._tier),
                    fees=self._fees(),
                ),
            )
        return Reading(
            legs=legs,
            state=state,
            model=self._model,
            response_id=self._id,
            error=self._error,
            marks=tuple(sorted(marks)),
        )

    def _take_chunk(self, chunk: _Chunk) -> None:
        if chunk.modelVersion:
            self._model = chunk.modelVersion.removeprefix("models/")
        self._id = chunk.responseId or self._id
        if chunk.error is not None:
            self._error = chunk.error.status or str(chunk.error.code or "error")
        self._finished |= chunk.promptFeedback is not None and chunk.promptFeedback.blockReason is not None
        queries = 0
        for candidate in chunk.candidates or ():
            self._finished |= candidate.finishReason is not None
            grounding = candidate.groundingMetadata
            if grounding is not None:
                queries += len(grounding.webSearchQueries or ())
                self._maps |= any(source.maps is not None for source in grounding.groundingChunks or ())
        self._queries = max(self._queries, queries)
        usage = chunk.usageMetadata
        if usage is not None:
            self._tier = usage.serviceTier or usage.trafficType or self._tier
            self._most_candidates = max(self._most_candidates, usage.candidatesTokenCount or 0)
            if usage.totalTokenCount:
                self._usage = usage

    def _fees(self) -> tuple[tuple[str, int], ...]:
        """Older models charge for a grounded prompt, newer ones for each query: both are told, the price decides."""
        fees: list[tuple[str, int]] = []
        if self._maps:
            fees.append(("grounded_maps_prompt", 1))
        if self._queries:
            fees += [("grounded_prompt", 1), ("grounding_web_search_queries", self._queries)]
        return tuple(fees)


def _elements(array: bytes) -> list[bytes]:
    """The elements of an array that may have been cut anywhere."""
    ends = [found.start() + 1 for found in _BETWEEN.finditer(array)][-_REPAIRS:]
    for candidate in (array, *(array[:end] + b"]" for end in reversed(ends)), array + b"]"):
        try:
            return [bytes(element) for element in _ARRAY.decode(candidate)]
        except FAILURES:
            continue
    return []


def _buckets(usage: _Usage, marks: set[str]) -> Usage:
    prompt = usage.promptTokenCount or 0
    cached = usage.cachedContentTokenCount or 0
    thoughts = usage.thoughtsTokenCount or 0
    output = (usage.candidatesTokenCount or 0) + thoughts
    tool_prompt = usage.toolUsePromptTokenCount or 0
    hidden = (usage.totalTokenCount or 0) - prompt - tool_prompt - output
    if hidden > 0:
        marks.add("hidden-output")
        output += hidden
    if usage.promptTokenCount is None:
        marks.add("prompt-count-missing")
    if cached > prompt:
        marks.add("contradictory-usage")
        prompt = cached
    modalities = [detail.modality for detail in usage.candidatesTokensDetails or () if detail.tokenCount]
    heard = any(detail.modality == "AUDIO" and detail.tokenCount for detail in usage.promptTokensDetails or ())
    if heard or any(modality != "TEXT" for modality in modalities):
        marks.add("modality-priced-as-text")
    return Usage(input=prompt - cached + tool_prompt, cache_read=cached, output=output, reasoning=min(thoughts, output))
