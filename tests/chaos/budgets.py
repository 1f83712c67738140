"""The budget engine by the thousand runs, against providers whose bill is known.

python -m tests.chaos.budgets [--runs N] [--seed N] [--jobs N] [--run N] [--sockets N]

Each run has 1 to 256 streams of calls at once over budgets at random, in a guard with a real ledger on a virtual clock.
Strict budgets must never be passed, reservations must be what the ledger says they are and must all be gone at the end,
and the ledger must agree with the bill. Printed is how often calibrated budgets were passed, by how much, how often a
call was refused that would have fitted, for how many of those there was room, and how much of the limit could be used.
Beside them, a hundredth as many runs go over real sockets. `--run` plays a single one again.
"""

from __future__ import annotations

import argparse
import logging
import math
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

from msgspec import Struct

from tests.chaos import sockets, truth, virtual
from tests.chaos.scenarios import REALISTIC, WORTHS, draw
from tests.chaos.stage import Stage, Watched, make_places

RAM = Path("/dev/shm")
SURE = 0.99
"""How sure a count has to be before a rate counts as passed."""

USUAL = 0.05
"""The share of its windows in which a budget is passed, where it is large beside a single call."""
FALSE_REFUSALS = 0.005
USABLE = 0.9


class Window(Struct, frozen=True):
    """What became of a limit that refused somebody, or was passed."""

    mode: str
    limit: int
    billed: int
    charged: int
    stated: float
    """In which share of its windows the budget may be passed, as status said it."""

    @property
    def passed(self) -> bool:
        return self.billed > self.limit

    @property
    def used(self) -> float:
        return self.billed / self.limit


class Outcome(Struct, frozen=True):
    """What one run showed."""

    number: int
    kind: str
    streams: int
    worth: int
    persists: bool
    strict: bool
    calls: int
    """A call that is tried again after a refusal is the same call."""
    refused: int
    """Tries."""
    falsely: int
    """Calls that were refused though they would have fitted."""
    forgone: int
    """As many of them as there was room for."""
    windows: tuple[Window, ...]
    apart: tuple[str, ...]
    """Interrupted calls whose bill is not within the interval that was given for it."""
    broken: tuple[str, ...]
    """What must never be."""
    seconds: float

    @property
    def ample(self) -> bool:
        """Whether the limit is worth 200 calls or more of each stream, not only of all together: shown, not judged."""
        return self.kind == "trace" and self.worth >= REALISTIC * self.streams


def play(seed: int, number: int, folder: Path, places: list[Path], guard: type[Watched] = Watched) -> Outcome:
    """One run."""
    began = time.perf_counter()
    scenario = draw(seed, number)
    home = folder / str(number)
    home.mkdir()

    stages: list[Stage] = []

    async def main() -> None:
        stages.append(Stage(scenario, home, places, guard))
        await stages[0].play()

    raised: list[str] = []
    try:
        virtual.run(main())
    except Exception as error:
        if not stages:
            raise
        raised.append(f"raised {_innermost(error)!r}")
    finally:
        shutil.rmtree(home)
    stage = stages[0]
    return Outcome(
        number=number,
        kind=scenario.kind,
        streams=len(scenario.agents),
        worth=scenario.worth,
        persists=scenario.agents[0].persists,
        strict=scenario.strict,
        calls=stage.calls,
        refused=len(stage.refused),
        falsely=len({refused.turn for refused in stage.refused if refused.fits}),
        forgone=stage.forgone.calls,
        windows=tuple(_windows(stage)),
        apart=tuple(stage.estimated_apart),
        broken=tuple([*raised, *stage.broken, *_overspent(stage)]),
        seconds=time.perf_counter() - began,
    )


def _windows(stage: Stage) -> Iterator[Window]:
    binding = {(one.budget, one.call.started_us) for one in stage.refused}
    names = {str(label).rpartition("/")[2] for label, _ in binding}
    for budget in stage.books.budgets:
        if budget.at_limit == "warn" or truth.span_us(budget) is not None:
            continue
        for key, entries in stage.books.spans(budget):
            limit = stage.books.highest(budget, key, entries[0].call.started_us)
            billed = truth.billed(budget, entries)
            if budget.name in names or billed > limit:
                window = budget.name, key, truth.window_of(budget, entries[0].call.started_us)
                stated = stage.stated.get(window, budget.overshoot)
                yield Window(budget.mode, limit, billed, truth.charged(budget, entries), stated)


def _innermost(error: Any) -> Any:
    while isinstance(error, ExceptionGroup):
        error = cast("ExceptionGroup[Exception]", error).exceptions[0]
    return error


def _overspent(stage: Stage) -> Iterator[str]:
    """Strict budgets whose limit was passed: by what was charged, and where all bills came, by those."""
    for budget in stage.books.budgets:
        if budget.mode != "strict" or budget.at_limit == "warn":
            continue
        for key, entries in stage.books.spans(budget):
            limit = stage.books.highest(budget, key, entries[0].call.started_us)
            charged, billed = truth.charged(budget, entries), truth.billed(budget, entries)
            if charged > limit:
                yield f"strict budget {budget} charged {charged} of {limit} for {key!r}"
            elif billed > limit:
                unsure = "" if all(entry.sure for entry in entries) else " (interrupted calls among them)"
                yield f"strict budget {budget} was billed {billed} of {limit} for {key!r}{unsure}"


def at_most(count: int, of: int) -> float:
    """The rate that is not exceeded with the certainty `SURE`, by a count: the upper bound of Clopper and Pearson."""
    return _bound(count, of, 1 - SURE) if count < of else 1.0


def at_least(count: int, of: int) -> float:
    """The rate that is exceeded with that certainty."""
    return 1 - at_most(of - count, of) if count else 0.0


def _bound(count: int, of: int, tail: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _no_more(count, of, middle) > tail else (low, middle)
    return high


def _no_more(count: int, of: int, rate: float) -> float:
    """Probability of so many or fewer."""
    if not 0 < rate < 1:
        return 1.0 if rate <= 0 else float(count >= of)
    whole = math.lgamma(of + 1)
    terms = (
        whole - math.lgamma(k + 1) - math.lgamma(of - k + 1) + k * math.log(rate) + (of - k) * math.log1p(-rate)
        for k in range(count + 1)
    )
    return min(1.0, math.fsum(math.exp(term) for term in terms))


def run(numbers: Iterable[int], seed: int, jobs: int, guard: type[Watched] = Watched) -> list[Outcome]:
    """Play the runs of these numbers."""
    numbers = list(numbers)
    if jobs == 1:
        return _played(numbers, seed, guard)
    # Small bites: runs are very unlike each other.
    bites = [numbers[start::size] for size in [max(jobs, len(numbers) // 25)] for start in range(size)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        found = pool.map(partial(_played, seed=seed, guard=guard), bites)
        return sorted((one for some in found for one in some), key=lambda one: one.number)


def _played(numbers: list[int], seed: int, guard: type[Watched]) -> list[Outcome]:
    with tempfile.TemporaryDirectory(prefix="tokenguard-chaos-", dir=RAM if RAM.is_dir() else None) as name:
        folder = Path(name)
        places = make_places(folder)
        return [play(seed, number, folder, places, guard) for number in numbers]


def run_sockets(numbers: Iterable[int], seed: int) -> list[sockets.Found]:
    """Play runs over real sockets, one after the other."""
    with tempfile.TemporaryDirectory(prefix="tokenguard-chaos-", dir=RAM if RAM.is_dir() else None) as name:
        return [sockets.play(seed, number, Path(name)) for number in numbers]


def table(outcomes: list[Outcome]) -> str:
    """What came out, by what was asked."""
    lines = [f"{'':34}{'runs':>6}{'calls':>9}{'refused':>9}{'false':>7}{'of calls':>9}{'room for':>9}{'of calls':>9}"]
    lines[0] += f"{'windows':>9}{'passed':>8}{'rate':>8}{'at most':>9}{'stated':>8}{'by median':>10}{'most':>8}"
    lines[0] += f"{'used':>7}{'least':>7}"
    for name, group in _groups(outcomes):
        if group:
            lines.append(_row(name, group))
    return "\n".join(lines)


def _row(name: str, group: list[Outcome]) -> str:
    calls, falsely = sum(one.calls for one in group), sum(one.falsely for one in group)
    line = f"{name:34}{len(group):6}{calls:9}{sum(one.refused for one in group):9}{falsely:7}{falsely / calls:9.3%}"
    forgone = sum(one.forgone for one in group)
    line += f"{forgone:9}{forgone / calls:9.3%}"
    windows = [window for one in group for window in one.windows if window.mode != "strict"]
    if not windows:
        return line
    passed = [window.used - 1 for window in windows if window.passed]
    used = [window.used for window in windows]
    line += f"{len(windows):9}{len(passed):8}{len(passed) / len(windows):8.2%}{at_most(len(passed), len(windows)):9.2%}"
    line += f"{statistics.mean(window.stated for window in windows):8.1%}"
    line += f"{statistics.median(passed):10.2%}{max(passed):8.1%}" if passed else f"{'':18}"
    return line + (f"{statistics.mean(used):7.1%}{min(used):7.1%}" if group[0].kind == "trace" else "")


def _groups(outcomes: list[Outcome]) -> Iterator[tuple[str, list[Outcome]]]:
    traces = [one for one in outcomes if one.kind == "trace"]
    for worth in sorted(set(WORTHS)):
        for name, persists in (("stop", False), ("go on", True)):
            found = [one for one in traces if (one.worth, one.persists) == (worth, persists)]
            yield f"trace, worth {worth:3} calls, {name}", found
    large = [one for one in traces if one.worth >= REALISTIC]
    for least, most in ((1, 1), (2, 8), (16, 64), (128, 256)):
        found = [one for one in large if least <= one.streams <= most]
        yield f"trace, worth 200+, {least}-{most} streams", found
    yield "trace, worth 200+, all", large
    yield "trace, worth 200+ of each", [one for one in traces if one.ample]
    yield "chaos, mixed", [one for one in outcomes if one.kind == "chaos" and not one.strict]
    yield "chaos, strict", [one for one in outcomes if one.kind == "chaos" and one.strict]


def shortfalls(outcomes: list[Outcome]) -> list[str]:
    """What does not hold."""
    found = [f"run {one.number}: {what}" for one in outcomes for what in one.broken]
    large = [one for one in outcomes if one.kind == "trace" and one.worth >= REALISTIC]
    windows = [window for one in outcomes for window in one.windows if window.mode != "strict"]
    for name, least, most in (("usual", 0.0, USUAL), ("small", USUAL, 1.1)):
        group = [window for window in windows if least < window.stated <= most]
        passed = sum(window.passed for window in group)
        stated = statistics.mean([window.stated for window in group] or [1])
        if at_least(passed, len(group) or 1) > stated:
            found.append(f"{passed} of {len(group)} windows of {name} budgets were passed, more than {stated:.1%}")
    for name, persists in (("stop", False), ("go on", True)):
        some = [one for one in large if one.persists is persists]
        calls, falsely = sum(one.calls for one in some), sum(one.falsely for one in some)
        if at_least(falsely, calls or 1) > FALSE_REFUSALS:
            found.append(f"{falsely} of {calls} calls were refused falsely where agents {name}, more than 0.5%")
    used = [window.used for one in large for window in one.windows]
    if used and statistics.mean(used) < USABLE:
        found.append(f"{statistics.mean(used):.1%} of budgets could be used, less than {USABLE:.0%}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--run", type=int, help="play this one again")
    parser.add_argument("--sockets", type=int, help="runs over real sockets (default: a hundredth of --runs)")
    parser.add_argument("--socket-run", type=int, help="play this one of them again")
    parser.add_argument("--show", type=int, default=10, help="shortfalls that are shown (default 10)")
    arguments = parser.parse_args()
    alone = arguments.run is not None or arguments.socket_run is not None
    numbers = list(range(0 if alone else arguments.runs)) if arguments.run is None else [arguments.run]
    over = arguments.runs // 100 if arguments.sockets is None else arguments.sockets
    socket_numbers = list(range(0 if alone else over)) if arguments.socket_run is None else [arguments.socket_run]
    # A simulated provider whose client left before its first byte tells so at length.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    logging.getLogger("tokenguard").setLevel(logging.CRITICAL)
    began = time.perf_counter()
    outcomes = run(numbers, arguments.seed, arguments.jobs)
    print(f"{len(outcomes)} runs, seed {arguments.seed}, {time.perf_counter() - began:.0f} s")
    print(table(outcomes))
    apart = [f"run {one.number}: {what}" for one in outcomes for what in one.apart]
    print(f"interrupted calls billed outside their interval: {len(apart)}")
    found = shortfalls(outcomes)
    lanes = run_sockets(socket_numbers, arguments.seed)
    if lanes:
        calls, refused = sum(one.calls for one in lanes), sum(one.refused for one in lanes)
        print(f"over sockets: {len(lanes)} runs, {calls} calls, {refused} refused")
    found += [f"run over sockets {one.number}: {what}" for one in lanes for what in one.broken]
    for what in [*found[: arguments.show], *apart[: arguments.show]]:
        print(what)
    if found:
        again = f"python -m tests.chaos.budgets --seed {arguments.seed} --run N (or --socket-run N)"
        print(f"{len(found)} shortfalls; to play a run again: {again}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
