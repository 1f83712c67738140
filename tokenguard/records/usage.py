"""What an answer used, and how far that can be trusted."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Confidence(StrEnum):
    """How far a number can be trusted, best first."""

    EXACT = "exact"
    """The provider said so."""
    ESTIMATED = "estimated"
    """Derived from a log, or from a call that was interrupted."""
    BOUND = "bound"
    """The worst case: it can be less."""

    def worst(self, other: Confidence) -> Confidence:
        """The lesser of two confidences: that of a sum of both."""
        return max(self, other, key=_TRUST.index)


_TRUST = tuple(Confidence)


class Usage(Struct, frozen=True):
    """Tokens in **disjoint** buckets: no token is in two, their sum is what was billed.

    `reasoning` is a memo: those tokens are inside `output` already and are never added.
    """

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def prompt(self) -> int:
        """All that was sent: uncached, read from a cache and written to one. Long-context prices go by it."""
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h

    @property
    def total(self) -> int:
        """All billed tokens."""
        return self.prompt + self.output

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.cache_read + other.cache_read,
            self.cache_write_5m + other.cache_write_5m,
            self.cache_write_1h + other.cache_write_1h,
            self.output + other.output,
            self.reasoning + other.reasoning,
        )


class Context(Struct, frozen=True):
    """What moves the price of a leg besides its model and tokens; None where the provider did not say."""

    tier: str | None = None
    """Service tier as the response named it (`default`, `priority`, `flex`, `batch`...)."""
    speed: str | None = None
    """Anthropic's `speed` (`fast`)."""
    geo: str | None = None
    """Anthropic's `inference_geo` (`us`)."""


class Leg(Struct, frozen=True):
    """One priced part of a call: one model's tokens and fees at one price."""

    model: str
    usage: Usage = Usage()
    kind: str = "message"
    """`message`, or why another model or turn was paid for: `compaction`, `advisor_message`, `fallback_message`."""
    context: Context = Context()
    fees: tuple[tuple[str, int], ...] = ()
    """Counted tool fees, such as `("web_search", 2)`, sorted by name."""
    billed: bool = True
    """False for what the provider reports but does not charge (a refusal without content)."""
    cost_nanos: int | None = None
    """The provider's own figure for this leg, which wins over tokens times price; None where it gave none."""


class Reading(Struct, frozen=True):
    """What a meter has read of a response, so far or finally."""

    legs: tuple[Leg, ...] = ()
    state: str = "none"
    """`none`: no usage seen; `partial`: some, the response did not come to its end; `final`: the bill."""
    model: str | None = None
    """The model that served, as the response named it."""
    response_id: str | None = None
    error: str | None = None
    """Type of an error that the body reported (`overloaded_error`); None if it reported none."""
    output_bytes: int = 0
    """Bytes of generated content seen: what an interrupted call's output is estimated from."""
    marks: tuple[str, ...] = ()
    """Rules that had to be applied, such as `all-zero-usage`; each is documented where it is set."""

    @property
    def usage(self) -> Usage:
        """The sum over the billed legs."""
        total = Usage()
        for leg in self.legs:
            if leg.billed:
                total += leg.usage
        return total
