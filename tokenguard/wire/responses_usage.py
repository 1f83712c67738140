"""What a response of OpenAI's Responses API cost, from its events or its whole body.

The usage comes with the final event only (`response.completed`, `incomplete` or `failed`), and so does the service tier
that was used: `response.created` says `auto`. Cached and written tokens are inside the input, reasoning is inside the
output, at xAI too. Tools that the provider runs are counted as output items, searches by their action.
"""

from __future__ import annotations

from msgspec import Struct

from tokenguard.records import Context, Leg, Reading, Usage
from tokenguard.wire.decoding import Count, Reader, nanos_of_ticks

_NO_FEE = frozenset(
    {
        "apply_patch_call",
        "computer_call",
        "custom_tool_call",
        "function_call",
        "local_shell_call",
        "shell_call",
        "tool_search_call",
    }
)
"""Calls that the client runs, or that cost nothing but tokens. Any other item whose type ends in `_call` is a fee."""


class _InputDetails(Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class _OutputDetails(Struct):
    reasoning_tokens: Count | None = None


class _Usage(Struct):
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None
    cost_in_usd_ticks: Count | None = None
    num_sources_used: Count | None = None


class _Action(Struct):
    type: str | None = None


class _Item(Struct):
    type: str = ""
    action: _Action | None = None


class _Error(Struct):
    type: str | None = None
    code: str | int | None = None


class _Response(Struct):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    service_tier: str | None = None
    usage: _Usage | None = None
    output: list[_Item] | None = None
    error: _Error | None = None


class _Event(Struct):
    type: str | None = None
    response: _Response | None = None
    item: _Item | None = None
    error: _Error | None = None
    code: str | int | None = None


_EVENT = Reader(_Event)
_BODY = Reader(_Response)


class ResponseAccount:
    """The account of one response."""

    def __init__(self, requested_model: str) -> None:
        self._requested_model = requested_model
        self._response = _Response()
        self._items: list[_Item] = []
        self._error: str | None = None
        self._marks: set[str] = set()

    def take(self, name: str, data: bytes) -> None:
        event, whole = _EVENT.read(data)
        if event is None:
            return
        if event.type is None and event.response is None:
            body, whole = _BODY.read(data)
            self._take_response(body or _Response())
        elif event.type == "response.output_item.done" and event.item is not None:
            self._items.append(event.item)
        elif event.type == "error":
            code = event.error.code or event.error.type if event.error is not None else event.code
            self._error = str(code or "error")
        elif event.response is not None:
            self._take_response(event.response)
        if not whole:
            self._marks.add("malformed-usage")

    def reading(self, *, ended: bool) -> Reading:
        marks = set(self._marks)
        response = self._response
        usage = response.usage
        legs: tuple[Leg, ...] = ()
        if usage is not None and not (usage.input_tokens or usage.output_tokens):
            marks.add("all-zero-usage")
        elif usage is None and (fees := _fees(response.output or self._items, None)):
            # Without the final event the tokens are not known, but tools that have run are.
            leg = Leg(response.model or self._requested_model, fees=fees)
            return Reading((leg,), "partial", response.model, response.id, self._error, marks=tuple(sorted(marks)))
        elif usage is not None:
            legs = (
                Leg(
                    response.model or self._requested_model,
                    _buckets(usage, marks),
                    context=Context(tier=response.service_tier),
                    fees=_fees(response.output or self._items, usage),
                    cost_nanos=nanos_of_ticks(usage.cost_in_usd_ticks),
                ),
            )
        return Reading(
            legs=legs,
            state="final" if legs else "none",
            model=response.model,
            response_id=response.id,
            error=self._error,
            marks=tuple(sorted(marks)),
        )

    def _take_response(self, new: _Response) -> None:
        if new.usage is None and self._response.usage is not None:
            return
        self._response = new
        if new.error is not None:
            self._error = str(new.error.code or new.error.type or "error")


def _buckets(usage: _Usage, marks: set[str]) -> Usage:
    details = usage.input_tokens_details or _InputDetails()
    read, written = details.cached_tokens or 0, details.cache_write_tokens or 0
    prompt = usage.input_tokens or 0
    output = usage.output_tokens or 0
    if read > prompt:
        marks.add("contradictory-usage")
        prompt += read + written
    elif read + written > prompt:
        marks.add("cache-fields-overlap")
        written = prompt - read
    reasoning = usage.output_tokens_details.reasoning_tokens if usage.output_tokens_details is not None else None
    return Usage(
        input=prompt - read - written,
        cache_read=read,
        cache_write_5m=written,
        output=output,
        reasoning=min(reasoning or 0, output),
    )


def _fees(items: list[_Item], usage: _Usage | None) -> tuple[tuple[str, int], ...]:
    """`("web_search_call:search", 2)`: the type of the items, and of a search what it did, where that is told."""
    fees: dict[str, int] = {}
    for item in items:
        if item.type.endswith("_call") and item.type not in _NO_FEE:
            action = item.action.type if item.action is not None else None
            name = f"{item.type}:{action}" if action is not None else item.type
            fees[name] = fees.get(name, 0) + 1
    if usage is not None and usage.num_sources_used:
        fees["num_sources_used"] = usage.num_sources_used
    return tuple(sorted(fees.items()))
