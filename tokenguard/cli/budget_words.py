"""How a budget is shown: in a line, in a row of a table, as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tokenguard.cli.output import columns
from tokenguard.policy import money
from tokenguard.policy.budgets import repository_of
from tokenguard.policy.naming import printable
from tokenguard.policy.windows import WEEKDAYS
from tokenguard.records import Budget, Unit

_HEADER = ("NAME", "SCOPE", "WINDOW", "LIMIT", "AT LIMIT", "MODE", "MATCH", "BESIDES", "SET IN")
_DEFAULT = Budget("", 0)


Stated = Mapping[tuple[str, str], float]
"""(file, name) of a budget -> in which share of its windows its limit may be passed, by the calls there were lately."""


def table(budgets: Sequence[Budget], stated: Stated, room: int | None = None) -> Iterator[str]:
    """The lines of a list of budgets. Columns in which nothing stands are left out, and some where `room` is short."""
    rows = [_row(budget, _share(budget, stated)) for budget in budgets]
    header = [title if any(cells) else "" for title, cells in zip(_HEADER, zip(*rows, strict=True), strict=True)]
    yield from columns([header, *rows], right={3}, spare=(8, 6), room=room)
    shares: dict[float, bool] = {}
    for budget in budgets:
        if _may_pass(budget):
            share = _share(budget, stated)
            shares[share] = shares.get(share, False) or share > budget.overshoot
    for share, dear in sorted(shares.items()):
        because = "; single calls take much of it, or many run at once" if dear else ""
        yield f"calibrated {_percent(share)}: passes its limit in at most {_percent(share)} of windows{because}"


def line(budget: Budget) -> str:
    """All of a budget but where it is set: `web: $20.00, scope repo, window day, model claude-*`."""
    limit = money.limit(budget.limit, budget.unit)
    if budget.official is not None:
        parts = [f"{budget.name}: {limit} of {budget.official}"]
    else:
        parts = [f"{budget.name}: {limit}", f"scope {budget.scope}", f"window {budget.window}"]
    parts += [f"{field} {glob}" for field, glob in budget.match]
    parts += [word for word in (budget.at_limit, budget.mode) if word not in (_DEFAULT.at_limit, _DEFAULT.mode)]
    return ", ".join([*parts, *_besides(budget)])


def as_json(budget: Budget, stated: Stated) -> dict[str, Any]:
    """Every key of a budget, in the words of configuration files; amounts as integers in its unit.

    `overshoot_stated` is the share as it is by the calls there were lately.
    """
    return msgspec.structs.asdict(budget) | {
        "match": dict(budget.match),
        "downgrade": dict(budget.downgrade),
        "week_start": WEEKDAYS[budget.week_start],
        "overshoot": budget.overshoot if _may_pass(budget) else None,
        "overshoot_stated": _share(budget, stated) if _may_pass(budget) else None,
    }


def _share(budget: Budget, stated: Stated) -> float:
    return max(budget.overshoot, stated.get((budget.source, budget.name), 0.0))


def _row(budget: Budget, share: float) -> tuple[str, ...]:
    owner = repository_of(budget)
    mode = f"calibrated {_percent(share)}" if _may_pass(budget) else budget.mode
    return (
        budget.name if owner is None else f"{printable(owner)}:{budget.name}",
        budget.scope,
        budget.official or budget.window,
        money.limit(budget.limit, budget.unit),
        budget.at_limit,
        "" if budget.official else mode,
        printable(" ".join(f"{field}={glob}" for field, glob in budget.match)),
        ", ".join(_besides(budget)),
        printable(budget.source),
    )


def _may_pass(budget: Budget) -> bool:
    """Whether it stops calls, and does so by what they will likely cost."""
    stops = budget.official is None and budget.at_limit != "warn" and budget.limit > 0
    return stops and budget.mode == "calibrated"


def _percent(share: float) -> str:
    return f"{share * 100:.3g}%"


def _besides(budget: Budget) -> Iterator[str]:
    """What differs from what holds anyway, and has no column of its own."""
    if budget.timezone is not None:
        yield budget.timezone
    if budget.week_start != _DEFAULT.week_start:
        yield f"from {WEEKDAYS[budget.week_start]}"
    if budget.month_start != _DEFAULT.month_start:
        yield f"from day {budget.month_start}"
    if budget.bucket is not None:
        yield f"{budget.bucket} only"
    if budget.counts != _DEFAULT.counts and budget.unit is Unit.USD:
        yield f"counts {budget.counts}"
    if budget.levels != _DEFAULT.levels:
        yield f"levels {'/'.join(map(str, budget.levels))}"
    for glob, model in budget.downgrade:
        yield f"{printable(glob)} -> {model}"
    if budget.clamp:
        yield "clamp"
    if budget.landing:
        released = "" if budget.landing_release == _DEFAULT.landing_release else f" ({budget.landing_release})"
        yield f"landing {money.limit(budget.landing, budget.unit)}{released}"
    if budget.forecast:
        yield "forecast"
