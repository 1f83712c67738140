"""The periods of a team's budgets: which one it is, the one before and the one after."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from tokenguard.errors import TeamError
from tokenguard.policy.windows import KINDS, Window, window_at
from tokenguard.records.teams import TeamBudget

_AHEAD_PART = 10
"""What the next period begins with is handed out in the last tenth of this one."""


class Periods(Struct, frozen=True):
    """Of one budget; None: there is none."""

    current: Window
    previous: Window | None
    following: Window | None
    ahead: bool
    """Whether the next one is near."""

    def near(self) -> list[Window]:
        """All of them."""
        return [window for window in (self.previous, self.current, self.following) if window is not None]


def check(budget: TeamBudget) -> None:
    """Raise `TeamError` for a budget whose windows are not the same for everybody."""
    if budget.window not in KINDS or budget.window == "session":
        raise TeamError(
            f'the team budget "{budget.name}" has the window "{budget.window}"',
            f"use one of {', '.join(kind for kind in KINDS if kind != 'session')}",
        )
    try:
        ZoneInfo(budget.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TeamError(
            f'the team budget "{budget.name}" has the time zone "{budget.timezone}"', "use an IANA name"
        ) from None


def periods_at(budget: TeamBudget, now_us: int) -> Periods:
    """By this machine's clock."""
    current = _at(budget, now_us)
    if current.end_us is None:
        return Periods(current, None, None, False)
    left = current.end_us - now_us
    return Periods(
        current,
        _at(budget, current.start_us - 1),
        _at(budget, current.end_us),
        left * _AHEAD_PART <= current.end_us - current.start_us,
    )


def key(window: Window) -> str:
    """As documents name a period: its seconds, so that another kind of window is another period."""
    return f"{window.start_us // 1_000_000}-{'' if window.end_us is None else window.end_us // 1_000_000}"


def start_us(period: str) -> int:
    """When a period began."""
    sign, digits = ("-", period[1:]) if period.startswith("-") else ("", period)
    return int(sign + digits.partition("-")[0]) * 1_000_000


def _at(budget: TeamBudget, at_us: int) -> Window:
    return window_at(
        budget.window,
        at_us,
        ZoneInfo(budget.timezone),
        week_start=budget.week_start,
        month_start=budget.month_start,
    )
