"""Single values of a `[[budget]]` table: checked, and made into what a budget holds. Each raises `ConfigError`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from tokenguard.config.tables import shown
from tokenguard.errors import ConfigError
from tokenguard.policy.money import NANOS, parse_amount
from tokenguard.policy.windows import LATEST_MONTH_START
from tokenguard.records import Unit

Written = str | int | float

MOST_OVERSHOOT = 0.5

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,255}")
_LONGEST_GLOB = 1000

_MOST = {
    Unit.USD: (10**9 * NANOS, "$1,000,000,000"),
    Unit.TOKENS: (10**15, "10^15 tokens"),
    Unit.CALLS: (10**12, "10^12 calls"),
    Unit.PERCENT: (100, "100%"),
}
"""Whoever writes more has mistaken the unit."""

_UNITS = {Unit.USD: "dollars", Unit.TOKENS: "tokens", Unit.CALLS: "calls", Unit.PERCENT: "percent"}


def amount(written: Written, at: str) -> tuple[int, Unit]:
    """An amount in its unit. `at` is what an error begins with."""
    try:
        return parse_amount(shown(written))
    except ValueError as error:
        raise ConfigError(f"{at} {error}") from error


def check_limit(limit: int, unit: Unit, where: str, *, allow_zero: bool) -> None:
    """Neither nothing nor beyond all measure."""
    if limit == 0 and not allow_zero:
        raise ConfigError(f"{where}: limit is zero, which refuses every call", "give it an amount above zero")
    most, text = _MOST[unit]
    if limit > most:
        raise ConfigError(f"{where}: limit is more than {text}", "check its unit")


def check_levels(levels: Sequence[int], where: str) -> None:
    """Three percents that rise."""
    if list(levels) != sorted(set(levels)) or not all(0 < level < 100 for level in levels):
        raise ConfigError(f"{where}: levels must rise and lie between 1 and 99", "such as [50, 75, 90]")
    if len(levels) != 3:
        raise ConfigError(f"{where}: levels are three percents: info, warn, soft", "such as [50, 75, 90]")


def check_glob(glob: str, at: str) -> None:
    """A pattern with `*` and `?` that can match something."""
    if not glob or len(glob) > _LONGEST_GLOB or not glob.isprintable():
        raise ConfigError(f'{at} "{shown(glob)}" is no pattern', f"use 1 to {_LONGEST_GLOB} printable characters")
    if "[" in glob:
        raise ConfigError(f'{at} "{shown(glob)}" has a bracket', "use only * and ? as wildcards")


def downgrade_pairs(models: Mapping[str, str], at_limit: str, where: str) -> tuple[tuple[str, str], ...]:
    """(glob, model in its place), in the order in which they are written: the first match holds.

    A map may stand beside another `at_limit`, as one that is switched off.
    """
    if at_limit == "downgrade" and not models:
        raise ConfigError(
            f'{where}: at_limit "downgrade" needs downgrade', 'such as { "claude-opus-*" = "claude-sonnet-5" }'
        )
    for glob, model in models.items():
        check_glob(glob, f"{where}: downgrade")
        if not _MODEL.fullmatch(model):
            text = f'{where}: downgrade "{shown(glob)}" leads to "{shown(model)}", which is not a model'
            raise ConfigError(text, "name one, without wildcards")
        if glob == model:
            raise ConfigError(f'{where}: downgrade "{glob}" leads to itself', "name a cheaper model")
    for model in models.values():
        if _goes_round(model, models):
            raise ConfigError(f'{where}: downgrade leads from "{model}" back to it', "name a cheaper model")
    return tuple(models.items())


def _goes_round(model: str, models: Mapping[str, str]) -> bool:
    """Whether the map leads from a model over others back to it. One that stays what it is goes nowhere."""
    at, seen = model, {model}
    while (following := next((to for glob, to in models.items() if fnmatchcase(at, glob)), at)) != at:
        if following in seen:
            return following == model
        at = following
        seen.add(at)
    return False


def landing_reserve(written: Written, limit: int, unit: Unit, where: str) -> int:
    """The reserve in the budget's unit. Of a limit in percent, percents are those of the official window."""
    landing, given = amount(written, f"{where}: landing")
    if given is Unit.PERCENT and unit is not Unit.PERCENT:
        landing, given = limit * landing // 100, unit
    if given is not unit:
        text = f"{where}: landing is in {_UNITS[given]}, the limit in {_UNITS[unit]}"
        raise ConfigError(text, 'give it in the unit of the limit, or as a part of it: "10%"')
    if not 0 < landing < limit:
        text = f'{where}: landing "{shown(written)}" must be more than nothing and less than the limit'
        raise ConfigError(text, 'such as "10%"')
    return landing


def probability(written: float, where: str) -> float:
    """How often a calibrated budget may be passed."""
    if not 0 < written <= MOST_OVERSHOOT:
        text = f"{where}: overshoot {written} is not a probability above 0 and up to {MOST_OVERSHOOT}"
        raise ConfigError(text, 'such as 0.05; for never, set mode = "strict"')
    return written


def month_start(written: int, where: str) -> int:
    """A day that every month has."""
    if not 1 <= written <= LATEST_MONTH_START:
        text = f"{where}: month_start {shown(written)} is not a day of every month"
        raise ConfigError(text, f"use 1 to {LATEST_MONTH_START}")
    return written


def check_zone(name: str | None, where: str) -> str | None:
    """A name of the zone database, or none."""
    if name is not None:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, KeyError) as error:
            raise ConfigError(
                f'{where}: timezone "{shown(name)}" is not known', "use an IANA name such as Europe/Berlin"
            ) from error
    return name
