"""What an Anthropic message cost, from its events or its whole body; also on Bedrock and Vertex.

Recorded responses settle the rules:
- The usage of `message_start` is not the bill: a web search took the input from 2,479 to 404,500. That of
  `message_delta` is cumulative and replaces it field by field. The larger value is not the better one: the start can
  name a cache read that the delta zeroes because it belongs to another leg.
- Compatible endpoints send zeros in either. An input triple that is all zero says nothing: the other one counts
  (`zero-input-ignored`), and if there is none, the input is not known (`all-zero-usage`).
- `usage.iterations` are the legs. The top level is the sum of the `message` legs only and cannot stand in for them.
- The delta has no split of cache writes into 5 m and 1 h: that of the start holds if it adds up. Otherwise all is of
  the one kind that it names, 5 m if it names none (`ttl-split-assumed`); of two kinds, what is unexplained is taken
  as the dearer one (`ttl-split-unknown`).
- The output that the start tells is a placeholder of a few tokens (`provisional-output`).
- Searches are counted by the delta; until it comes, those count whose results were shown.
- A refusal without content is not billed, nor is an attempt that was declined without output before a
  `fallback_message`.
"""

from __future__ import annotations

from typing import Literal

from tokenguard.records import Context, Leg, Reading, Usage
from tokenguard.wire.anthropic_events import MESSAGE, Iteration, Message, MessageUsage, OutputDetails, Split
from tokenguard.wire.decoding import Count

_REPLACED = (
    "output_tokens",
    "output_tokens_details",
    "cache_creation",
    "server_tool_use",
    "service_tier",
    "speed",
    "inference_geo",
    "iterations",
)
_INPUT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


class MessageAccount:
    """The account of one message."""

    def __init__(self, requested_model: str) -> None:
        self._requested_model = requested_model
        self._model: str | None = None
        self._id: str | None = None
        self._usage = MessageUsage()
        self._progress: Literal["none", "partial", "counted", "stopped"] = "none"
        self._stop_reason: str | None = None
        self._has_content = False
        self._searches = 0
        self._error: str | None = None
        self._marks: set[str] = set()

    def take(self, name: str, data: bytes) -> None:
        event, whole = MESSAGE.read(data)
        if event is None:
            return
        if not whole:
            self._marks.add("malformed-usage")
        match event.type:
            case "message_start" if event.message is not None:
                self._take_message(event.message)
                self._advance("partial")
            case "content_block_start" if event.content_block is not None:
                self._has_content |= event.content_block.type != "fallback"
                self._searches += event.content_block.type == "web_search_tool_result"
            case "message_delta":
                if event.delta is not None and event.delta.stop_reason is not None:
                    self._stop_reason = event.delta.stop_reason
                if event.usage is not None:
                    self._replace(event.usage)
                    self._advance("counted")
            case "message_stop" if self._progress == "counted":
                self._advance("stopped")
            case "message" | None if event.usage is not None:
                self._take_message(event)
                self._advance("stopped")
            case "error":
                self._error = (event.error.type if event.error is not None else None) or "error"
            case _:
                pass

    def reading(self, *, ended: bool) -> Reading:
        marks = set(self._marks)
        legs = self._legs(marks) if self._progress != "none" else ()
        state = "none"
        if legs:
            counted = self._progress == "stopped" or (ended and self._progress == "counted")
            if self._progress == "partial":
                marks.add("provisional-output")
            state = "final" if counted and self._error is None else "partial"
            if not any(leg.usage.prompt for leg in legs):
                marks.add("all-zero-usage")
                state = "partial"
        return Reading(
            legs=legs,
            state=state,
            model=self._model,
            response_id=self._id,
            error=self._error,
            marks=tuple(sorted(marks)),
        )

    def _advance(self, progress: Literal["partial", "counted", "stopped"]) -> None:
        usage = self._usage
        if usage.iterations or usage.input_tokens is not None or usage.output_tokens is not None:
            self._progress = progress

    def _take_message(self, message: Message) -> None:
        self._model = message.model or self._model
        self._id = message.id or self._id
        self._stop_reason = message.stop_reason or self._stop_reason
        self._has_content |= any(block.type != "fallback" for block in message.content or ())
        if message.usage is not None:
            self._replace(message.usage)

    def _replace(self, new: MessageUsage) -> None:
        """Let every field that `new` has replace what was known."""
        known = self._usage
        counted, was_counted = (any(getattr(usage, field) for field in _INPUT) for usage in (new, known))
        if was_counted and not counted and new.input_tokens is not None:
            self._marks.add("zero-input-ignored")
        for field in (*_REPLACED, *_INPUT) if counted or not was_counted else _REPLACED:
            value = getattr(new, field)
            if value is not None:
                setattr(known, field, value)

    def _tool_uses(self) -> dict[str, Count | None] | None:
        counted = self._usage.server_tool_use
        return {"web_search_requests": self._searches} if counted is None and self._searches else counted

    def _legs(self, marks: set[str]) -> tuple[Leg, ...]:
        usage = self._usage
        parts: list[Iteration] = list(usage.iterations or ()) or [usage]
        main = max(range(len(parts)), key=lambda index: (_answers(parts[index]), index))
        model = self._model or self._requested_model
        context = Context(usage.service_tier, usage.speed, usage.inference_geo)
        legs: list[Leg] = []
        for index, part in enumerate(parts):
            details = part.output_tokens_details
            if index == main:
                refused = self._stop_reason == "refusal" and not self._has_content
                details = details or usage.output_tokens_details
            else:
                followed = any(later.type == "fallback_message" for later in parts[index + 1 :])
                refused = followed and _answers(part) and not part.output_tokens
            legs.append(
                Leg(
                    part.model or model,
                    _buckets(part, details or OutputDetails(), marks),
                    kind=part.type,
                    context=context,
                    fees=_fees(self._tool_uses()) if index == main else (),
                    billed=not refused,
                )
            )
        return tuple(legs)


def _answers(part: Iteration) -> bool:
    """Whether it is an attempt at the answer itself, not a side job (compaction, an advisor)."""
    return part.type in ("message", "fallback_message")


def _buckets(part: Iteration, details: OutputDetails, marks: set[str]) -> Usage:
    split = part.cache_creation or Split()
    short, long = split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens
    written = part.cache_creation_input_tokens
    if written is None:
        written = short + long
    if written != short + long:
        if written and short and long:
            marks.add("ttl-split-unknown")
        elif written:
            marks.add("ttl-split-assumed")
        short = min(short, written) if short and long else 0 if long else written
        long = written - short
    output = part.output_tokens or 0
    return Usage(
        input=part.input_tokens or 0,
        cache_read=part.cache_read_input_tokens or 0,
        cache_write_5m=short,
        cache_write_1h=long,
        output=output,
        reasoning=min(details.thinking_tokens, output),
    )


def _fees(counts: dict[str, Count | None] | None) -> tuple[tuple[str, int], ...]:
    """`web_search_requests: 2` is the fee `("web_search", 2)`; whatever is counted is one, known to us or not."""
    named = ((name.removesuffix("_requests"), count) for name, count in (counts or {}).items())
    return tuple(sorted((name, count) for name, count in named if count))
