"""What metrics take: counting a call, a question of Prometheus, and encoding for OpenTelemetry.

python -m tests.bench.bench_metrics [--calls N]     N calls of 50 models, default 20000
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from tests.exporting.telling import NOON, budget, settled, started, status
from tokenguard.exporting import prometheus
from tokenguard.exporting.calls import Calls
from tokenguard.exporting.counts import Counts
from tokenguard.exporting.otel import Meters

MODELS = 50


def took_us(what: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        what()
    return (time.process_time() - began) / times * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU of metrics.")
    parser.add_argument("--calls", type=int, default=20_000)
    number: int = parser.parse_args().calls
    calls, counts, meters = Calls(repositories=False), Counts(), Meters()
    events = [
        pair
        for id in range(number)
        for pair in (started(id), settled(id, NOON + 2_000_000, model=f"model-{id % MODELS}"))
    ]
    began = time.process_time()
    ended = [one for event in events if (one := calls.hear(event)) is not None]
    for one in ended:
        counts.add(one)
    print(f"counting a call                    {(time.process_time() - began) / number * 1e6:8.1f} µs")
    began = time.process_time()
    for one in ended:
        meters.add(one)
    print(f"the same for OpenTelemetry         {(time.process_time() - began) / number * 1e6:8.1f} µs")
    now = status(budgets=[budget(f"b{number}") for number in range(50)])
    text = prometheus.text(counts, now, repositories=False)
    asked = took_us(lambda: prometheus.text(counts, now, repositories=False), 50)
    print(f"an answer to Prometheus, {len(text) / 1000:.0f} kB    {asked:8.0f} µs")
    sent = meters.encoded()
    print(f"a post, {len(sent) / 1000:.0f} kB                     {took_us(meters.encoded, 20):8.0f} µs")


if __name__ == "__main__":
    main()
