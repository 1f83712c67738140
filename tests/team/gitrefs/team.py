"""Machines of a team that spend what they were told they may, around one place that holds everybody's refs."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from tokenguard.errors import TeamError
from tokenguard.policy.windows import window_at
from tokenguard.records.teams import Heard, Share, TeamBudget, TeamPolicy
from tokenguard.team.gitrefs.document import Document, decode, encode
from tokenguard.team.gitrefs.machine import GitRefs
from tokenguard.team.gitrefs.memory import State
from tokenguard.team.gitrefs.process import Runner
from tokenguard.team.gitrefs.remote import Found, Pushed
from tokenguard.team.shape import Demand, Place, Taken

DOLLAR = 1_000_000_000
MINUTE = 60 * 1_000_000
DAY = 24 * 60 * MINUTE
NOON = 1_794_830_400 * 1_000_000
"""2026-11-16, 12:00 UTC: in the middle of a month."""


class Wall:
    """A clock that somebody sets."""

    boot_id = "started once"

    def __init__(self, now_us: int = NOON) -> None:
        self.at_us = now_us

    def now_us(self) -> int:
        return self.at_us

    def boot_s(self) -> float:
        return self.at_us / 1_000_000


class Call(Struct):
    """One call, reserved or settled."""

    at_us: int
    reserved: int
    spent: int = 0


class Desk:
    """What a machine spent, and how it admits more: only what the last that it was told leaves room for."""

    def __init__(self, clock: Wall) -> None:
        self.clock = clock
        self.calls: list[Call] = []
        self.shares: dict[str, Share] = {}
        self.wanted = Demand()

    def taken(self, budget: TeamBudget, since_us: int, until_us: int | None) -> Taken:
        calls = [call for call in self.calls if since_us <= call.at_us and (until_us is None or call.at_us < until_us)]
        return Taken(sum(call.spent for call in calls), sum(call.reserved for call in calls))

    def demand(self, budget: TeamBudget) -> Demand:
        return self.wanted

    def hear(self, heard: Heard | None) -> None:
        self.shares = {share.budget.name: share for share in heard.shares} if heard else {}

    def room(self, name: str) -> int:
        share = self.shares.get(name)
        now = self.clock.now_us()
        if share is None or share.granted is None or not share.since_us <= now < (share.until_us or now + 1):
            return 0
        taken = self.taken(share.budget, share.since_us, share.until_us)
        return share.granted - taken.spent - taken.reserved

    def admit(self, name: str, amount: int) -> Call | None:
        if amount > self.room(name):
            return None
        self.calls.append(call := Call(self.clock.now_us(), amount))
        return call

    def settle(self, call: Call, spent: int) -> None:
        call.spent, call.reserved = spent, 0

    def spend(self, name: str, amount: int) -> bool:
        call = self.admit(name, amount)
        if call is not None:
            self.settle(call, amount)
        return call is not None

    def overspend(self, amount: int) -> None:
        """As where a log tells of what nobody asked for."""
        self.calls.append(Call(self.clock.now_us(), 0, amount))


class Refs:
    """A remote in memory, with the manners of git: a ref is replaced only by who knows what is there."""

    def __init__(self) -> None:
        self.refs: dict[str, bytes] = {}

    def seen_by(self, folder: Path) -> View:
        return View(self, folder)

    def write(self, who: str, document: Document) -> None:
        """As its owner would, with git alone."""
        self.refs[who] = encode(document)

    def read(self, who: str) -> Document | None:
        return decode(self.refs[who]) if who in self.refs else None


class View:
    """The remote as one machine reaches it."""

    def __init__(self, remote: Refs, folder: Path) -> None:
        self.remote = remote
        self.folder = folder
        self.away = False
        self.refused = ""
        self.before_push: Callable[[], None] | None = None
        self.after_push: Callable[[], None] | None = None
        self.pushes = 0

    def fetch(self) -> dict[str, Found]:
        self._reach()
        return {who: Found(_commit(data), data, decode(data)) for who, data in self.remote.refs.items()}

    def push(self, ref: str, data: bytes, at_s: int, expected: str) -> Pushed:
        self._reach()
        if self.before_push:
            self.before_push()
        if self.refused:
            return Pushed.REFUSED
        there = self.remote.refs.get(ref)
        if (_commit(there) if there is not None else "") != expected:
            return Pushed.STALE
        self.remote.refs[ref] = data
        self.pushes += 1
        if self.after_push:
            self.after_push()
        return Pushed.DONE

    def _reach(self) -> None:
        if self.away:
            raise TeamError("nobody answers")


class Machine:
    """One machine: its folder stays, its process can be another one."""

    def __init__(self, policy: TeamPolicy, folder: Path, name: str, remote: Refs, clock: Wall | None = None) -> None:
        self.policy = policy
        self.name = name
        self.folder = folder
        self.clock = clock or Wall()
        self.desk = Desk(self.clock)
        self.view = remote.seen_by(folder)
        self.backend = self._open()

    @property
    def who(self) -> str:
        return f"{self.name}/{self.backend.machine}"

    def state(self) -> State:
        """What is on its disk."""
        return msgspec.json.decode((self.folder / "state.json").read_bytes(), type=State)

    async def sync(self) -> Heard:
        heard = await self.backend.sync(self.desk)
        self.desk.hear(heard)
        return heard

    async def again(self) -> None:
        """The process ends, however it does, and another one begins."""
        await self.backend.close()
        self.backend = self._open()
        self.desk.hear(self.backend.last())

    def _open(self) -> GitRefs:
        place = Place(self.folder, self.name, "m")
        return GitRefs(self.policy, place, self.clock, self.view, Runner(), 10.0)


def budget(limit: int = 100, window: str = "month") -> TeamBudget:
    """In dollars."""
    return TeamBudget("all", limit * DOLLAR, window)


def policy(treasurer: str = "ann/m", mode: str = "rights", one: TeamBudget | None = None) -> TeamPolicy:
    return TeamPolicy("web", mode=mode, budgets=(one or budget(),), treasurer=treasurer)


def period_of(one: TeamBudget, at_us: int) -> int:
    """By when it begins."""
    from datetime import UTC

    return window_at(one.window, at_us, UTC).start_us


def share_of(heard: Heard | None) -> Share:
    assert heard is not None
    return heard.shares[0]


def _commit(data: bytes) -> str:
    return sha256(data).hexdigest()
