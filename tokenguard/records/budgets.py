"""Limits, what they count, and the windows that providers keep themselves."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from tokenguard.records.usage import Usage


class Unit(StrEnum):
    """What a budget counts."""

    USD = "usd"
    """Nanodollars."""
    TOKENS = "tokens"
    CALLS = "calls"
    PERCENT = "percent"
    """Of a provider's own window, such as Claude's five hours."""


class Amount(Struct, frozen=True):
    """Money, tokens and calls together: a charge, a reservation, or a sum of either."""

    nanos: int = 0
    """At list price, whoever pays."""
    tokens: int = 0
    calls: int = 0
    usage: Usage = Usage()
    """Tokens by bucket. Of a worst case, the most that each bucket can hold: their sum can be more than `tokens`."""
    above: int = 0
    """How much more than `nanos` it can have been: of interrupted calls."""

    def of(self, unit: Unit) -> int:
        """The component that a budget of this unit counts."""
        if unit is Unit.USD:
            return self.nanos
        return self.tokens if unit is Unit.TOKENS else self.calls

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.nanos + other.nanos,
            self.tokens + other.tokens,
            self.calls + other.calls,
            self.usage + other.usage,
            self.above + other.above,
        )


class Budget(Struct, frozen=True):
    """A limit that somebody set. It counts separately for each key of its scope (each repository, each session)."""

    name: str
    limit: int
    """In its unit: nanodollars, tokens or calls."""
    scope: str = "global"
    unit: Unit = Unit.USD
    window: str = "total"
    """A kind of calendar window, or `rolling` and a span: `rolling 5h`, `rolling 7d`."""
    timezone: str | None = None
    """IANA name; None is the machine's zone."""
    week_start: int = 0
    """First day of a `week`: 0 is Monday."""
    month_start: int = 1
    """First day of a `month`, 1 to 28; quarters and years begin on it too."""
    match: tuple[tuple[str, str], ...] = ()
    """(field of the call, glob) pairs that must all match, such as `("model", "claude-opus-*")`."""
    levels: tuple[int, ...] = (50, 75, 90)
    """Percent of the limit at which the level becomes info, warn, soft."""
    at_limit: str = "refuse"
    mode: str = "calibrated"
    overshoot: float = 0.05
    """Of a `calibrated` budget: in how many of its windows spending may pass the limit, at most."""
    counts: str = "billed"
    """Of a budget in dollars: `billed` leaves out what a subscription covers and what runs locally; `all` counts it."""
    bucket: str | None = None
    """Of a budget in tokens: the one bucket that counts, of `input`, `cache_read`, `cache_write`, `output`."""
    official: str | None = None
    """`PROVIDER/WINDOW`: the limit is a percentage of a window that the provider itself keeps."""
    downgrade: tuple[tuple[str, str], ...] = ()
    """(glob of the model asked for, model in its place) pairs, for `at_limit = "downgrade"`; the first match holds."""
    clamp: bool = False
    """Whether a call's output limit may be lowered to what fits."""
    landing: int = 0
    """Part of the limit, in its unit, that is kept back so that work can be saved."""
    landing_release: str = "command"
    """`command`: somebody releases it; `auto`: it is released when the rest is used up."""
    forecast: bool = False
    """Whether spending that is on its way past the limit counts as level `warn` already."""
    source: str = ""
    """Where it was set: a file's path, `run`, or `team:` and the name of a team."""
    owner: str = ""
    """Of scope `team`: whose limit it is, such as `team:web` or `org:acme`."""


class OfficialWindow(Struct, frozen=True):
    """What a provider itself says of a window of a subscription, such as Claude's five hours."""

    provider: str
    name: str
    """`five_hour`, `seven_day`...: see `tokenguard.wire.official_values`."""
    used_percent: float
    """Of what the subscription grants; 100 is used up, and more than that was paid for otherwise."""
    resets_us: int | None
    """When it starts anew; None where the provider does not say."""
    minutes: int | None
    """How long it is; None where the provider does not say."""
    seen_us: int
    """When the provider said so."""

    @property
    def key(self) -> str:
        """`PROVIDER/NAME`, as a budget names it."""
        return f"{self.provider}/{self.name}"
