"""Interrupted calls by the thousand, against providers whose bill is known.

python -m tests.chaos.cuts [--cuts N] [--seed N] [--lanes N] [--show N]

Every call is made twice in the same way, directly and through tokenguard, by a client that leaves or to a provider that
breaks off. Printed is how often the interval that tokenguard gives holds the provider's bill, whether what was read on
without its client is exact, and whether anything cost more than without tokenguard.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

import uvloop
from msgspec import Struct
from msgspec.structs import replace

from tests.chaos import cases
from tests.chaos.cases import Case
from tests.chaos.lane import Lane, Result, lanes

TIMED = ("leave-bytes", "leave-time")
"""Ways of leaving in which the client's clock and the provider's decide together how much was generated."""

REPEATS = 3
"""Of a call of that kind that cost more than without tokenguard, to tell a rule from a hiccup.

Every other one is made directly first: what keeps a machine from its work may come in the rhythm of these calls.
"""


class Summary(Struct, frozen=True):
    """What a number of cuts showed."""

    cuts: int
    contained: int
    drained: int
    drained_exact: int
    dearer: int
    """Calls that cost more than without tokenguard."""
    hiccups: int
    """Those that did so once, and not again when they were repeated: a clock decides how much is generated."""
    cheaper: int
    width: float
    """Median of what lies between low and high, in dollars; of calls that are not exact, as is the next."""
    error: float
    """Median of how far the likely cost was off, over the bill."""


async def run(cuts: int, seed: int, count: int, folder: Path) -> list[Result]:
    """Make the calls, some of them at a time; those that their clients never made are left out."""
    rng = Random(seed)
    waiting = [cases.draw(rng, number) for number in range(cuts)][::-1]
    results: list[Result] = []

    async def drive(lane: Lane) -> None:
        while waiting:
            case = waiting.pop()
            result = await lane.play(case, folder)
            if result is not None:
                results.append(replace(result, dearer=await stays_dearer(lane, result)))

    async def stays_dearer(lane: Lane, result: Result) -> bool:
        """Whether a call cost more than without tokenguard, and does so every time where a clock takes part in it."""
        if result.truth <= result.direct or result.case.way not in TIMED:
            return result.truth > result.direct
        again = [await lane.play(result.case, folder, direct_first=turn % 2 == 0) for turn in range(REPEATS)]
        return all(one is not None and one.truth > one.direct for one in again)

    async with lanes(count, folder, seed) as made, asyncio.TaskGroup() as group:
        for lane in made:
            group.create_task(drive(lane))
    return sorted(results, key=lambda result: result.case.number)


def summary(results: Iterable[Result]) -> Summary:
    found = list(results)
    drained = [result for result in found if result.drained]
    open_ended = [result for result in found if result.confidence != "exact" and result.truth]
    return Summary(
        cuts=len(found),
        contained=sum(result.contained for result in found),
        drained=len(drained),
        drained_exact=sum(result.cost == result.truth for result in drained),
        dearer=sum(result.dearer for result in found),
        hiccups=sum(result.truth > result.direct and not result.dearer for result in found),
        cheaper=sum(result.truth < result.direct for result in found),
        width=statistics.median([(one.high - one.low) / 1e9 for one in open_ended] or [0]),
        error=statistics.median([abs(one.cost - one.truth) / one.truth for one in open_ended] or [0]),
    )


def table(results: list[Result]) -> str:
    """The summaries, by what happened."""
    head = f"{'':27}{'cuts':>6}{'within':>9}{'drained':>9}{'exact':>7}{'dearer':>8}"
    head += f"{'hiccups':>9}{'cheaper':>9}{'width':>8}{'error':>8}"
    lines = [head]
    for name, group in _groups(results):
        if group:
            s = summary(group)
            lines.append(
                f"{name:27}{s.cuts:6}{s.contained / s.cuts:9.2%}{s.drained:9}{s.drained_exact:7}{s.dearer:8}"
                f"{s.hiccups:9}{s.cheaper:9}{s.width:8.3f}{s.error:8.1%}"
            )
    return "\n".join(lines)


def _groups(results: list[Result]) -> Iterator[tuple[str, list[Result]]]:
    left = [result for result in results if result.case.leaves]
    for dialect in cases.MODELS:
        for kind, stream in (("stream", True), ("document", False)):
            of_kind = [one for one in left if (one.case.dialect, one.case.stream) == (dialect, stream)]
            yield f"{dialect}, {kind}, left", of_kind
    for way in ("cut", "error", "half", "garbage", "refused", "whole"):
        yield f"provider: {way}", [result for result in results if result.case.way == way]
    yield "bills as its kind", [one for one in results if _usual(one.case)]
    yield "bills otherwise, told", [one for one in results if not _usual(one.case) and one.case.told]
    yield "bills otherwise, not told", [one for one in results if not _usual(one.case) and not one.case.told]
    yield "all", results


def _usual(case: Case) -> bool:
    stops = case.stream and case.dialect in cases.STOPPING
    return case.billing == ("stop" if stops else "to-end")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=24, help="calls at a time (default 24)")
    parser.add_argument("--show", type=int, default=5, help="misses that are shown (default 5)")
    arguments = parser.parse_args()
    # A simulated provider whose client left before its first byte tells so at length.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        results = uvloop.run(run(arguments.cuts, arguments.seed, arguments.lanes, Path(folder)))
    print(f"{arguments.cuts} calls, seed {arguments.seed}")
    print(table(results))
    missed = [result for result in results if not result.contained or (result.drained and result.cost != result.truth)]
    missed += [result for result in results if result.dearer]
    for result in missed[: arguments.show]:
        print(result)
    whole = summary(results)
    sys.exit(whole.contained < 0.995 * whole.cuts or whole.drained_exact < whole.drained or whole.dearer > 0)


if __name__ == "__main__":
    main()
