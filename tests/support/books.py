"""Whoever counts what is in a ledger, as an importer knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tokenguard.records import Amount, Call, Charge, Confidence, Leg


def by_token(call: Call, leg: Leg) -> Charge:
    """A nanodollar a token, unless the log states a cost."""
    return Charge(leg.usage.total if leg.cost_nanos is None else leg.cost_nanos, Confidence.ESTIMATED)


class Books:
    """Takes down what it is told."""

    def __init__(self, price: Callable[[Call, Leg], Charge] = by_token, *, in_use: Iterable[bool] = ()) -> None:
        """`in_use` are its first answers; then it is."""
        self._price = price
        self._in_use = iter(in_use)
        self.open = 0
        """Writes that were announced and not told of yet."""
        self.news: list[tuple[Call, Amount]] = []
        self.reread = 0

    @property
    def in_use(self) -> bool:
        return next(self._in_use, True)

    def price_logged(self, call: Call, leg: Leg) -> Charge:
        return self._price(call, leg)

    def writing(self) -> None:
        self.open += 1

    def written(self, news: Iterable[tuple[Call, Amount]]) -> None:
        self.open -= 1
        self.news += news

    def unsaid(self) -> None:
        self.reread += 1
