"""Budgets as they are set, and what was done to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.control.conftest import Api
from tests.ledger.support import call
from tokenguard.errors import DaemonError
from tokenguard.ledger import Decision, Ledger, Raise
from tokenguard.records import Budget, Unit, Verdict

DAY = Budget("day", 20 * 10**9, scope="repo", window="day", match=(("model", "opus*"),), source="/c/budgets.toml")
OWN = Budget("own", 5, scope="session", unit=Unit.CALLS, window="session", source="/c/config.toml")


@pytest.fixture(autouse=True)
async def ledger(tmp_path: Path, api: Api) -> None:
    api.host.settings.budgets = [(DAY, True), (OWN, False)]
    ledger = Ledger.open(tmp_path / "ledger.db")
    await ledger.refuse(call(1), Verdict("refuse", "day", "it is used up"))
    await ledger.raise_budget(Raise("day", "/src/web", 5, Unit.USD, "release", "ada", created_us=10, expires_us=90))
    await ledger.raise_budget(Raise("/src/api:own", "/src/api", 5, Unit.USD, "why", "ada", created_us=5))
    await ledger.raise_budget(Raise("gone", "/src/web\0fix/x", 5, Unit.USD, "why", "ada", created_us=4))
    await ledger.decide(Decision(at_us=30, kind="deny", who="bob", call_id=1, budget="web/day", reason="too dear"))
    await ledger.close()


async def test_budgets_are_told_as_they_are_written(api: Api) -> None:
    told = await api.get("/v1/budgets")
    day, own = told["budgets"]
    assert (day["name"], day["source"], day["changeable"]) == ("day", "/c/budgets.toml", True)
    assert (day["table"]["limit"], day["table"]["match"], own["table"]["limit"]) == (
        "$20",
        {"model": "opus*"},
        "5 calls",
    )
    assert own["changeable"] is False


async def test_what_was_done_to_them_is_told_by_the_names_that_people_see(api: Api) -> None:
    trail: list[dict[str, Any]] = (await api.get("/v1/budgets"))["trail"]
    assert [(one["kind"], one["who"], one["budget"], one["amount"]) for one in trail] == [
        ("deny", "bob", "web/day", None),
        ("raise", "ada", "web/day", 5),
        ("raise", "ada", "api/api:own", 5),
        ("raise", "ada", "web/fix/x/gone", 5),
    ]
    assert (trail[0]["agent"], trail[0]["model"], trail[0]["reason"]) == ("claude", "opus", "too dear")
    assert (trail[1]["expires_at"], trail[2]["expires_at"]) == ("1970-01-01T00:00:00Z", None)
    assert len((await api.get("/v1/budgets", entries="1"))["trail"]) == 1


async def test_they_are_set_and_removed(api: Api) -> None:
    table = {"name": "day", "limit": "$30", "window": "day"}
    assert await api.post("/v1/budgets/set", {"table": table, "new": True}) == {}
    await api.post("/v1/budgets/set", {"table": table})
    await api.post("/v1/budgets/remove", {"name": "day"})
    assert api.host.settings.changed == [("set", table, True), ("set", table, False), ("remove", "day")]
    for path, body in (("set", {"table": 5}), ("set", {}), ("remove", {}), ("remove", {"name": "x", "all": True})):
        with pytest.raises(DaemonError, match="not understood"):
            await api.post(f"/v1/budgets/{path}", body)
    assert len(api.host.settings.changed) == 3


async def test_they_are_raised(api: Api) -> None:
    asked = {"name": "web/day", "amount": "5", "reason": "release", "ttl": "4h"}
    assert await api.post("/v1/budgets/raise", asked) == {"name": "web/day", "limit": 7}
    assert api.guard.done == [("raise", "web/day", "5", "release", "4h")]


async def test_what_they_keep_for_landing_is_given_out(api: Api) -> None:
    assert await api.post("/v1/budgets/land", {"name": "web/day", "reason": "save"}) == {
        "name": "web/day",
        "landing": 2,
    }
    await api.post("/v1/budgets/land", {"name": "day"})
    assert api.guard.done == [("land", "web/day", "save"), ("land", "day", "")]


async def test_they_are_read_again(api: Api) -> None:
    assert await api.post("/v1/budgets/reload") == {}
    assert api.host.settings.reloaded == 1
    api.host.settings.sound = False
    with pytest.raises(DaemonError, match='unknown key "prot"; accepted are port'):
        await api.post("/v1/budgets/reload")
