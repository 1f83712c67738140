"""What is true of the budgets in a run, by the provider's bill: kept beside the guard, and by none of its code.

Which budgets a call meets, in which window it counts and how much is worked out again here, in the plainest way.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from msgspec import Struct

from tokenguard.records import Amount, Budget, Call, Unit, Usage

Place = tuple[str, str]
"""A budget's name, and the key of its scope."""


class Entry(Struct):
    """A call that was let through."""

    call: Call
    bill: Amount
    """What it will have taken in the end, by the provider."""
    worst: Amount | None = None
    """What the ledger says is set aside for it, once that was looked up."""
    charge: Amount | None = None
    """What tokenguard charged; None while it is open."""
    sure: bool = True
    """Whether the provider's bill came: else the charge is an estimate."""
    on_a_plan: bool = False
    """Whether a subscription covers it: its dollars are on no bill."""


def key_of(budget: Budget, call: Call) -> str | None:
    """The key under which the budget counts the call; None if it does not."""
    for field, glob in budget.match:
        if not fnmatchcase(getattr(call, field) or "", glob) or not getattr(call, field):
            return None
    match budget.scope:
        case "global" | "user":
            return ""
        case "branch":
            return f"{call.repo}\0{call.branch}" if call.repo and call.branch else None
        case scope:
            key: str | None = getattr(call, scope)
            return key


def measured(budget: Budget, amount: Amount, *, on_a_plan: bool = False) -> int:
    """What the budget counts of an amount, which a plan may cover."""
    if budget.unit is Unit.USD:
        if on_a_plan and budget.counts == "billed":
            return 0
        # Of an interrupted call nobody knows the bill: a strict budget counts the most that it can be.
        return amount.nanos + amount.above if budget.mode == "strict" else amount.nanos
    if budget.unit is Unit.CALLS:
        return amount.calls
    if budget.bucket == "cache_write":
        return amount.usage.cache_write_5m + amount.usage.cache_write_1h
    return amount.tokens if budget.bucket is None else int(getattr(amount.usage, budget.bucket))


def amount_of(nanos: int, usage: Usage) -> Amount:
    """A call's."""
    return Amount(nanos, usage.total, 1, usage)


def window_of(budget: Budget, at_us: int) -> str:
    """The calendar window, by a name; the windows of one budget never share one."""
    if budget.window in ("session", "total"):
        return ""
    local = datetime.fromtimestamp(at_us / 1_000_000, ZoneInfo(budget.timezone or "UTC")).date()
    match budget.window:
        case "day":
            return str(local)
        case "week":
            return str(local - timedelta(days=(local.weekday() - budget.week_start) % 7))
        case kind:
            first = date(local.year, local.month, 1)
            if local.day < budget.month_start:
                first = (first - timedelta(days=1)).replace(day=1)
            months = {"month": 1, "quarter": 3, "year": 12}[kind]
            return f"{first.year}-{(first.month - 1) // months}"


def span_us(budget: Budget) -> int | None:
    """Length of a rolling window; None for the others."""
    kind, _, length = budget.window.partition(" ")
    if kind != "rolling":
        return None
    return int(length[:-1]) * {"m": 60, "h": 3_600, "d": 86_400}[length[-1]] * 1_000_000


class Books:
    """Every call that was let through, by the slots that it meets. Of `budgets` only the limits ever change."""

    def __init__(self, budgets: Iterable[Budget]) -> None:
        self.budgets = list(budgets)
        self._highest = {budget.name: budget.limit for budget in self.budgets}
        self._raised: dict[tuple[str, str, str], int] = {}
        self.entries: dict[int, Entry] = {}
        self.slots: dict[Place, list[Entry]] = {}
        """By budget and key, oldest first."""
        self._windows: dict[tuple[str, str, str], list[Entry]] = {}

    def add(self, call: Call, bill: Amount, *, on_a_plan: bool = False) -> Entry:
        """A call was let through, and will take that much."""
        entry = self.entries[call.id] = Entry(call, bill, on_a_plan=on_a_plan)
        for budget in self.budgets:
            key = key_of(budget, call)
            if key is not None:
                self.slots.setdefault((budget.name, key), []).append(entry)
                if span_us(budget) is None:
                    window = budget.name, key, window_of(budget, call.started_us)
                    self._windows.setdefault(window, []).append(entry)
        return entry

    def replaced(self, budgets: Iterable[Budget]) -> None:
        """The same budgets with other limits are in force from now on."""
        self.budgets = list(budgets)
        for budget in self.budgets:
            self._highest[budget.name] = max(self._highest[budget.name], budget.limit)

    def raised(self, budget: Budget, key: str, at_us: int, amount: int) -> None:
        """The limit of a window was raised; of a window that rolls, for good."""
        window = budget.name, key, "" if span_us(budget) is not None else window_of(budget, at_us)
        self._raised[window] = self._raised.get(window, 0) + amount

    def highest(self, budget: Budget, key: str, at_us: int) -> int:
        """The most that the limit of a window ever was."""
        window = budget.name, key, "" if span_us(budget) is not None else window_of(budget, at_us)
        return self._highest[budget.name] + self._raised.get(window, 0)

    def open(self) -> list[Entry]:
        """Calls that are in flight, or that a crash left open."""
        return [entry for entry in self.entries.values() if entry.charge is None]

    def spans(self, budget: Budget) -> list[tuple[str, list[Entry]]]:
        """All that counts together, with its key: the calls of a window, or those within a span that rolls."""
        span = span_us(budget)
        if span is None:
            return [(key, entries) for (name, key, _), entries in self._windows.items() if name == budget.name]
        found: list[tuple[str, list[Entry]]] = []
        for (name, key), unsorted in self.slots.items():
            if name != budget.name:
                continue
            entries, first = sorted(unsorted, key=lambda entry: entry.call.started_us), 0
            for last, entry in enumerate(entries):
                while entries[first].call.started_us <= entry.call.started_us - span:
                    first += 1
                found.append((key, entries[first : last + 1]))
        return found

    def standing(self, budget: Budget, key: str, at_us: int) -> list[Entry]:
        """What counts in the window that holds an instant."""
        span = span_us(budget)
        if span is None:
            return self._windows.get((budget.name, key, window_of(budget, at_us)), [])
        entries = self.slots.get((budget.name, key), [])
        return [entry for entry in entries if at_us - span < entry.call.started_us <= at_us]

    def fits(self, call: Call, bill: Amount, *, on_a_plan: bool, beside: Books | None = None) -> bool:
        """Whether a call would have fitted every budget that refuses: what is billed or in flight, and it.

        `beside` holds calls that count as if they had been let through as well.
        """
        for budget in self.budgets:
            key = key_of(budget, call)
            if key is None or budget.at_limit == "warn":
                continue
            taken = billed(budget, self.standing(budget, key, call.started_us))
            if beside is not None:
                taken += billed(budget, beside.standing(budget, key, call.started_us))
            if taken + measured(budget, bill, on_a_plan=on_a_plan) > self.highest(budget, key, call.started_us):
                return False
        return True


def charged(budget: Budget, entries: Iterable[Entry]) -> int:
    """What tokenguard charged for calls that have ended."""
    known = ((entry.charge, entry.on_a_plan) for entry in entries if entry.charge is not None)
    return sum(measured(budget, charge, on_a_plan=on_a_plan) for charge, on_a_plan in known)


def billed(budget: Budget, entries: Iterable[Entry]) -> int:
    """What the provider will have charged."""
    return sum(measured(budget, entry.bill, on_a_plan=entry.on_a_plan) for entry in entries)
