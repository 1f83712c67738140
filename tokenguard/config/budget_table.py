"""One `[[budget]]` table: what people write, checked and made into a budget."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

import msgspec

from tokenguard.config.budget_values import (
    amount,
    check_glob,
    check_levels,
    check_limit,
    check_zone,
    downgrade_pairs,
    landing_reserve,
    month_start,
    probability,
)
from tokenguard.config.tables import shown
from tokenguard.errors import ConfigError
from tokenguard.policy.budgets import ACTIONS
from tokenguard.policy.measure import BUCKETS, COUNTS, is_notional
from tokenguard.policy.windows import KINDS, WEEKDAYS, rolling_us
from tokenguard.records import BILLINGS, Budget, Unit

SCOPES = ("session", "repo", "branch", "agent", "model", "provider", "task", "user", "global")
"""For each of what a budget counts separately; `user` and `global` count everything on this machine."""

MODES = ("calibrated", "strict")
RELEASES = ("command", "auto")

MATCHABLE = ("agent", "billing", "branch", "model", "provider", "repo", "session", "task")
"""What a budget's `match` can look at."""

OFFICIAL = ("anthropic/five_hour", "anthropic/seven_day", "chatgpt/five_hour", "chatgpt/seven_day")
"""The windows that providers themselves keep, and tell how far they are used."""

_OFFICIAL = ", ".join(OFFICIAL)
_ENDING = ("day", "week", "month", "quarter", "year")
_DEFAULT = Budget("", 0)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class BudgetTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[budget]]` as it is written; the keys are documented in docs/configuration.md.

    Keys that mean something only beside certain others are None where they are not written.
    """

    name: str
    limit: str | int | float
    scope: str | None = None
    window: str | None = None
    timezone: str | None = None
    week_start: str | None = None
    month_start: int | None = None
    match: dict[str, str] = {}
    levels: tuple[int, ...] = _DEFAULT.levels
    at_limit: str = _DEFAULT.at_limit
    downgrade: dict[str, str] = {}
    mode: str = _DEFAULT.mode
    overshoot: float | None = None
    clamp: bool = _DEFAULT.clamp
    counts: str | None = None
    bucket: str | None = None
    official: str | None = None
    landing: str | int | float | None = None
    landing_release: str | None = None
    forecast: bool = _DEFAULT.forecast


def make_budget(table: BudgetTable, where: str, source: str, *, allow_zero: bool = False) -> Budget:
    """A budget from what was written. Raises `ConfigError` for whatever is absurd or contradicts itself.

    A limit of zero needs `allow_zero`, except for calls that are billed as credits: "never pay on top".
    """
    if not _NAME.fullmatch(table.name):
        raise ConfigError(f"{where}: name: it must be letters, digits, dot, dash or underscore", "such as opus-day")
    limit, unit = amount(table.limit, f"{where}: limit")
    _check_words(table, where)
    if unit is Unit.PERCENT and table.official is None:
        raise ConfigError(f"{where}: limit is a percentage, and nothing says of what", f"set official to {_OFFICIAL}")
    window = _window(table, where)
    for key, remedy in out_of_place(table):
        raise ConfigError(f"{where}: {key} means nothing here", remedy)
    _check_match(table, unit, where)
    check_levels(table.levels, where)
    check_limit(limit, unit, where, allow_zero=allow_zero or table.match.get("billing") == "credits")
    return Budget(
        name=table.name,
        limit=limit,
        scope=table.scope or _DEFAULT.scope,
        unit=unit,
        window=window,
        timezone=check_zone(table.timezone, where),
        week_start=_DEFAULT.week_start if table.week_start is None else WEEKDAYS.index(table.week_start),
        month_start=_DEFAULT.month_start if table.month_start is None else month_start(table.month_start, where),
        match=tuple(sorted(table.match.items())),
        levels=table.levels,
        at_limit=table.at_limit,
        mode=table.mode,
        overshoot=_DEFAULT.overshoot if table.overshoot is None else probability(table.overshoot, where),
        counts=table.counts or _DEFAULT.counts,
        bucket=table.bucket,
        official=table.official,
        downgrade=downgrade_pairs(table.downgrade, table.at_limit, where),
        clamp=table.clamp,
        landing=_DEFAULT.landing if table.landing is None else landing_reserve(table.landing, limit, unit, where),
        landing_release=table.landing_release or _DEFAULT.landing_release,
        forecast=table.forecast,
        source=source,
    )


def out_of_place(table: BudgetTable) -> Iterator[tuple[str, str]]:
    """The keys that were written and mean nothing beside the others, each with what to do.

    Raises `ConfigError` if the limit is not an amount.
    """
    _, unit = amount(table.limit, "limit")
    window = _window_of(table)
    spends, official = unit in (Unit.USD, Unit.TOKENS), unit is Unit.PERCENT
    places: dict[str, tuple[bool, str]] = {
        "scope": (not official, "leave it out: an official window is one, whoever calls"),
        "window": (not official, "leave it out: an official window resets when its provider says"),
        "week_start": (window == "week", 'it needs window = "week"'),
        "month_start": (window in ("month", "quarter", "year"), "it needs a window of month, quarter or year"),
        "overshoot": (table.mode == "calibrated" and not official, 'it needs mode = "calibrated", and no official'),
        "counts": (unit is Unit.USD, "it needs a limit in dollars"),
        "bucket": (unit is Unit.TOKENS, "it needs a limit in tokens"),
        "official": (official, 'it needs a limit such as "90%"'),
        "clamp": (
            spends and table.bucket in (None, "output") and table.at_limit != "warn",
            "it needs a limit that less output can keep, in dollars or tokens, and an at_limit other than warn",
        ),
        "landing": (table.at_limit != "warn", "a budget that only warns keeps nothing back"),
        "landing_release": (table.landing is not None and table.at_limit != "warn", "it needs landing"),
        "forecast": (window in _ENDING, f"it needs a window that ends: {', '.join(_ENDING)}"),
    }
    if official and table.mode == "strict":
        yield "mode", "nobody knows beforehand how much of an official window a call takes; leave strict out"
    for key, (meant, remedy) in places.items():
        if getattr(table, key) not in (None, False) and not meant:
            yield key, remedy


def _window_of(table: BudgetTable) -> str | None:
    if table.official is not None and table.window is None:
        return "official"
    return table.window or ("session" if table.scope == "session" else None)


def _window(table: BudgetTable, where: str) -> str:
    window = _window_of(table)
    if window == "official":
        return _DEFAULT.window
    if window is None:
        raise ConfigError(f"{where}: window is missing", f'use one of {", ".join(KINDS)}, or "rolling 5h"')
    try:
        rolling_us(window)
    except ValueError:
        raise ConfigError(
            f'{where}: window "{shown(window)}" is not known',
            f'use one of {", ".join(KINDS)}, or "rolling" and a span up to 366 days: "rolling 5h" (m, h, d, w)',
        ) from None
    if window == "session" and table.scope != "session":
        raise ConfigError(f'{where}: window "session" needs scope "session"', 'set scope = "session"')
    return window


def _check_words(table: BudgetTable, where: str) -> None:
    if table.scope == "team":
        text = f"{where}: a limit of a team stands in [[team.budget]] of a repository"
        raise ConfigError(text, f"see tokenguard team init, or use one of {', '.join(SCOPES)}")
    accepted: dict[str, Sequence[str]] = {
        "scope": SCOPES,
        "week_start": WEEKDAYS,
        "at_limit": ACTIONS,
        "mode": MODES,
        "counts": COUNTS,
        "bucket": tuple(BUCKETS),
        "official": OFFICIAL,
        "landing_release": RELEASES,
    }
    for key, words in accepted.items():
        value = getattr(table, key)
        if value is not None and value not in words:
            raise ConfigError(f'{where}: {key} "{shown(value)}" is not known', f"use one of {', '.join(words)}")


def _check_match(table: BudgetTable, unit: Unit, where: str) -> None:
    for field, glob in table.match.items():
        if field not in MATCHABLE:
            text = f'{where}: match "{shown(field)}" is not known'
            raise ConfigError(text, f"use one of {', '.join(MATCHABLE)}")
        check_glob(glob, f"{where}: match.{field}")
    kinds = [kind for kind in BILLINGS if fnmatchcase(kind, table.match.get("billing", "*"))]
    if not kinds:
        text = f'{where}: match.billing "{shown(table.match["billing"])}" is not known'
        raise ConfigError(text, f"use one of {', '.join(BILLINGS)}")
    if unit is Unit.USD and table.counts != "all" and all(map(is_notional, kinds)):
        text = f"{where}: it counts nothing: nobody is billed for calls of match.billing {' and '.join(kinds)}"
        raise ConfigError(text, 'set counts = "all", or a limit in tokens or calls')
