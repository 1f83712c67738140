"""Budgets that are set through a daemon that runs. It is a real one."""

from __future__ import annotations

import pytest

from tests.support.home import Home
from tokenguard.config.budgets import read_machine_budgets
from tokenguard.errors import DaemonError

BY_HAND = '[[budget]]\nname = "own"\nlimit = "$5"\nwindow = "day"\n'


def test_a_budget_counts_as_soon_as_it_is_set(home: Home) -> None:
    home.configure(rest=BY_HAND)
    daemon = home.start()

    def known() -> list[tuple[str, bool]]:
        return [(one["name"], one["changeable"]) for one in daemon.get("/v1/budgets")["budgets"]]

    def in_force() -> dict[str, int]:
        return {one["name"]: one["limit"] for one in daemon.get("/v1/status")["budgets"]}

    assert known() == [("own", False)]
    table = {"name": "day", "limit": "$20", "window": "day"}
    daemon.post("/v1/budgets/set", {"table": table, "new": True})
    assert sorted(known()) == [("day", True), ("own", False)]
    assert in_force() == {"own": 5 * 10**9, "day": 20 * 10**9}
    daemon.post("/v1/budgets/set", {"table": table | {"limit": "$30"}})
    assert in_force()["day"] == 30 * 10**9
    with pytest.raises(DaemonError, match='limit "much" is not an amount'):
        daemon.post("/v1/budgets/set", {"table": table | {"limit": "much"}})
    with pytest.raises(DaemonError, match='"own" is written by hand'):
        daemon.post("/v1/budgets/remove", {"name": "own"})
    assert [budget.limit for budget in read_machine_budgets(home.paths.budgets_file)] == [30 * 10**9]
    daemon.post("/v1/budgets/remove", {"name": "day"})
    assert known() == [("own", False)] and list(in_force()) == ["own"]
