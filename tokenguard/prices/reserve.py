"""What a call may cost at most, before it is sent."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.prices import terms
from tokenguard.prices.catalogue import Catalogue
from tokenguard.prices.ceiling import ANY, Scope
from tokenguard.records import Context

_MILLION = 1_000_000


class Rates(Struct, frozen=True):
    """The dearest rates that may apply to a call, in nanodollars per million tokens; `request` per million requests."""

    input: int
    """For any token of the prompt, be it sent, read from a cache or written to one."""
    output: int
    request: int = 0
    mark: str = ""
    """Empty if they are the model's own; else why they are not, such as `unknown-model:priced-as=claude-opus-5`."""

    def nanos(self, prompt: int, output: int) -> int:
        """The most that so many tokens cost, in nanodollars; tool fees come on top."""
        return -(-(prompt * self.input + output * self.output + self.request) // _MILLION)


def dearest(catalogue: Catalogue, provider: str, model: str, at_us: int, asked: Context | None = None) -> Rates:
    """The dearest rates that may apply to a call: any prompt length, tier, speed, region and time of that day.

    `asked` is what the request says: a tier or speed that it rules out does not count. Regions it cannot rule out,
    since a workspace sets them. Never zero: a model without a price is bounded by its relatives, and marked.
    """
    found, mark = catalogue.ceiling(provider, model, at_us, _scope(asked))
    factor, divisor = terms.dearest_region(catalogue.owners(provider))
    return Rates(
        input=-(-found.prompt * factor // divisor),
        output=-(-found.output * factor // divisor),
        request=found.fees.get("request", 0),
        mark=mark,
    )


def _scope(asked: Context | None) -> Scope:
    """`auto`, or no word on the tier, leaves it to the project's settings; a speed is only ever asked for."""
    if asked is None:
        return Scope()
    tier = ANY if asked.tier in (None, "auto") else terms.tier_of(asked.tier)
    return Scope(tier, terms.speed_of(asked.speed))
