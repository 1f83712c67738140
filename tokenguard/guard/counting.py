"""Budgets in force: which slots a call meets, what they hold, and the temporary raises of their limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from tokenguard.config.settings import local_zone
from tokenguard.errors import UsageError
from tokenguard.guard.books import Books, Count, Reservation
from tokenguard.ledger import Ledger, Raise, Where, queries
from tokenguard.policy.budgets import Slot, Standing, exceeded, slots_ahead, slots_of
from tokenguard.policy.money import parse_amount
from tokenguard.policy.wording import safe_label
from tokenguard.records import Amount, Budget, Call, Session

_RECENT = 200
"""Sessions, running or not, among whose budgets one to raise is looked for."""

PATIENCE_S = 3.0
"""How long a call that only open reservations block waits for one of them to settle."""


class Counting:
    """Counts calls against budgets. `budgets_of` gives the budgets that apply to a session, by its id."""

    def __init__(self, ledger: Ledger, budgets_of: Callable[[str], Iterable[Budget]], now: Callable[[], int]) -> None:
        self.books = Books(self.slots, self._spent)
        self._ledger = ledger
        self._budgets_of = budgets_of
        self._now = now
        self._raises = queries.raises(ledger.read(), now())
        self._unwritten: dict[int, tuple[Call, Amount, asyncio.Future[None]]] = {}
        self._waiting: set[asyncio.Future[None]] = set()
        for call, reserved in ledger.open_calls():
            self.books.recover(call, Reservation(reserved, reserved))

    def slots(self, call: Call) -> list[Slot]:
        """The slots that a call meets."""
        return slots_of(self._budgets_of(call.session), call, zone_of)

    def standing(self, slot: Slot) -> Standing:
        """What a slot holds now, with the raises that are in force."""
        return self._standing(self.books.count(slot))

    def _standing(self, count: Count) -> Standing:
        limit = count.slot.budget.limit
        return count.standing(limit + self._raised(count.slot) if self._raises else limit)

    def _raised(self, slot: Slot) -> int:
        now, key = self._now(), (slot.budget.name, slot.key)
        return sum(one.amount for one in self._raises if (one.budget, one.key) == key and _in_force(one, slot, now))

    def _told(self, count: Count) -> Standing:
        """The standing of a count, whose level is then remembered, so that the next change of it shows."""
        standing = self._standing(count)
        count.level = standing.level
        return standing

    async def reserve(self, call: Call, reservation: Reservation) -> list[Standing]:
        """Set aside for a call in all its slots, or in none: the standings that cannot take it, the tightest first.

        Budgets that only warn never prevent it. A call that would fit if open reservations were not there waits for
        one of them to settle, up to `PATIENCE_S`.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            standings = [self._told(count) for count in self.books.met(call)]
            over = exceeded(standings, reservation.by)
            refusing = [standing for standing in over if refuses(standing)]
            if not refusing:
                self.books.reserve(call, reservation)
                return over
            if not all(_only_held(standing, reservation) for standing in refusing) or not await self._freed(deadline):
                return refusing

    def settle(self, call: Call, charge: Amount, written: asyncio.Future[None]) -> list[Standing]:
        """Put a call's charge in place of what was set aside for it; `written` tells when the ledger has it.

        Returns the standings whose level changed.
        """
        self._unwritten[call.id] = (call, charge, written)
        written.add_done_callback(lambda _: self._unwritten.pop(call.id, None))
        changed: list[Standing] = []
        for count in self.books.settle(call.id, charge):
            before, standing = count.level, self._told(count)
            if before not in (None, count.level):
                changed.append(standing)
        self._wake()
        return changed

    def admit_freely(self, call: Call) -> None:
        """Open a call for which nothing is set aside."""
        self.books.reserve(call, Reservation(Amount(), Amount()))

    async def written(self) -> None:
        """Wait until every charge so far is in the ledger."""
        while self._unwritten:
            await asyncio.wait([done for _, _, done in self._unwritten.values()])
            await asyncio.sleep(0)

    def release(self, call: Call) -> None:
        """Give back what was set aside for a call that is not forwarded after all."""
        self.books.settle(call.id, Amount())
        self._wake()

    def ahead(self, sessions: Iterable[Session]) -> list[Standing]:
        """What counts for these sessions now, called or not; each slot once, the fullest first."""
        now, found = self._now(), set[Slot]()
        for session in sessions:
            found.update(slots_ahead(self._budgets_of(session.id), call_of(session, now), zone_of))
        standings = [self.standing(slot) for slot in found]
        return sorted(standings, key=_fullness)

    def in_force(self, sessions: Iterable[Session]) -> list[Standing]:
        """What counts for these sessions, and whatever else counts since somebody called; the fullest first."""
        now = self._now()
        ahead = {standing.slot: standing for standing in self.ahead(sessions)}
        for count in self.books.counts():
            slot = count.slot
            lasts = slot.window.end_us is None or slot.window.end_us > now
            # The limit of a session that has ended stops nobody any more.
            if slot not in ahead and lasts and slot.budget.scope != "session":
                ahead[slot] = self._standing(count)
        return sorted(ahead.values(), key=_fullness)

    def find(self, label: str, running: Iterable[Session]) -> Slot:
        """The slot that people call `label`: its label, its opaque label, or its budget's name.

        Sessions that have ended count too: their repositories' budgets can be raised before the next one. Raises
        `UsageError` if there is none, or more than one.
        """
        slots = [
            standing.slot for standing in self.ahead([*running, *queries.recent_sessions(self._ledger.read(), _RECENT)])
        ]
        found = [slot for slot in slots if label in (slot.label, safe_label(slot.label))]
        found = found or [slot for slot in slots if slot.budget.name == label]
        if not found:
            raise UsageError(f"there is no budget {label}", "see tokenguard status")
        if len(found) > 1:
            raise UsageError(f"{label} is more than one budget", f"name one: {', '.join(slot.label for slot in found)}")
        return found[0]

    async def raise_limit(self, slot: Slot, amount: str, *, reason: str, who: str, ttl_us: int | None) -> Standing:
        """Raise a slot's limit until its window ends, or for `ttl_us`. Raises `UsageError` for a wrong amount."""
        try:
            value, unit = parse_amount(amount)
        except ValueError as error:
            raise UsageError(str(error)) from error
        budget = slot.budget
        if unit is not budget.unit:
            raise UsageError(
                f"{slot.label} counts {budget.unit.value}, not {unit.value}", "give the amount in its unit"
            )
        now = self._now()
        raised = Raise(
            budget=budget.name,
            key=slot.key,
            amount=value,
            unit=budget.unit,
            reason=reason,
            who=who,
            created_us=now,
            expires_us=now + ttl_us if ttl_us else slot.window.end_us,
        )
        await self._ledger.raise_budget(raised)
        self._raises.append(raised)
        self._wake()
        return self.standing(slot)

    def presumed(self, call_ids: Iterable[int]) -> None:
        """The ledger has charged these calls, which a crash left open, at their worst case."""
        for call_id in call_ids:
            reservation = self.books.reserved_for(call_id)
            if reservation is not None:
                self.books.settle(call_id, reservation.worst)

    def sweep(self) -> None:
        """Drop what has ended: windows and raises."""
        now = self._now()
        self.books.sweep(now)
        self._raises = queries.raises(self._ledger.read(), now)

    def _spent(self, slot: Slot) -> Amount:
        """The ledger's sum for a slot, and what is settled but not written yet."""
        ledger = self._ledger.read()
        with queries.snapshot(ledger):
            spent, _ = queries.spent(ledger, where_of(slot), slot.window.start_us, slot.window.end_us)
            written = queries.charged(ledger, self._unwritten)
        for call, charge, _ in self._unwritten.values():
            if call.id not in written and slot in self.slots(call):
                spent += charge
        return spent

    async def _freed(self, deadline: float) -> bool:
        """Wait for a reservation to settle; False when the time is up."""
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._waiting.add(waiter)
        try:
            async with asyncio.timeout_at(deadline):
                await waiter
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(waiter)
        return True

    def _wake(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)


def _fullness(standing: Standing) -> tuple[float, str]:
    return -standing.spent / max(standing.limit, 1), standing.slot.label


def call_of(session: Session, now_us: int) -> Call:
    """A call as this session would make it, its model and provider still open."""
    return Call(
        0, session.id, session.agent, "", "", "", now_us, repo=session.repo, branch=session.branch, task=session.task
    )


def refuses(standing: Standing) -> bool:
    """Whether a slot's budget stops what it cannot take."""
    return standing.slot.budget.at_limit == "refuse"


def resets_at(slot: Slot) -> datetime | None:
    """The end of a slot's window, in its budget's zone."""
    if slot.window.end_us is None:
        return None
    return datetime.fromtimestamp(slot.window.end_us / 1_000_000, zone_of(slot.budget.timezone))


@lru_cache(maxsize=64)
def zone_of(name: str | None) -> tzinfo:
    """A budget's time zone; None is the machine's."""
    return ZoneInfo(name) if name else local_zone()


def _only_held(standing: Standing, reservation: Reservation) -> bool:
    need = reservation.by(standing.slot.budget)
    if need is None or standing.reserved == 0 or standing.spent >= standing.limit:
        return False
    return standing.spent + need.of(standing.slot.budget.unit) <= standing.limit


def limit_of(slot: Slot, raises: Iterable[Raise], now_us: int) -> int:
    """A slot's limit, with the raises that are in force."""
    ours = (one for one in raises if (one.budget, one.key) == (slot.budget.name, slot.key))
    return slot.budget.limit + sum(one.amount for one in ours if _in_force(one, slot, now_us))


def _in_force(raised: Raise, slot: Slot, now_us: int) -> bool:
    """A raise without an expiry belongs to the window in which it was made."""
    return slot.window.start_us <= raised.created_us and (raised.expires_us is None or now_us < raised.expires_us)


def where_of(slot: Slot) -> Where:
    """The ledger's calls that a slot counts."""
    where = Where(match=slot.budget.match)
    scope, key = slot.budget.scope, slot.key
    if scope in ("user", "global"):
        return where
    if scope == "branch":
        repo, _, branch = key.partition("\0")
        return replace(where, repo=repo, branch=branch)
    return replace(where, **{scope: key})
