"""A budget as it is typed: texts into the table that a file would hold, checked by the rules of such files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from tokenguard.config.budget_table import MATCHABLE, MODES, OFFICIAL, RELEASES, SCOPES, BudgetTable, make_budget
from tokenguard.config.tables import convert
from tokenguard.errors import ConfigError
from tokenguard.policy.budgets import ACTIONS
from tokenguard.policy.measure import BUCKETS, COUNTS
from tokenguard.policy.windows import KINDS, WEEKDAYS

_WHERE = "budget"
_YES, _NO = "yes", "no"


class Key(NamedTuple):
    """A key of a budget, in the order of the form."""

    name: str
    holds_anyway: str
    """What holds where nothing is typed, or what is wanted."""
    means: str
    known: tuple[str, ...] = ()
    """Words that are accepted."""


KEYS = (
    Key("name", "such as opus-day", "by which it is seen and raised"),
    Key("limit", "such as 20", "such as 20, 0.50, 2M tokens, 300 calls, or 90% of an official window"),
    Key("scope", "global", "for each of what it counts separately", SCOPES),
    Key("window", "such as day", "when it starts anew, or rolling 5h (m, h, d, w)", KINDS),
    Key("at_limit", "refuse", "what happens to a call that does not fit", ACTIONS),
    Key("match", "all calls", f"only calls whose FIELD=GLOB: model=claude-opus-*; {', '.join(MATCHABLE)}"),
    Key("downgrade", "none", "which model takes the place of which: claude-opus-*=claude-sonnet-5"),
    Key("mode", "calibrated", "calls are bounded by what they likely take, or at worst", MODES),
    Key("levels", "50,75,90", "percents at which it is info, warn and soft"),
    Key("forecast", _NO, "whether it warns already when it will not last", (_YES, _NO)),
    Key("landing", "none", "kept back so that work can be saved, such as 10%"),
    Key("landing_release", "command", "who gives that out", RELEASES),
    Key("clamp", _NO, "whether a call's output limit is lowered to what fits", (_YES, _NO)),
    Key("counts", "billed", "dollars that are billed, or all", COUNTS),
    Key("bucket", "all tokens", "the only tokens that count", tuple(BUCKETS)),
    Key("overshoot", "5%", "in how many windows a calibrated budget may be passed"),
    Key("official", "none", "the provider's own window of which the limit is a percentage", OFFICIAL),
    Key("timezone", "this machine's", "whose midnight counts, such as Europe/Berlin"),
    Key("week_start", "monday", "first day of a week", WEEKDAYS),
    Key("month_start", "1", "first day of a month, 1 to 28"),
)


def table_of(texts: Mapping[str, str]) -> dict[str, Any]:
    """The table that is typed; what is empty is not in it. Raises `ConfigError` for what cannot stand in one."""
    table: dict[str, Any] = {}
    for name, text in texts.items():
        if stripped := text.strip():
            table[name] = _READ[name](name, stripped) if name in _READ else stripped
    return table


def texts_of(table: Mapping[str, Any]) -> dict[str, str]:
    """What would have been typed for this table."""
    return {key.name: _typed(table[key.name]) for key in KEYS if key.name in table}


def problem(texts: Mapping[str, str]) -> tuple[str, str]:
    """What is not right yet, by the rules of configuration files: (key, why). The key is empty if it is of no one key.

    Both are empty if it is a budget.
    """
    for key in KEYS[:2]:
        if not texts.get(key.name, "").strip():
            return key.name, f"{key.name}: {key.holds_anyway}"
    try:
        make_budget(convert(table_of(texts), BudgetTable, _WHERE), _WHERE, "")
    except ConfigError as error:
        text = str(error).removeprefix(f"{_WHERE}: ")
        return next((key.name for key in KEYS if _is_of(key.name, text)), ""), text
    return "", ""


def _is_of(name: str, text: str) -> bool:
    return text.startswith(name) and not text[len(name) : len(name) + 1].isidentifier()


def _typed(value: object) -> str:
    if isinstance(value, bool):
        return _YES if value else _NO
    if isinstance(value, dict):
        return " ".join(f"{key}={to}" for key, to in cast(dict[str, str], value).items())
    if isinstance(value, list | tuple):
        return ",".join(map(str, cast(list[object], value)))
    return str(value)


def _pairs(name: str, text: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in text.replace(",", " ").split()]
    if not all(key and sign and to for key, sign, to in pairs):
        raise ConfigError(f'{_WHERE}: {name} "{text}" is not understood', "write model=claude-opus-*")
    return {key: to for key, _, to in pairs}


def _numbers(name: str, text: str) -> list[int]:
    return [_number(name, part) for part in text.split(",")]


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f'{_WHERE}: {name} "{text}" is not a whole number') from None


def _share(name: str, text: str) -> float:
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise ConfigError(f'{_WHERE}: {name} "{text}" is not a probability', "write 5% or 0.05") from None


def _yes(name: str, text: str) -> bool:
    if text not in (_YES, _NO):
        raise ConfigError(f'{_WHERE}: {name} "{text}" is not known', f"use one of {_YES}, {_NO}")
    return text == _YES


_READ: dict[str, Callable[[str, str], Any]] = {
    "match": _pairs,
    "downgrade": _pairs,
    "levels": _numbers,
    "month_start": _number,
    "overshoot": _share,
    "forecast": _yes,
    "clamp": _yes,
}
