"""Prompt caches, as values and through the protocols."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulator.support import Client
from tokenguard.simulator import Simulator, anthropic
from tokenguard.simulator.prompt_cache import PromptCache
from tokenguard.simulator.shape import Block, Usage

LONG = "word " * 1_000  # 5,000 bytes: above the least that is cached


def blocks(*sizes: int, **breakpoints: str) -> tuple[Block, ...]:
    return tuple(
        Block(f"{index}:{size}".encode(), size, breakpoints.get(f"at{index}")) for index, size in enumerate(sizes)
    )


def test_a_breakpoint_is_written_once_and_read_after() -> None:
    cache = PromptCache()
    first = cache.explicit("m", blocks(2_000, 500, 70, at1="5m"), cold=False)
    assert first == Usage(input=70, cache_write_5m=2_500)
    again = cache.explicit("m", blocks(2_000, 500, 70, at1="5m"), cold=False)
    assert again == Usage(input=70, cache_read=2_500)
    longer = cache.explicit("m", blocks(2_000, 500, 70, 30, 9, at3="5m"), cold=False)
    assert longer == Usage(input=9, cache_read=2_500, cache_write_5m=100)


def test_lifetimes_are_told_apart() -> None:
    cache = PromptCache()
    assert cache.explicit("m", blocks(2_000, 500, 70, at0="1h", at1="5m"), cold=False) == Usage(
        input=70, cache_write_5m=500, cache_write_1h=2_000
    )
    assert cache.explicit("m", blocks(2_000, 500, 700, at0="1h", at2="1h"), cold=False) == Usage(
        cache_read=2_500, cache_write_1h=700
    )


def test_what_is_not_cached() -> None:
    cache = PromptCache()
    assert cache.explicit("m", blocks(2_000, 5), cold=False) == Usage(input=2_005), "no breakpoint"
    assert cache.explicit("m", blocks(1_000, 5, at0="5m"), cold=False) == Usage(input=1_005), "too short"
    cache.explicit("m", blocks(2_000, at0="5m"), cold=False)
    assert cache.explicit("n", blocks(2_000, at0="5m"), cold=False).cache_read == 0, "another model"
    assert cache.explicit("m", blocks(2_001, at0="5m"), cold=False).cache_read == 0, "another prompt"
    assert cache.explicit("m", blocks(2_000, at0="5m"), cold=True) == Usage(cache_write_5m=2_000), "expired"
    assert cache.explicit("m", blocks(2_000), cold=False) == Usage(input=2_000), "not asked to"
    cache.forget()
    assert cache.explicit("m", blocks(2_000, at0="5m"), cold=False).cache_read == 0


def test_openai_reads_in_steps_and_some_models_charge_for_writing() -> None:
    cache = PromptCache()
    free: dict[str, Any] = {"cold": False, "step": 128, "writes": False}
    assert cache.automatic("m", blocks(1_500), **free) == Usage(input=1_500)
    assert cache.automatic("m", blocks(1_500, 10), **free) == Usage(input=1_510 - 1_408, cache_read=1_408)
    assert cache.automatic("m", blocks(900, 10), **free) == Usage(input=910)
    paid: dict[str, Any] = {"cold": False, "step": 128, "writes": True}
    assert cache.automatic("p", blocks(1_500), **paid) == Usage(input=92, cache_write_5m=1_408)
    assert cache.automatic("p", blocks(1_500, 200), **paid) == Usage(input=36, cache_read=1_408, cache_write_5m=256)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 3_000), st.sampled_from([None, "5m"])), min_size=1, max_size=6), max_size=8
    )
)
def test_no_token_is_lost_or_counted_twice(prompts: list[list[tuple[int, str | None]]]) -> None:
    explicit, automatic = PromptCache(), PromptCache()
    for prompt in prompts:
        parts = tuple(Block(str(size).encode(), size, lifetime) for size, lifetime in prompt)
        total = sum(part.tokens for part in parts)
        for usage in (
            explicit.explicit("m", parts, cold=False),
            automatic.automatic("m", parts, cold=False, step=128, writes=True),
        ):
            assert usage.prompt == total
            assert min(usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h) >= 0


async def test_a_growing_anthropic_conversation_reads_what_it_wrote(sim: Simulator, client: Client) -> None:
    system = [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]

    def marked(text: str) -> dict[str, Any]:
        return {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}

    first = [{"role": "user", "content": [marked("one")]}]
    answer = (await client.say("anthropic-messages", "", system=system, messages=first)).json
    usage = answer["usage"]
    assert usage["cache_read_input_tokens"] == 0 and usage["input_tokens"] == 4
    assert usage["cache_creation"]["ephemeral_1h_input_tokens"] > 1_250
    assert usage["cache_creation"]["ephemeral_5m_input_tokens"] > 0
    second = [
        # Agents move the breakpoint along: the text before it is the same all the same.
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": answer["content"]},
        {"role": "user", "content": [marked("two")]},
    ]
    stream = await client.say("anthropic-messages", "", stream=True, system=system, messages=second)
    grown = stream.events[0][1]["message"]["usage"]
    assert grown["cache_read_input_tokens"] == usage["cache_creation_input_tokens"]
    assert grown["cache_creation"]["ephemeral_1h_input_tokens"] == 0
    assert [call.usage.cache_read for call in sim.bill().calls] == [0, usage["cache_creation_input_tokens"]]


@pytest.mark.parametrize("dialect", ["openai-responses", "openai-chat", "gemini"])
async def test_the_others_read_by_themselves(sim: Simulator, client: Client, dialect: str) -> None:
    await client.say(dialect, LONG)
    await client.say(dialect, LONG)
    await client.say(dialect, LONG + "[sim:cold]")
    await client.say(dialect, LONG + "[sim:cold]")
    assert [call.usage.cache_read > 1_024 for call in sim.bill().calls] == [False, True, False, False]
    first, second, *_ = sim.bill().calls
    assert first.usage.prompt == second.usage.prompt and second.nanos < first.nanos


async def test_what_is_written_is_reported_where_it_costs(sim: Simulator, client: Client) -> None:
    paid = (await client.say("openai-responses", LONG)).json["usage"]["input_tokens_details"]
    assert paid["cache_write_tokens"] == sim.bill().calls[0].usage.cache_write_5m > 1_024
    free = (await client.say("openai-chat", LONG)).json["usage"]["prompt_tokens_details"]
    assert "cache_write_tokens" not in free


def test_what_claude_code_says_about_itself_does_not_spoil_the_cache() -> None:
    def asked(hashed: str) -> tuple[Block, ...]:
        header = f"x-anthropic-billing-header: cc_version=2.1.329; cch={hashed};"
        instructions = {"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}
        return anthropic.prompt({"system": [{"type": "text", "text": header}, instructions], "messages": []})

    assert asked("2239a") == asked("a42de")
    assert len(asked("2239a")) == 2
