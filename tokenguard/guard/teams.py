"""The budgets that repositories share with others, and what is known of the others.

To whatever decides, they are budgets like all others: what others have spent is spent, and what was not handed to this
machine is held back.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct, field

from tokenguard.guard.count import Count
from tokenguard.policy.budgets import TEAM, Slot, Standing
from tokenguard.records import Budget
from tokenguard.records.teams import Heard, Share, TeamBudget, TeamPolicy

_RECENT_CALLS = 32
"""Of the calls of a team on this machine, those by whose worst case the next ones are judged."""

_IN_VAIN_S = 30.0
"""For so long nobody waits for more after somebody has waited in vain, unless more is handed over."""

_LOW = 4
"""Less than this many of the largest recent calls: it is time to ask for more."""


class Team(Struct):
    """A team that this machine is in."""

    name: str
    """Unique on this machine."""
    policy: TeamPolicy
    repositories: Mapping[str, int]
    """As calls name them -> since when their spending counts, in microseconds."""
    heard: Heard | None = None
    problem: str | None = None
    """Why nothing can be heard now."""
    budgets: tuple[Budget, ...] = ()
    shares: dict[tuple[str, int], Share] = {}
    """By name and beginning of the window."""
    worst: deque[int] = field(default_factory=lambda: deque[int](maxlen=_RECENT_CALLS))
    """What recent calls can have taken at most."""
    short: int = 0
    """What a call lacks that waits."""
    left: bool = False
    """Whether this machine gives back what it was handed."""
    vain_until_s: float = 0.0
    """Until when nobody waits again for more, by the clock of what was granted: somebody did, and got nothing."""
    low_at: int | None = None
    """What was granted when more was asked for last, before it ran out."""

    @property
    def source(self) -> str:
        """What its budgets have as theirs."""
        return f"{TEAM}:{self.name}"


class Teams:
    """All teams that this machine is in."""

    def __init__(self, boot_s: Callable[[], float]) -> None:
        """`boot_s` is the clock by which what was granted runs out."""
        self._boot_s = boot_s
        self._by_source: dict[str, Team] = {}
        self._by_repository: dict[str, tuple[Budget, ...]] = {}
        self.until_s = math.inf
        """When, by that clock, something that was granted can be used no more."""
        self.ask: Callable[[str], None] = lambda name: None
        """Has a team heard of anew, soon."""

    def __iter__(self) -> Iterator[Team]:
        return iter(self._by_source.values())

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self._by_source)

    def named(self, name: str) -> Team | None:
        """The team of this name."""
        return self._by_source.get(f"{TEAM}:{name}")

    def of(self, slot: Slot) -> Team | None:
        """The team of a slot; None if it is nobody's but ours."""
        return self._by_source.get(slot.budget.source)

    def take(self, teams: Iterable[Team]) -> None:
        """Be in these teams, and in no others. What is counted must be counted anew."""
        self._by_source = {team.source: team for team in teams}
        for team in self._by_source.values():
            _learn(team)
        self._index()

    def budgets(self, repository: str | None) -> tuple[Budget, ...]:
        """The budgets that a repository shares."""
        return self._by_repository.get(repository or "", ())

    def hear(self, name: str, heard: Heard) -> bool:
        """Take what was heard of a team; whether its budgets themselves have changed, so that all is counted anew."""
        team = self.named(name)
        if team is None:
            return False
        before, team.heard = team.budgets, heard
        _learn(team)
        self._index()
        return team.budgets != before

    def share(self, slot: Slot) -> Share | None:
        """What is known of a slot; None if that is nothing."""
        team = self.of(slot)
        return team.shares.get((slot.budget.name, slot.window.start_us)) if team else None

    def usable(self, standing: Standing) -> bool:
        """Whether this machine may begin anything now on what it was granted."""
        share = standing.share
        return share is None or share.usable_s > self._boot_s()

    def bring_up(self, count: Count) -> None:
        """Put what is known of the others into the count of one of their budgets."""
        share = self.share(count.slot)
        count.spent += (share.others if share else 0) - (count.share.others if count.share else 0)
        count.share = share
        limit = share.budget.limit if share else count.slot.budget.limit
        count.limit_to(limit, self._held_back(count.slot, share))

    def _held_back(self, slot: Slot, share: Share | None) -> int:
        """Of a limit, what this machine may not take."""
        team = self.of(slot)
        if team is None or not team.policy.hard:
            return 0
        if share is None or share.granted is None or team.left:
            return slot.budget.limit
        if share.usable_s <= self._boot_s():
            return share.budget.limit if team.policy.unreachable == "refuse" else 0
        return max(0, share.budget.limit - share.others - share.granted)

    @property
    def overdue(self) -> bool:
        """Whether something that was granted has run out since it was looked at."""
        return self.until_s != math.inf and self.until_s <= self._boot_s()

    def look_again(self) -> None:
        """After something has run out: note what does so next."""
        now_s = self._boot_s()
        ends = (share.usable_s for team in self._by_source.values() for share in team.shares.values())
        self.until_s = min((end for end in ends if end > now_s), default=math.inf)

    def reserved(self, count: Count, value: int) -> None:
        """So much was set aside for a call at its worst case: where it runs low, more is asked for."""
        team = self.of(count.slot)
        if team is None or not team.policy.hard:
            return
        team.worst.append(value)
        granted = count.share.granted if count.share else None
        left = count.limit - count.held_back - count.spent - count.reserved
        # Where no more is to be had, asking with every call would not change that.
        if granted != team.low_at and left < _LOW * max(team.worst):
            team.low_at = granted
            self.ask(team.name)

    def may_grow(self, slot: Slot, short: int) -> bool:
        """Whether this machine may soon be handed what a call lacks; it is asked for, then."""
        team, share = self.of(slot), self.share(slot)
        if team is None or not team.policy.hard or team.left or team.problem is not None:
            return False
        if self._boot_s() < team.vain_until_s:
            return False
        if share is not None and share.free + share.held < short:
            return False
        team.short = max(team.short, short)
        self.ask(team.name)
        return True

    def waited_in_vain(self, slot: Slot) -> None:
        """A call has waited for more, and was handed too little: an agent that goes on need not wait every time."""
        team = self.of(slot)
        if team is not None:
            team.vain_until_s = self._boot_s() + _IN_VAIN_S

    def _index(self) -> None:
        found: dict[str, tuple[Budget, ...]] = {}
        for team in self._by_source.values():
            for repository in team.repositories:
                found[repository] = (*found.get(repository, ()), *team.budgets)
        self._by_repository = found
        self.look_again()


def _learn(team: Team) -> None:
    """The budgets of a team as they were heard of last; before that, as its policy has them."""
    shares = team.heard.shares if team.heard else ()
    granted = {key: share.granted for key, share in team.shares.items()}
    team.shares = {(share.budget.name, share.since_us): share for share in shares}
    if granted != {key: share.granted for key, share in team.shares.items()}:
        team.vain_until_s = 0.0
    latest = {share.budget.name: share.budget for share in sorted(shares, key=lambda share: share.since_us)}
    # Limits as they stand belong to a window each: see `bring_up`.
    written = {budget.name: budget for budget in team.policy.budgets}
    current = {name: written.get(name, budget) for name, budget in latest.items()} or written
    team.budgets = tuple(_budget(team, one) for one in current.values())


def _budget(team: Team, shared: TeamBudget) -> Budget:
    return Budget(
        name=shared.name,
        limit=shared.limit,
        scope=TEAM,
        window=shared.window,
        timezone=shared.timezone,
        week_start=shared.week_start,
        month_start=shared.month_start,
        levels=shared.levels,
        at_limit=shared.at_limit,
        mode="strict" if team.policy.hard else "calibrated",
        counts=shared.counts,
        source=team.source,
        owner=shared.owner or f"{TEAM}:{team.policy.name}",
    )
