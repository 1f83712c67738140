"""Runs, drawn at random: which budgets, how many agents at once, what they do and what happens to them."""

from __future__ import annotations

from random import Random

from msgspec import Struct

from tests.chaos import traces
from tests.support.house import NOON
from tokenguard.records import Budget, Unit

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Auckland")
CALENDAR = ("day", "week", "month", "quarter", "year", "total")
ROLLING = ("rolling 30m", "rolling 5h", "rolling 2d", "rolling 7d")
SCOPES = ("global", "user", "repo", "branch", "agent", "model", "provider", "session", "task")
GLOBS = (
    ("model", "claude-*"),
    ("model", "*-5-5"),
    ("model", "gpt-6.1-[st]*"),
    ("model", "gemini-3.?-*"),
    ("provider", "anthropic"),
    ("provider", "op?nai"),
    ("agent", "c*"),
    ("branch", "feat/*"),
)
AGENTS = ("claude", "codex", "gemini")
TASKS = (None, "fix", "port")
CHEAPER = (
    ("claude-opus-*", "claude-haiku-5-5"),
    ("claude-sonnet-*", "claude-haiku-5-5"),
    ("gpt-6.1-sol", "gpt-6.1-terra"),
    ("gemini-3.1-*", "gemini-3.8-flash"),
)
"""What budgets put in the place of the dearer models."""
STREAMS = (1, 1, 2, 4, 8, 16, 32, 64, 128, 256)
WORTHS = (5, 10, 20, 50, 100, 200, 200, 400, 800)
REALISTIC = 200
"""Calls that a limit has to be worth before what stays unused is judged, and false refusals are."""

DAY_US = 86_400_000_000


class Agent(Struct, frozen=True):
    """One stream of calls."""

    seed: str
    model: str
    session: int
    turns: int
    persists: bool
    """Whether it goes on after a refusal."""
    helpers: float
    """Of its turns, how many let helpers work beside it."""
    on_a_plan: bool = False
    """Whether a subscription covers its calls, where its provider has one."""


class Step(Struct, frozen=True):
    """What happens to the clock or to the guard, some seconds after the start."""

    at_s: float
    what: str
    """`clock` (set forward or back by `value` microseconds), `reload` (limits times `value` percent), `raise` (the
    limit of a slot, by `value` percent), `land` (a landing reserve is given out), `answer` (to calls that wait; of 100,
    about `value` are approved), `audit`."""
    value: int = 0


class Scenario(Struct, frozen=True):
    """A run."""

    seed: str
    kind: str
    """`trace`: a budget, and agents at work until it is used up. `chaos`: anything."""
    started_us: int
    budgets: tuple[Budget, ...]
    agents: tuple[Agent, ...]
    """Of each window."""
    windows: int
    """How many windows of the budgets they use up, one after the other."""
    worth: int
    """Calls of average cost that the limit is worth; 0 where that means nothing."""
    faults: float
    """Of the calls, how many do not end well."""
    steps: tuple[Step, ...] = ()
    crash: bool = False
    """Whether the guard dies in the middle, and another one takes over."""
    strict: bool = False


def draw(seed: int, number: int) -> Scenario:
    """The run of that number."""
    rng = Random(f"{seed}/{number}")
    return _trace(rng, f"{seed}/{number}") if rng.random() < 0.4 else _chaos(rng, f"{seed}/{number}")


def _trace(rng: Random, seed: str) -> Scenario:
    """Agents of one kind work on until the day's budget stops them, some days in a row."""
    worth, streams = rng.choice(WORTHS), rng.choice(STREAMS)
    model = rng.choice(traces.MODELS)
    price = traces.price_of(Random(f"{seed}/price"), model, 200, NOON)
    budget = Budget("day", max(1, int(price * worth)), window="day", timezone="UTC")
    persists = rng.random() < 0.5
    helpers = rng.choice((0.0, 0.0, 0.05))
    return Scenario(
        seed=seed,
        kind="trace",
        started_us=NOON - DAY_US // 2 + 60_000_000,
        budgets=(budget,),
        agents=tuple(
            Agent(f"{seed}/{index}", model.name, index, 3 * worth // streams + 40, persists, helpers)
            for index in range(streams)
        ),
        windows=rng.choice((1, 2, 3)) if worth <= 200 else 1,
        worth=worth,
        faults=0.0,
        steps=tuple(Step(rng.uniform(1, 3_000), "audit") for _ in range(2)),
    )


def _chaos(rng: Random, seed: str) -> Scenario:
    streams = rng.choice(STREAMS)
    turns = max(2, min(40, 240 // streams))
    strict = rng.random() < 0.5
    agents = tuple(_agent(rng, f"{seed}/{index}", index, turns) for index in range(streams))
    size = streams * turns
    budgets = tuple(_budget(rng, index, size, strict=strict) for index in range(rng.randint(1, 6)))
    return Scenario(
        seed=seed,
        kind="chaos",
        started_us=NOON + rng.randrange(400) * DAY_US + rng.randrange(DAY_US),
        budgets=budgets,
        agents=agents,
        windows=1,
        worth=0,
        faults=rng.choice((0.0, 0.0, 0.1, 0.3)),
        steps=tuple(sorted((_step(rng) for _ in range(rng.randint(1, 12))), key=lambda step: step.at_s)),
        crash=rng.random() < 0.15,
        strict=strict,
    )


def _agent(rng: Random, seed: str, index: int, turns: int) -> Agent:
    return Agent(
        seed=seed,
        model=rng.choice(traces.MODELS).name,
        session=rng.randrange(index + 1) if rng.random() < 0.3 else index,
        turns=rng.randint(1, turns),
        persists=rng.random() < 0.7,
        helpers=rng.choice((0.0, 0.0, 0.1)),
        on_a_plan=rng.random() < 0.2,
    )


def _budget(rng: Random, index: int, size: int, *, strict: bool) -> Budget:
    """A limit that is worth between a few and all of the calls."""
    unit = rng.choice((Unit.USD, Unit.USD, Unit.TOKENS, Unit.CALLS))
    scope = rng.choice(SCOPES)
    worth = max(1.0, size * rng.uniform(0.05, 1.2))
    # A strict budget sets aside the dearest case of every call at once: a tenth of them needs room beside the rest.
    a_call = {Unit.USD: rng.choice((20_000_000, 120_000_000)), Unit.TOKENS: 30_000, Unit.CALLS: 1}[unit]
    bucket = rng.choice((None, None, "input", "cache_read", "cache_write", "output")) if unit is Unit.TOKENS else None
    limit = max(1, int(worth * a_call))
    window = "session" if scope == "session" else rng.choice((*CALENDAR, *ROLLING))
    at_limit = rng.choices(("refuse", "warn", "hold", "downgrade"), (55, 15, 15, 15))[0]
    return Budget(
        name=f"b{index}",
        limit=limit,
        scope=scope,
        unit=unit,
        window=window,
        timezone=rng.choice(ZONES),
        week_start=rng.randrange(7),
        month_start=rng.randint(1, 28),
        match=tuple(rng.sample(GLOBS, rng.choice((0, 0, 1, 2)))),
        at_limit=at_limit,
        mode="strict" if strict or rng.random() < 0.3 else "calibrated",
        counts=rng.choice(("billed", "billed", "all")),
        bucket=bucket,
        downgrade=CHEAPER if at_limit == "downgrade" else (),
        clamp=at_limit != "warn" and rng.random() < 0.2,
        landing=limit // 10 if at_limit != "warn" and rng.random() < 0.2 else 0,
        landing_release=rng.choice(("command", "auto")),
    )


def _step(rng: Random) -> Step:
    at_s = rng.uniform(0.5, 300)
    what = rng.choice(("audit", "audit", "clock", "clock", "reload", "raise", "land", "answer", "answer", "answer"))
    value = 0
    if what == "clock":
        value = rng.choice((-1, 1)) * rng.choice((60_000_000, 3_600_000_000, DAY_US, 40 * DAY_US))
    if what == "reload":
        value = rng.choice((50, 100, 150, 300))
    if what in ("raise", "answer"):
        value = rng.randint(5, 100)
    return Step(at_s, what, value)
