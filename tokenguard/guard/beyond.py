"""What is spent beyond the proxy, as agents' logs tell of it: it counts in budgets like everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from tokenguard import prices
from tokenguard.guard import view
from tokenguard.guard.counting import Counting
from tokenguard.guard.sessions import Sessions
from tokenguard.guard.telling import totals_of
from tokenguard.policy.budgets import Standing
from tokenguard.records import Amount, Call, Charge, Confidence, Leg


class Beyond:
    """Prices what logs tell of, and counts it. To whoever imports, its `Books`."""

    def __init__(self, counting: Counting, sessions: Sessions, tell: Callable[[str, dict[str, object]], None]) -> None:
        self._counting = counting
        self._sessions = sessions
        self._tell = tell
        self.prices: prices.Many | None = None
        """Those in force; set by whoever keeps them."""
        self.busy: Callable[[], int] = lambda: 0
        """How many calls are in flight."""

    @property
    def in_use(self) -> bool:
        """Whether there is a call, or a run that may make one at any time."""
        return bool(self.busy()) or any(live.token_hash is not None for live in self._sessions.running.all())

    def price_logged(self, call: Call, leg: Leg) -> Charge:
        """What a response cost by its agent's log, which is never exact. May be called on any thread."""
        assert self.prices is not None
        charge = self.prices.charge(call.provider, leg, call.started_us)
        exact = charge.confidence is Confidence.EXACT
        return replace(charge, confidence=Confidence.ESTIMATED) if exact else charge

    def writing(self) -> None:
        """Rows are about to be written; `written` follows."""
        self._counting.others_write()

    def written(self, news: Iterable[tuple[Call, Amount]]) -> None:
        """Of these calls so much more counts."""
        risen: dict[str, Standing] = {}
        for call, amount in news:
            live = self._sessions.running.get(call.session)
            if live is not None:
                charge = Charge(amount.nanos, Confidence.ESTIMATED)
                taken = replace(totals_of(call, charge, amount.usage), calls=amount.calls)
                live.totals += taken
                live.beside.add(call, taken)
            risen |= {one.slot.label: one for one in self._counting.charged(call, amount)}
        self._counting.others_wrote()
        self._tell_levels(risen.values())

    def unsaid(self) -> None:
        """What counts has changed by more than was told: it is read again."""
        self._tell_levels(self._counting.reread(live.session for live in self._sessions.running.all()))

    def _tell_levels(self, risen: Iterable[Standing]) -> None:
        for standing in risen:
            self._tell("budget.level", view.level_view(standing))
