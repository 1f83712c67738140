"""What the user says of an agent, where its calls are refused and held."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from tests.guard.support import CENT, admit, asked, spend
from tests.support.house import House
from tokenguard.config.sections import AgentSettings
from tokenguard.errors import ConfigError
from tokenguard.records import Budget


def define(house: House, *budgets: Budget, **agents: AgentSettings) -> None:
    house.guard.reload(replace(house.config(*budgets), agents=agents))


async def test_a_refusal_has_the_status_that_the_user_says(house: House) -> None:
    day = Budget("day", CENT)
    define(house, day, claude=AgentSettings(refusal=400))
    session = await house.session()
    await spend(house, session, 1)
    refused = await admit(house, session)
    assert refused.refusal is not None and refused.refusal.status == 400
    define(house, day)
    refused = await admit(house, session)
    assert refused.refusal is not None and refused.refusal.status == 402


async def test_a_call_is_held_for_as_long_as_the_user_says(house: House) -> None:
    define(house, Budget("day", CENT, at_limit="hold"), claude=AgentSettings(hold_seconds=17))
    session = await house.session()
    await spend(house, session, 1)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(admit(house, session))
        hold = await asked(house)
        (shown,) = house.desk.status()["holds"]
        since, until = (datetime.fromisoformat(shown[key]) for key in ("asked_at", "expires_at"))
        assert until - since == timedelta(seconds=17)
        await house.desk.grants.answer_hold(hold, answer="deny", amount=None, reason="no", who="ada")
    assert waiting.result().refusal is not None


async def test_a_definition_that_cannot_be_changes_nothing(house: House) -> None:
    before = house.guard.config
    with pytest.raises(ConfigError, match="is not known"):
        define(house, mine=AgentSettings(extends="nobody"))
    assert house.guard.config is before
