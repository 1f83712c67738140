"""What an OpenAI-style chat completion cost, from its chunks or its whole body, in the dialects of many providers.

Recorded responses settle the rules:
- The prompt includes what was read from a cache and written to one. Both can name the same tokens: what was written
  is then cut to what is left (`cache-fields-overlap`). A cache larger than the prompt is beside it
  (`contradictory-usage`).
- Reasoning is inside the completion, except at xAI. Where the total exceeds prompt + completion, the difference is
  output that is not in the completion (`hidden-output`): xAI's reasoning, Gemini's thinking.
- Cached tokens are `prompt_tokens_details.cached_tokens`, Mistral's `num_cached_tokens`, DeepSeek's
  `prompt_cache_hit_tokens` or, at the top, `cached_tokens`.
- Groq streams report in `x_groq.usage`. The last report counts, and it need not be the last chunk.
- OpenRouter's `cost` and xAI's ticks are the bill. With `is_byok`, OpenRouter's cost is its fee only: the provider's
  share is added, and where it is not told, there is no known cost (`fee-only-cost`).
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from tokenguard.records import Context, Leg, Reading, Usage
from tokenguard.wire.decoding import Count, Reader, nanos_of_ticks, nanos_of_usd


class _PromptDetails(Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    audio_tokens: Count | None = None


class _CompletionDetails(Struct):
    reasoning_tokens: Count | None = None
    audio_tokens: Count | None = None


class _CostDetails(Struct):
    upstream_inference_cost: Decimal | None = None


class _TotalCost(Struct):
    total_cost: Decimal | None = None


class ChatUsage(Struct):
    """The `usage` of every dialect of chat completions."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    num_cached_tokens: Count | None = None
    prompt_cache_hit_tokens: Count | None = None
    cached_tokens: Count | None = None
    cost: Decimal | _TotalCost | None = None
    cost_details: _CostDetails | None = None
    cost_in_usd_ticks: Count | None = None
    is_byok: bool | None = None
    server_tool_use_details: dict[str, Count | None] | None = None
    num_sources_used: Count | None = None


class _Groq(Struct):
    usage: ChatUsage | None = None


class _Choice(Struct):
    finish_reason: str | None = None


class _Error(Struct):
    type: str | None = None
    code: str | int | None = None


class _Chunk(Struct):
    """A chunk of a stream, or a whole completion."""

    id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    choices: list[_Choice] | None = None
    usage: ChatUsage | None = None
    x_groq: _Groq | None = None
    error: _Error | str | None = None


_CHUNK = Reader(_Chunk)


class ChatAccount:
    """The account of one completion."""

    def __init__(self, requested_model: str, provider: str) -> None:
        self._requested_model = requested_model
        self._provider = provider
        self._model: str | None = None
        self._id: str | None = None
        self._tier: str | None = None
        self._usage: ChatUsage | None = None
        self._finished = False
        self._error: str | None = None
        self._marks: set[str] = set()

    def take(self, name: str, data: bytes) -> None:
        chunk, whole = _CHUNK.read(data)
        if chunk is None:
            return
        if not whole:
            self._marks.add("malformed-usage")
        self._model = chunk.model or self._model
        self._id = chunk.id or self._id
        self._tier = chunk.service_tier or self._tier
        if chunk.error is not None:
            self._error = _error_name(chunk.error)
        usage = chunk.usage or (chunk.x_groq.usage if chunk.x_groq is not None else None)
        if usage is None:
            return
        if not (usage.prompt_tokens or usage.completion_tokens or usage.cost is not None):
            self._marks.add("all-zero-usage")
            return
        self._usage = usage
        self._finished = not chunk.choices or any(choice.finish_reason for choice in chunk.choices)

    def reading(self, *, ended: bool) -> Reading:
        marks = set(self._marks)
        legs: tuple[Leg, ...] = ()
        state = "none"
        if self._usage is not None:
            marks.discard("all-zero-usage")
            state = "final" if ended or self._finished else "partial"
            legs = (
                Leg(
                    self._model or self._requested_model,
                    buckets(self._usage, self._provider, marks),
                    context=Context(tier=self._tier),
                    fees=_fees(self._usage),
                    cost_nanos=_cost_nanos(self._usage, self._provider, marks),
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


def buckets(usage: ChatUsage, provider: str, marks: set[str]) -> Usage:
    """Disjoint buckets out of a chat usage; adds to `marks` which rules had to be applied."""
    prompt_details = usage.prompt_tokens_details or _PromptDetails()
    details = usage.completion_tokens_details or _CompletionDetails()
    prompt = usage.prompt_tokens or 0
    read = (
        prompt_details.cached_tokens
        or usage.num_cached_tokens
        or usage.prompt_cache_hit_tokens
        or usage.cached_tokens
        or 0
    )
    written = prompt_details.cache_write_tokens or 0
    if read > prompt:
        marks.add("contradictory-usage")
        prompt += read + written
    elif read + written > prompt:
        marks.add("cache-fields-overlap")
        written = prompt - read
    reasoning = details.reasoning_tokens or 0
    output = usage.completion_tokens or 0
    hidden = (usage.total_tokens or 0) - (usage.prompt_tokens or 0) - output
    if hidden > 0:
        marks.add("hidden-output")
        output += hidden
    elif provider == "xai" and not usage.total_tokens:
        output += reasoning
    if usage.prompt_tokens is None:
        marks.add("prompt-count-missing")
    if usage.completion_tokens is None and not hidden > 0:
        marks.add("output-count-missing")
    if prompt_details.audio_tokens or details.audio_tokens:
        marks.add("modality-priced-as-text")
    return Usage(
        input=prompt - read - written,
        cache_read=read,
        cache_write_5m=written,
        output=output,
        reasoning=min(reasoning, output),
    )


def _cost_nanos(usage: ChatUsage, provider: str, marks: set[str]) -> int | None:
    if usage.cost_in_usd_ticks is not None:
        return nanos_of_ticks(usage.cost_in_usd_ticks)
    if isinstance(usage.cost, _TotalCost):
        return nanos_of_usd(usage.cost.total_cost)
    by_openrouter = provider == "openrouter" or usage.cost_details is not None or usage.is_byok is not None
    if not by_openrouter:
        return None
    cost = nanos_of_usd(usage.cost)
    if cost is None or not usage.is_byok:
        return cost
    details = usage.cost_details or _CostDetails()
    upstream = nanos_of_usd(details.upstream_inference_cost)
    if upstream is None:
        marks.add("fee-only-cost")
        return None
    return cost + upstream


def _fees(usage: ChatUsage) -> tuple[tuple[str, int], ...]:
    """Tools that the provider ran; the names are the provider's. Tool calls that were only requested are none."""
    counts = dict(usage.server_tool_use_details or {})
    counts.pop("tool_calls_requested", None)
    counts["num_sources_used"] = usage.num_sources_used
    return tuple(sorted((name, count) for name, count in counts.items() if count))


def _error_name(error: _Error | str) -> str:
    if isinstance(error, str):
        return "error"
    return error.type or (str(error.code) if error.code is not None else "error")
