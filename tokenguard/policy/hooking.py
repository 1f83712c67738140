"""What git hooks say of budgets: from what is spent, and how hooks are to take it, to the lines that they read.

A hook reads these lines at any later time, and perhaps of a daemon that has not had time for them since. So each line
ends where a budget starts anew, and what holds after that follows it at once: `lines` gives what is true until when,
one after the other, the last one for ever.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.policy import wording
from tokenguard.policy.budgets import LEVELS, TEAM, Standing
from tokenguard.policy.money import amount, limit, percent
from tokenguard.policy.naming import printable
from tokenguard.policy.reactions import Reaction, Reactions
from tokenguard.policy.retrying import safe_label
from tokenguard.policy.windows import rolling_us
from tokenguard.records import Unit

FORMAT = "tokenguard 1"
"""What a file begins with that hooks can read."""

VERDICTS = ("ok", "warn", "block")
"""What a hook does in the end, least first."""

ANY = "*"
"""In place of a working tree or a branch: every one."""

DETACHED = "-"
"""In place of a branch: none is checked out."""

_NAME = re.compile(r"[^\x00-\x20\x7f]+")
_LONGEST_LABEL = 80
_MOST_BESIDE = 2
"""Budgets that are named besides the first."""


class Line(Struct, frozen=True):
    """What hooks say in a working tree and on a branch, until an instant."""

    worktree: str
    branch: str
    expires_s: int
    """Seconds since the epoch; 0 is never."""
    commit: str = "ok"
    push: str = "ok"
    message: str = ""
    about: tuple[tuple[str, str], ...] = ()
    """(budget's label, level) of those it tells of."""

    def text(self) -> str:
        """As it stands in the file."""
        return f"{self.worktree} {self.branch} {self.expires_s} {self.commit} {self.push} {self.message}".rstrip(" ")


def is_plain(name: str) -> bool:
    """Whether a working tree or a branch of this name can stand in a line."""
    return _NAME.fullmatch(name) is not None and name not in (ANY, DETACHED)


def lines(
    worktree: str, branch: str, standings: Iterable[tuple[Standing, datetime | None]], reactions: Reactions, now_us: int
) -> tuple[Line, ...]:
    """What hooks say there, from now on until for ever, if nothing more is spent.

    With each standing comes when it starts anew, in its budget's zone. What is reserved for calls in flight is not
    spent: it says nothing of what is committed.
    """
    said = [_Said(one, resets, reactions.to(one.slot.budget), now_us) for one, resets in standings]
    said = sorted((one for one in said if one.severity > (0, 0)), key=_Said.order)
    ends = sorted({one.ends_s for one in said if one.ends_s})
    found: list[Line] = []
    for end_s in (*ends, 0):
        holding = [one for one in said if not one.ends_s or 0 < end_s <= one.ends_s]
        line = _line(worktree, branch, end_s, holding)
        if found and replace(found[-1], expires_s=end_s) == line:
            found.pop()
        found.append(line)
    return tuple(found)


def status(pid: int, found: Sequence[Line]) -> str:
    """The file that hooks read, of the daemon with this process id. The first line that fits is meant."""
    return "".join(f"{line}\n" for line in (f"{FORMAT} {pid}", *(one.text() for one in found)))


def gist(found: Iterable[Line]) -> str:
    """What of these lines must not be late: all but the figures."""
    return repr([replace(one, message="") for one in found])


class _Said:
    """What one budget has to say."""

    def __init__(self, standing: Standing, resets: datetime | None, reaction: Reaction, now_us: int) -> None:
        self.standing = standing
        self.reaction = reaction
        self.label = printable(standing.slot.label, _LONGEST_LABEL)
        self.commit, self.push = (_verdict(standing, reaction, does) for does in (reaction.commit, reaction.push))
        self.ends_s = _ends_s(standing, now_us)
        self._resets = wording.moment(resets, now_us) if resets else None
        if standing.resets_us is not None and standing.resets_us <= now_us:
            self.commit = self.push = "ok"  # what it counted is over

    @property
    def severity(self) -> tuple[int, int]:
        return VERDICTS.index(self.push), VERDICTS.index(self.commit)

    def order(self) -> tuple[int, int, float, str]:
        """The one to be named first comes first."""
        standing, (push, commit) = self.standing, self.severity
        return -push, -commit, -standing.spent / max(standing.limit, 1), self.label

    @property
    def is_shared(self) -> bool:
        """Whether it is a team's."""
        return self.standing.slot.budget.scope == TEAM

    def state(self) -> str:
        """How far it is."""
        standing = self.standing
        if standing.level == "hard":
            return "is used up"
        return f"{'is ' if self.is_shared else ''}at {percent(standing.spent, standing.limit)}%"

    def figures(self) -> str:
        standing, budget = self.standing, self.standing.slot.budget
        if budget.unit is Unit.PERCENT:
            figures = f"{standing.spent}% used, the limit is {standing.limit}%"
        else:
            figures = f"{amount(standing.spent, budget.unit).split()[0]} of {limit(standing.limit, budget.unit)}"
        if self.is_shared:
            figures += " used by all"
        if rolling_us(budget.window) is not None:
            figures += f" in the last {budget.window.removeprefix('rolling ')}"
        coming = standing.forecast.likely if budget.forecast and standing.forecast else None
        if coming is not None and coming > standing.limit > standing.spent:
            figures += f", heading for {amount(coming, budget.unit)}"
        return figures + (f", resets {self._resets}" if self._resets else "")

    def remedy(self) -> str:
        if self.is_shared:
            return wording.raised_by_team(self.standing.slot.budget, _raise(self.standing, self.reaction))
        label = self.standing.slot.label
        name = shlex.quote(label if label.isprintable() else safe_label(label))
        return f"tokenguard budget raise {name} --amount {_raise(self.standing, self.reaction)} --reason WHY"


def _line(worktree: str, branch: str, expires_s: int, said: Sequence[_Said]) -> Line:
    if not said:
        return Line(worktree, branch, expires_s)
    first, beside = said[0], said[1 : 1 + _MOST_BESIDE]
    whose = f"the limit that binds is {first.label}, not yours: it" if first.is_shared else first.label
    message = f"{whose} {first.state()} ({first.figures()})"
    message += "".join(f"; {one.label} {one.state()} too" for one in beside)
    if len(said) > 1 + len(beside):
        message += f"; {len(said) - 1 - len(beside)} more"
    if "block" in (first.commit, first.push):
        message += f". To go on: {first.remedy()}"
    return Line(
        worktree,
        branch,
        expires_s,
        commit=max((one.commit for one in said), key=VERDICTS.index),
        push=max((one.push for one in said), key=VERDICTS.index),
        message=message,
        about=tuple((one.label, one.standing.level) for one in (first, *beside)),
    )


def _verdict(standing: Standing, reaction: Reaction, does: str) -> str:
    level = LEVELS.index(standing.level)
    if does == "block" and level >= LEVELS.index(reaction.block_at):
        return "block"
    return "warn" if does != "off" and level >= LEVELS.index(reaction.warn_at) else "ok"


def _ends_s(standing: Standing, now_us: int) -> int:
    """When what a budget says cannot hold any more, in seconds rounded up; 0 where it never ends by itself."""
    span_us, ends_us = rolling_us(standing.slot.budget.window), standing.resets_us
    if span_us is not None:
        # By then all that is spent now has left the window. In steps, so that it is not another instant every time.
        step_us = span_us // 10
        ends_us = -(-(now_us + span_us) // step_us) * step_us
    return 0 if ends_us is None else -(-ends_us // 1_000_000)


def _raise(standing: Standing, reaction: Reaction) -> str:
    """An amount with which it goes on, as the command line takes it."""
    mark = (*standing.slot.budget.levels, 100)[LEVELS.index(reaction.block_at) - 1]
    least = standing.spent * 100 // mark + 1
    if standing.slot.budget.forecast and standing.forecast:
        least = max(least, standing.forecast.likely or 0)
    step = wording.step(standing)
    return wording.argument(max(step, -(-(least - standing.limit) // step) * step), standing.slot.budget.unit)
