"""What providers tell of a subscription's windows: in the headers of each answer, or in an event where there are none.

Names and forms are those that Anthropic and ChatGPT send: Anthropic tells fractions of one (`0.34`), ChatGPT percent.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from tokenguard.simulator.shape import Json
from tokenguard.simulator.values import encode

_HOUR = 3_600
_FIVE_HOURS, _SEVEN_DAYS = 5 * _HOUR, 168 * _HOUR
_WARN_AT = {"5h": 90.0, "7d": 75.0}
"""Percent from which Anthropic's status of a window is a warning."""


class Windows(Struct, frozen=True):
    """Percent of a subscription that are used up, in its two windows."""

    five_hour: float = 12.0
    seven_day: float = 34.0

    @property
    def full(self) -> bool:
        """Whether the provider answers no more."""
        return max(self.five_hour, self.seven_day) >= 100


USUAL = Windows()


def is_subscribed(asked: Mapping[str, str]) -> bool:
    """Whether the headers of a request carry a login in place of an API key."""
    return _of_claude(asked) or _of_chatgpt(asked)


def headers(asked: Mapping[str, str], windows: Windows, now: int) -> dict[str, str]:
    """What the answer to a request with these headers tells at `now` (seconds since the epoch); empty without login."""
    if _of_claude(asked):
        return _claude(windows, now)
    return _codex(windows, now) if _of_chatgpt(asked) else {}


def event(asked: Mapping[str, str], windows: Windows, now: int) -> bytes | None:
    """What a WebSocket tells at `now`, as its headers do not; None without ChatGPT's login."""
    if not _of_chatgpt(asked):
        return None
    limits: Json = {"allowed": not windows.full, "limit_reached": windows.full, **_slots(windows, now)}
    return encode({"type": "codex.rate_limits", "plan_type": "plus", "rate_limits": limits})


def _of_claude(asked: Mapping[str, str]) -> bool:
    return asked.get("authorization", "").startswith("Bearer sk-ant-oat")


def _of_chatgpt(asked: Mapping[str, str]) -> bool:
    return "chatgpt-account-id" in asked


def _claude(windows: Windows, now: int) -> dict[str, str]:
    used = {"5h": windows.five_hour, "7d": windows.seven_day}
    ends = _end(now, _FIVE_HOURS), _end(now, _SEVEN_DAYS)
    told: dict[str, str] = {}
    for (name, percent), end in zip(used.items(), ends, strict=True):
        status = "rejected" if percent >= 100 else "allowed_warning" if percent >= _WARN_AT[name] else "allowed"
        told |= {f"{name}-status": status, f"{name}-utilization": f"{percent / 100:g}", f"{name}-reset": str(end)}
        if status != "allowed":
            told[f"{name}-surpassed-threshold"] = "1.0" if status == "rejected" else f"{_WARN_AT[name] / 100:g}"
    # The summary tells of the window that is the nearer to its end.
    claim = max(used, key=lambda name: (used[name] >= 100, used[name] / _WARN_AT[name]))
    told |= {
        "status": told[f"{claim}-status"],
        "reset": told[f"{claim}-reset"],
        "representative-claim": {"5h": "five_hour", "7d": "seven_day"}[claim],
        "fallback-percentage": "0.5",
        "overage-status": "rejected",
        "overage-disabled-reason": "org_level_disabled",
    }
    return {f"anthropic-ratelimit-unified-{name}": value for name, value in told.items()}


def _codex(windows: Windows, now: int) -> dict[str, str]:
    told = {"plan-type": "plus", "credits-has-credits": "false", "credits-unlimited": "false"}
    for name, slot in _slots(windows, now).items():
        told |= {f"{name}-{field.replace('_', '-')}": f"{value:.10g}" for field, value in slot.items()}
    return {f"x-codex-{name}": value for name, value in told.items()}


def _slots(windows: Windows, now: int) -> dict[str, dict[str, float]]:
    sizes = (("primary", windows.five_hour, _FIVE_HOURS), ("secondary", windows.seven_day, _SEVEN_DAYS))
    return {
        name: {
            "used_percent": percent,
            "window_minutes": size // 60,
            "reset_at": _end(now, size),
            "reset_after_seconds": _end(now, size) - now,
        }
        for name, percent, size in sizes
    }


def _end(now: int, size: int) -> int:
    """Of the window of so many seconds that is running."""
    return (now // size + 1) * size
