"""CPU of pricing a call: `python -m tests.bench.bench_prices`. Medians over 25 rounds."""

from __future__ import annotations

import statistics
import time
import timeit
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tokenguard import prices
from tokenguard.config.settings import PROVIDERS
from tokenguard.prices.data import Band, Prices
from tokenguard.records import Context, Leg, Usage

ROUNDS = 25
LIMIT_US = 20.0
AT = 1_795_262_400_000_000
"""2026-11-21, 12:00 UTC."""
USAGE = Usage(input=1_000, cache_read=180_000, cache_write_5m=3_000, output=900)
STANDARD = Context("standard")


def cases() -> dict[str, tuple[prices.Catalogue, str, tuple[Leg, ...]]]:
    listed = prices.decode((Path(prices.__file__).parent / "catalogue.json").read_bytes())
    own = prices.Override("anthropic", "claude-*", (Prices((Band(0, 10**9, 10**9, 10**8, 10**9),), own=True),))
    adapted = prices.adapt(listed, [own], PROVIDERS | {"ollama": "http://localhost:11434"})
    opus = Leg("claude-opus-5-5", USAGE, context=STANDARD, fees=(("web_search", 2),))
    advised = (opus, Leg("claude-haiku-5-5", USAGE, "advisor_message", STANDARD))
    return {
        "listed": (listed, "anthropic", (opus,)),
        "two legs": (listed, "anthropic", advised),
        "long context, tier": (
            listed,
            "openai",
            (Leg("gpt-5.5", Usage(300_000, output=900), context=Context("flex")),),
        ),
        "unknown model": (listed, "anthropic", (Leg("claude-opus-9", USAGE, context=STANDARD),)),
        "own price": (adapted, "anthropic", (Leg("claude-opus-5-5", USAGE, context=STANDARD),)),
        "on this machine": (adapted, "ollama", (Leg("qwen3:32b", USAGE),)),
    }


def median_us(function: Callable[[], object], number: int = 2_000) -> float:
    function()
    spent = timeit.repeat(function, timer=time.process_time, number=number, repeat=ROUNDS)
    return statistics.median(spent) / number * 1e6


def main() -> None:
    for name, (catalogue, provider, legs) in cases().items():
        charged = median_us(partial(prices.charge, catalogue, provider, legs, AT))
        reserved = median_us(partial(prices.dearest, catalogue, provider, legs[0].model, AT, STANDARD))
        late = "" if charged <= LIMIT_US else f"   over {LIMIT_US:.0f} us"
        print(f"{name:20} charge {charged:5.1f} us    dearest rates {reserved:5.1f} us{late}")


if __name__ == "__main__":
    main()
