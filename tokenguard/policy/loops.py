"""Agents that run in circles: what tells one from an agent at work, and how it is said.

Each rule is about one conversation, so that agents which work side by side in one session are not taken for one that
repeats itself. A rule that is late costs a little; one that stops honest work costs more. So waiting counts less than
hurry (an agent that looks every half minute whether a build is done repeats itself by design), and what is paused by a
person, or resumed much later, begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.policy.naming import printable
from tokenguard.policy.pacing import RECENT_MINUTES
from tokenguard.policy.retrying import is_safe
from tokenguard.records import Trail

RULES = ("repeats", "identical", "failures", "velocity")
ACTIONS = ("warn", "hold", "refuse")
"""Mildest first."""

UNHURRIED_US = 3_000_000
"""A tool that takes as long does or awaits something."""

PATIENCE = 5
"""As many times as often may be repeated what is not done in a hurry."""

SOON_US = 30_000_000
"""The same request after a longer pause is asked anew, by a schedule or by a person."""

QUIET_US = 60_000_000
"""A pause after which failures do not count as being in a row: whoever waits as long does no harm."""

_LONGEST_NAME = 40


class Finding(Struct, frozen=True):
    """A rule that holds for a call."""

    rule: str
    action: str
    """One of `ACTIONS`."""
    text: str
    """What repeated and how to go on: a sentence that no agent takes for a reason to try again."""


class Streak(Struct, frozen=True):
    """The same calls of tools, turn after turn."""

    calls: int = 0
    """Their fingerprint."""
    repeats: int = 0
    slow: int = 0
    """How many of these came after some time, as far as that was seen."""
    told: int = 0
    """How many there were when somebody was told last."""


class Sameness(Struct, frozen=True):
    """The same request, again and again."""

    body: int = 0
    """Its fingerprint."""
    succeeded: int = 0
    """How often in a row it was answered."""
    told: int = 0


class Failures(Struct, frozen=True):
    """Calls in a row that failed."""

    count: int = 0
    last_us: int = 0
    told: int = 0


def repeated(streak: Streak, trail: Trail, waited_us: int) -> Streak:
    """With one more request that shows it, made so long after the answer before."""
    if trail.calls != streak.calls or trail.repeats == 1:
        return Streak(trail.calls, trail.repeats)
    added = trail.repeats - streak.repeats
    if added <= 0:
        return streak
    slow = streak.slow + (added if waited_us >= UNHURRIED_US else 0)
    return replace(streak, repeats=trail.repeats, slow=slow)


def is_circling(streak: Streak, limit: int) -> bool:
    """Whether a streak, since it was told last, is at its limit."""
    untold = streak.repeats - streak.told
    return limit > 0 and (untold - streak.slow >= limit or untold >= PATIENCE * limit)


def told(streak: Streak) -> Streak:
    """Somebody knows of it: only what follows counts."""
    return replace(streak, told=streak.repeats, slow=0)


def asked(same: Sameness, body: int, waited_us: int) -> Sameness:
    """With one more request."""
    return same if body and body == same.body and waited_us <= SOON_US else Sameness(body)


def answered(same: Sameness, body: int, *, failed: bool) -> Sameness:
    """With the end of a request; one that failed is sent again with good reason."""
    if body != same.body:
        return same
    return Sameness(body) if failed else replace(same, succeeded=same.succeeded + 1)


def is_the_same(same: Sameness, limit: int) -> bool:
    """Whether the request that is now asked makes it so many."""
    return limit > 0 and same.body != 0 and same.succeeded + 1 - same.told >= limit


def told_same(same: Sameness) -> Sameness:
    """Somebody knows of it, this request included."""
    return replace(same, told=same.succeeded + 1)


def failed(failures: Failures, now_us: int) -> Failures:
    """With one more."""
    before = in_a_row(failures, now_us)
    return Failures(before.count + 1, now_us, before.told)


def in_a_row(failures: Failures, now_us: int) -> Failures:
    """Those that still count."""
    return failures if now_us - failures.last_us <= QUIET_US else Failures()


def is_storm(failures: Failures, limit: int) -> bool:
    """Whether so many calls in a row failed."""
    return limit > 0 and failures.count - failures.told >= limit


def told_failures(failures: Failures) -> Failures:
    """Somebody knows of them."""
    return replace(failures, told=failures.count)


def circling(tool: str, repeats: int, action: str) -> Finding:
    """The finding of `repeats`."""
    said = f"was called {repeats} times in a row with the same arguments"
    name = printable(tool, _LONGEST_NAME)
    return _finding(
        "repeats",
        action,
        (f"the tool {name} {said}" if name else "", f"a tool {said}", "a tool was called again and again"),
    )


def same_again(times: int, action: str) -> Finding:
    """The finding of `identical`."""
    said = "the same request was made"
    return _finding("identical", action, (f"{said} {times} times in a row", f"{said} again and again"))


def storm(count: int, action: str) -> Finding:
    """The finding of `failures`."""
    return _finding("failures", action, (f"{count} calls in a row failed", "call after call failed"))


def racing(times: float, action: str) -> Finding:
    """The finding of `velocity`."""
    said = "this session spends"
    return _finding(
        "velocity", action, (f"{said} {times:.0f} times as fast as before", f"{said} much faster than before")
    )


_GOING_ON = {
    "repeats": "a new prompt goes on",
    "identical": "another prompt goes on",
    "failures": "it goes on after a minute",
    "velocity": f"it goes on after {RECENT_MINUTES} minutes",
}


def _finding(rule: str, action: str, said: Iterable[str]) -> Finding:
    """The first wording that does no harm, with how to go on where that takes something."""
    going_on = "stop the agent if that is not meant" if action == "warn" else _GOING_ON[rule]
    text = next(one for one in said if one and is_safe(one))
    return Finding(rule, action, f"{text}; {going_on}")
