"""How providers are reached, and whose answers are read on when a client leaves."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.house import House
from tokenguard.config.sections import InterruptedSettings
from tokenguard.config.settings import Config
from tokenguard.policy.disconnects import Drain
from tokenguard.records import Facts


async def test_the_user_s_configuration_of_a_provider_wins_over_the_agent_s_settings(house: House) -> None:
    session = replace(await house.session(), upstreams=(("anthropic", "https://gateway.example"),))
    assert house.guard.ways.upstream_of(session, "anthropic") == "https://gateway.example"
    assert house.guard.ways.upstream_of(session, "openai") == "https://api.openai.com"
    assert house.guard.ways.upstream_of(None, "anthropic") == "https://api.anthropic.com"
    assert house.guard.ways.upstream_of(session, "nonesuch") is None
    config = house.config()
    chosen = config.providers | {"anthropic": "http://127.0.0.1:9"}
    house.guard.reload(replace(config, providers=chosen, chosen_providers=frozenset({"anthropic"})))
    assert house.guard.ways.upstream_of(session, "anthropic") == "http://127.0.0.1:9"


def call_of(house: House, provider: str, *, stream: bool) -> Any:
    dialect = {"gemini": "gemini", "anthropic": "anthropic-messages"}.get(provider, "openai-chat")
    facts = Facts("m", stream=stream)
    return house.guard.begin(None, provider=provider, dialect=dialect, facts=facts, headers={})


async def test_answers_are_read_on_where_they_are_billed_to_their_end(house: House) -> None:
    usual = Drain(600, 32 << 20)
    assert house.guard.ways.drain(call_of(house, "anthropic", stream=True)) is None
    assert house.guard.ways.drain(call_of(house, "anthropic", stream=False)) == usual
    assert house.guard.ways.drain(call_of(house, "mistral", stream=True)) == usual
    assert house.guard.ways.drain(call_of(house, "house", stream=True)) is None


async def test_what_is_configured_decides(house: House) -> None:
    caps = InterruptedSettings(drain_seconds=5, drain_bytes=100)
    told = {"anthropic": "drain", "mistral": "stop"}
    house.guard.reload(Config(interrupted=caps, on_disconnect=told))
    assert house.guard.ways.drain(call_of(house, "anthropic", stream=True)) == Drain(5, 100)
    assert house.guard.ways.drain(call_of(house, "mistral", stream=False)) is None


@pytest.mark.parametrize("caps", [InterruptedSettings(drain_seconds=0), InterruptedSettings(drain_bytes=0)])
async def test_without_patience_nothing_is_read_on(house: House, caps: InterruptedSettings) -> None:
    house.guard.reload(Config(interrupted=caps))
    assert house.guard.ways.drain(call_of(house, "gemini", stream=True)) is None
