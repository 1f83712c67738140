"""`python -m tokenguard.simulator`: the simulator as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys

from tokenguard.simulator.service import running
from tokenguard.simulator.subscriptions import Windows


def main() -> None:
    """Serve until a signal arrives."""
    parser = argparse.ArgumentParser(prog="python -m tokenguard.simulator", description="Simulated model providers.")
    parser.add_argument("--port", type=int, default=0, help="port on loopback; 0: any free one")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same answers")
    parser.add_argument("--speed", type=float, default=0.0, help="output tokens per second; 0: at once")
    parser.add_argument("--billing", choices=("stop", "to-end"), help="what is billed when a client leaves")
    parser.add_argument(
        "--used",
        type=float,
        nargs=2,
        default=(12.0, 34.0),
        metavar=("FIVE_HOUR", "SEVEN_DAY"),
        help="percent of a subscription that are used up",
    )
    parser.add_argument("--json", action="store_true", help="print the address as JSON")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input is closed")
    options = parser.parse_args()
    asyncio.run(_serve(options))


async def _serve(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if options.with_parent:
        loop.add_reader(sys.stdin.fileno(), stop.set)
    async with running(
        seed=options.seed,
        port=options.port,
        speed=options.speed,
        billing=options.billing,
        windows=Windows(*options.used),
    ) as simulator:
        address = {"port": simulator.port, "url": simulator.url}
        print(json.dumps(address) if options.json else f"simulated providers at {simulator.url}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    main()
