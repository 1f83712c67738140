"""What a model costs, as JSON and as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from tokenguard.cli import output
from tokenguard.policy.money import NANOS
from tokenguard.policy.naming import printable
from tokenguard.prices import Catalogue, terms
from tokenguard.prices.data import Band, Source
from tokenguard.prices.explain import Explanation, Line, explain, sellers

OWN = "config.toml"

_MILLION = 1_000_000
_WIDTH = 80
_RATES = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
_NONE = "-"
_HEADER = (" $ PER M TOKENS", "IN", "CACHED", "5M WR", "1H WR", "OUT", "HOLDS")


def view(catalogue: Catalogue, names: Iterable[str], provider: str | None, model: str, at_us: int) -> dict[str, Any]:
    """All that is known, in nanodollars per million tokens, and per million uses for fees.

    `names` are the providers in use; the first of them that sells the model is meant where none is given.
    """
    selling = sellers(catalogue, names, model)
    provider = provider or next(iter(selling), "")
    found = explain(catalogue, provider, model, at_us)
    return {
        "asked": model,
        "provider": provider,
        "listed_by": found.provider or None,
        "model": found.model,
        "window": found.window,
        "confidence": found.confidence,
        "mark": found.mark or None,
        "lines": [_line(line, found.source) for line in found.lines],
        "regions": _regions(found),
        "others": [name for name in selling if name != provider],
    }


def _line(line: Line, source: Source) -> dict[str, Any]:
    prices = line.prices
    return {
        "when": line.when,
        "source": OWN if prices.own else f"{source.name} {source.version}",
        "date": None if prices.own else source.date,
        "since": _date(prices.since_us) if prices.since_us is not None else None,
        "begun": line.begun,
        "hours": [_hour(second) for second in prices.daily] if prices.daily else None,
        "bands": [msgspec.structs.asdict(band) for band in prices.bands],
        "fees": prices.fees,
        "media": prices.media,
        "other_units": list(prices.other),
    }


def _regions(found: Explanation) -> dict[str, str]:
    """Regions with a price of their own, and what they multiply that of tokens by."""
    factor = terms.region_factor(found.provider, "us")
    return {"us": str(Decimal(factor[0]) / factor[1])} if factor else {}


def lines(view: Mapping[str, Any]) -> Iterator[str]:
    """The view for people, in 80 columns."""
    seller = f"  {view['provider']}" if view["provider"] else ""
    yield f" {output.styled(printable(view['model']), 'bold')}{printable(seller)}"
    for note in _notes(view):
        yield from _wrapped(note)
    yield ""
    yield from _table(view["lines"])
    yield ""
    for note in _beside(view):
        yield from _wrapped(note)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(printable(text), _WIDTH, initial_indent=" ", subsequent_indent="   ", break_on_hyphens=False)


def _notes(view: Mapping[str, Any]) -> Iterator[str]:
    """What it is, where that is not what was asked for, or no listed price."""
    mark: str = view["mark"] or ""
    reason, _, relative = mark.partition(":priced-as=")
    if mark == "local-host":
        yield "free: this provider is on this machine"
    elif mark.startswith("alias:"):
        yield f"{view['asked']} is taken for the newest of its family"
    elif mark:
        yield f"no price is listed ({reason}): at most, it costs as much as {relative or 'its dearest relatives'}"
    elif view["model"] != view["asked"]:
        yield f"{view['asked']} is a name of it"


def _table(priced: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Rows by source; lines that stand between them are as wide as they are."""
    entries: list[str | Sequence[str]] = [_HEADER]
    for source in dict.fromkeys(map(_source, priced)):
        ours = [line for line in priced if _source(line) == source]
        entries += [f" {output.styled(source, 'dim')}", *(row for line in ours for row in _rows(line)), *_fees(ours)]
    aligned = iter(output.columns([row for row in entries if not isinstance(row, str)], right={1, 2, 3, 4, 5}))
    for entry in entries:
        yield entry if isinstance(entry, str) else next(aligned)


def _source(line: Mapping[str, Any]) -> str:
    return f"{line['source']}, compiled {line['date']}" if line["date"] else line["source"]


def _rows(line: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    for band in line["bands"] or [msgspec.structs.asdict(Band(0))]:
        above = band["above"]
        label, holds = (f"     above {above:,}", "whole request") if above else (f"   {line['when']}", _holds(line))
        yield (label, *(_NONE if band[rate] is None else dollars(band[rate]) for rate in _RATES), holds)


def _holds(line: Mapping[str, Any]) -> str:
    since = f"{'since' if line['begun'] else 'from'} {line['since']}" if line["since"] else ""
    hours = "-".join(line["hours"]) + " UTC" if line["hours"] else ""
    return ", ".join(filter(None, (since, hours)))


def _fees(priced: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Fees, each with the conditions under which it is due where those are not all of them."""
    due: dict[tuple[str, int], list[str]] = {}
    for line in priced:
        for fee in line["fees"].items():
            due.setdefault(fee, []).append(" ".join(filter(None, (line["when"], _holds(line)))))
    for (name, rate), when in due.items():
        condition = "" if len(when) == len(priced) else f", {'; '.join(when)}"
        yield f"   {name} ${dollars(rate, _MILLION)} a use{condition}"


def _beside(view: Mapping[str, Any]) -> Iterator[str]:
    """What else has to be known of these numbers."""
    bands = [band for line in view["lines"] for band in line["bands"]]
    if any(band[rate] is None for band in bands for rate in _RATES):
        yield f"{_NONE} no listed rate: cache reads then count as input, what else there is by a rule or a bound"
    media = {name: rate for line in view["lines"] for name, rate in line["media"].items()}
    if media:
        yield f"not counted apart: {', '.join(f'{name} at {dollars(rate)}' for name, rate in media.items())}"
    units = dict.fromkeys(unit for line in view["lines"] for unit in line["other_units"])
    if units:
        yield f"also charged by {', '.join(units)}, so tokens alone do not price it"
    for region, factor in view["regions"].items():
        yield f"region {region}: {factor} times the price of tokens (Anthropic's documentation)"
    if view["window"]:
        yield f"context window {view['window']:,} tokens"
    yield f"confidence {view['confidence']}"
    if view["others"]:
        yield f"also sold by {', '.join(view['others'])} (--provider NAME)"


def dollars(rate: int, units: int = 1) -> str:
    """`0.125`: nanodollars as dollars to the last digit, and at least cents; of a rate for so many units, for one."""
    whole, _, part = f"{Decimal(rate) / (NANOS * units):f}".partition(".")
    return f"{int(whole):,}.{part.rstrip('0'):0<2}"


def _date(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / _MILLION, UTC).date().isoformat()


def _hour(second: int) -> str:
    return f"{second // 3600:02}:{second % 3600 // 60:02}"
