"""What the price catalogue holds: what models cost, at which service tier, from which date, and what they are called.

Rates are integer **nanodollars per million units**: tokens for the bands, single events (searches, requests) for fees.
Whole nanodollars a token would not do, since some real prices are a fraction of one.
"""

from __future__ import annotations

from msgspec import Struct

FORMAT = 1
"""Version of the stored shape; other versions are refused."""

Pattern = tuple[tuple[str, str], ...]
"""(operator, text) pairs that must all hold of a lower-case name.

Operators are `equals`, `starts_with`, `ends_with`, `contains` and `regex`.
"""


class Band(Struct, frozen=True, array_like=True, gc=False):
    """Rates of a whole request whose prompt has more than `above` tokens; None where none is listed."""

    above: int
    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None


class Prices(Struct, frozen=True, omit_defaults=True, gc=False):
    """What a model costs at one service tier, while its constraint holds."""

    bands: tuple[Band, ...] = ()
    """Ascending by `above`, the first at 0; empty for a model that is known without a price."""
    fees: dict[str, int] = {}
    """By fee name (`web_search`); `request` is due for every leg."""
    media: dict[str, int] = {}
    """Token units that cost other than text and that a meter does not count apart, such as `input_audio`."""
    other: tuple[str, ...] = ()
    """Units that are not tokens, such as `audio_hours`: usage in tokens alone does not price this model."""
    since_us: int | None = None
    daily: tuple[int, int] | None = None
    """Seconds of the UTC day, from (inclusive) and until (exclusive); may wrap around midnight."""
    own: bool = False
    """Given by the user, not listed; then a rate of zero is a price, too."""


class Variant(Struct, frozen=True, gc=False):
    """Prices for requests of which `when` (`tier`, `speed`...) is `value`."""

    when: str
    value: str
    prices: tuple[Prices, ...]


class Model(Struct, frozen=True, omit_defaults=True, gc=False):
    """A model: its names, patterns of further names, and dated prices, of which the last that holds counts."""

    id: str
    names: tuple[str, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    window: int | None = None
    """Context window in tokens."""
    prices: tuple[Prices, ...] = ()
    variants: tuple[Variant, ...] = ()


class Provider(Struct, frozen=True, omit_defaults=True, gc=False):
    """A seller of models."""

    id: str
    api: str
    """Regular expression that the start of its API's addresses matches."""
    models: tuple[Model, ...]
    speaks: tuple[Pattern, ...] = ()
    """Model names that make it their maker."""
    fallbacks: tuple[str, ...] = ()
    """Providers whose models it resells at their price."""


class Source(Struct, frozen=True):
    """Where the prices come from."""

    name: str
    version: str
    date: str
    """ISO date on which they were compiled."""


class Data(Struct, frozen=True):
    """The catalogue as it is stored."""

    format: int
    source: Source
    providers: tuple[Provider, ...]


class Found(Struct, frozen=True):
    """A model, and how it was found."""

    owner: str
    """Id of the provider in whose list it stands."""
    model: Model
    own: bool
    """False if it stands in the list of a provider whose models are resold; that one's tiers then say nothing."""
    alias: bool = False
    """True if it was asked for by the bare name of its family (`opus`), which means its newest model."""
    local: bool = False
    """True for any model of a provider on this machine: it costs nothing."""
