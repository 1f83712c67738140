"""A guard with a ledger of its own, agents that call through it, and a provider that bills: one run from its beginning.

Nothing is forwarded: a call takes its time, and its answer is read as a meter would have read it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tests.chaos import traces, truth
from tests.chaos.endings import Ending, draw_ending, ended
from tests.chaos.forgone import Forgone
from tests.chaos.scenarios import AGENTS, DAY_US, TASKS, Agent, Scenario, Step
from tests.chaos.traces import BY_NAME, HELPERS, Conversation, Turn
from tests.chaos.truth import Books, amount_of, measured
from tests.chaos.virtual import SlowLedger
from tests.support.house import CATALOGUE
from tokenguard.config.sections import DaemonSettings
from tokenguard.config.settings import Config
from tokenguard.errors import UsageError
from tokenguard.guard import Desk, Guard, OpenSession
from tokenguard.guard.raising import Raises
from tokenguard.ledger import Ledger, queries
from tokenguard.policy.budgets import Slot, Standing
from tokenguard.policy.estimate import BYTES_PER_TOKEN
from tokenguard.records import Amount, Budget, Call, Reading, Session, Unit, Usage

PRESUME_S = 600
"""As the ledger's setting says by default."""
PROGRESS_S = 1.0
"""Between two words about how far an answer is; a proxy says it more often."""
REFUSALS = 6
"""After which an agent that goes on gives up."""

_BY_KEY = {"x-api-key": "k"}
_ON_A_PLAN = {"anthropic": {"authorization": "Bearer sk-ant-oat01-k"}, "openai": {"chatgpt-account-id": "account"}}
"""By provider, the headers by which a login to a plan is known."""


class Refused(Struct, frozen=True):
    """A call that was not let through."""

    call: Call
    turn: int
    """Its number in the run: a turn can be refused more than once."""
    budget: str | None
    fits: bool
    """By the true bill, of what was settled and what was in flight."""


class Watched(Guard):
    """Tells what calls came to."""

    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self.begun: dict[int, Call] = {}
        self.on_settled: Callable[[Mapping[str, Any]], None] = lambda data: None

    def begin(self, session: Session | None, **of: Any) -> Call:
        call = super().begin(session, **of)
        self.begun[call.id] = call
        return call

    def tell(self, kind: str, data: dict[str, object]) -> None:
        super().tell(kind, data)
        if kind == "call.settled":
            self.on_settled(data)


class Clock:
    """The machine's clock, which somebody sets."""

    def __init__(self, started_us: int) -> None:
        self.ahead_us = started_us

    def __call__(self) -> int:
        return self.ahead_us + int(asyncio.get_running_loop().time() * 1_000_000)


class Stage:
    """One run. `broken` says what should never have been."""

    def __init__(self, scenario: Scenario, folder: Path, places: list[Path], guard: type[Watched] = Watched) -> None:
        self.scenario = scenario
        self.books = Books(scenario.budgets)
        self.forgone = Forgone(self.books)
        self.refused: list[Refused] = []
        self.calls = 0
        self.estimated_apart: list[str] = []
        self.broken: list[str] = []
        self.stated: dict[tuple[str, str, str], float] = {}
        """In which share of its windows a budget is passed, as status said last of each window."""
        self._path = folder / "ledger.db"
        self._places = places
        self._rng = Random(f"{scenario.seed}/stage")
        self._clock = Clock(scenario.started_us)
        self._guard_class = guard
        self._budgets = scenario.budgets
        self._sessions: dict[tuple[int, int], Session] = {}
        self._pending: set[int] = set()
        SlowLedger.rng = Random(f"{scenario.seed}/commits")
        self._open()

    def _open(self) -> None:
        self._ledger: Ledger = SlowLedger.open(self._path)
        self._guard = self._guard_class(self._ledger, CATALOGUE, self._config(), self._clock)
        self._guard.on_settled = self._settled
        self._watch_raises(self._guard.counting.raises)
        self._desk = Desk(self._guard, self._ledger)

    def _watch_raises(self, raises: Raises) -> None:
        """Take note of every raise: of those that are asked for, and of those that an approval is."""
        raise_by = raises.raise_by

        async def noted(slot: Slot, value: int, **of: Any) -> Standing:
            self.books.raised(slot.budget, slot.key, slot.window.start_us, value)
            return await raise_by(slot, value, **of)

        raises.raise_by = noted  # type: ignore[method-assign]  # the guard has no hook for what people do beside it

    def _config(self) -> Config:
        return Config(daemon=DaemonSettings(port=0, on_error="closed"), budgets=self._budgets)

    async def play(self) -> None:
        """The whole run."""
        scenario = self.scenario
        for window in range(scenario.windows):
            if scenario.crash:
                await self._until(self._rng.uniform(5, 60), self._act(window))
                await self._crash()
            await self._act(window)
            self._note_stated()
            self._clock.ahead_us += DAY_US
        await self._written()
        self.audit("at the end")
        await self._ledger.close()

    async def _act(self, window: int) -> None:
        async with asyncio.TaskGroup() as group:
            steps = group.create_task(self._steps())
            async with asyncio.TaskGroup() as agents:
                for agent in self.scenario.agents:
                    agents.create_task(self._work(agent, window))
            steps.cancel()

    def _note_stated(self) -> None:
        now_us = self._guard.now()
        for view in self._desk.status()["budgets"]:
            budget = next(budget for budget in self._budgets if budget.name == view["name"])
            if "overshoot" in view and truth.span_us(budget) is None:
                self.stated[budget.name, _key(budget, view), truth.window_of(budget, now_us)] = view["overshoot"]

    async def _until(self, seconds: float, work: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(seconds):
                await work
        except TimeoutError:
            pass

    async def _crash(self) -> None:
        """The guard is gone; what it left open becomes a charge at its bound when its time has come."""
        await self._ledger.close()
        self._sessions.clear()
        self._pending.clear()
        self._open()
        left = {call.id: reserved for call, reserved in queries.open_reservations(self._ledger.read())}
        if left.keys() != {entry.call.id for entry in self.books.open()}:
            self._breaks(f"a crash left {sorted(left)} open, not {[entry.call.id for entry in self.books.open()]}")
        self.audit("after a crash")
        # Where the clock was set back, the guard's time stands still until the clock has caught up with it.
        behind_us = max(0, self._guard.now() - self._clock())
        self._clock.ahead_us += behind_us + (PRESUME_S + 1) * 1_000_000
        await self._guard.tick()
        for entry in self.books.open():
            worst = left.get(entry.call.id, Amount())
            entry.charge, entry.sure = worst, False
            if worst.nanos < entry.bill.nanos or worst.tokens < entry.bill.tokens:
                self._breaks(f"call {entry.call.id} was presumed at {worst}, but took {entry.bill}")
        self.audit("after calls were presumed")

    async def _steps(self) -> None:
        start = asyncio.get_running_loop().time()
        for step in self.scenario.steps:
            await asyncio.sleep(start + step.at_s - asyncio.get_running_loop().time())
            await self._step(step)

    async def _step(self, step: Step) -> None:
        match step.what:
            case "clock":
                self._clock.ahead_us += step.value
            case "reload":
                self._budgets = tuple(
                    replace(budget, limit=max(1, budget.limit * step.value // 100)) for budget in self._budgets
                )
                self.books.replaced(self._budgets)
                self._guard.reload(self._config())
            case "raise":
                await self._raise(step.value)
            case "land":
                await self._land()
            case "answer":
                await self._answer_holds(step.value)
            case _:
                self.audit(f"after {step.at_s:.1f} s")

    async def _raise(self, percent: int) -> None:
        views = self._desk.status()["budgets"]
        labels = [view["label"] for view in views]
        views = [view for view in views if view["unit"] is not Unit.USD and labels.count(view["label"]) == 1]
        if not views:
            return
        view = self._rng.choice(views)
        budget = next(budget for budget in self._budgets if budget.name == view["name"])
        amount = max(1, budget.limit * percent // 100)
        try:
            await self._desk.grants.raise_budget(view["label"], f"{amount} {budget.unit}", "chaos", None)
        except UsageError as error:
            self._breaks(f"status shows {view['label']} (of a {budget.scope}), but it cannot be raised: {error}")

    async def _land(self) -> None:
        views = self._desk.status()["budgets"]
        labels = [view["label"] for view in views]
        held_back = [view["label"] for view in views if view.get("held_back") and labels.count(view["label"]) == 1]
        if held_back:
            await self._desk.grants.release_landing(self._rng.choice(held_back), "chaos")

    async def _answer_holds(self, percent: int) -> None:
        """What somebody says who comes by: yes, no, or nothing."""
        for hold in self._guard.holds:
            if hold.answer.done():
                continue
            drawn = self._rng.randrange(100)
            unit = hold.slot.budget.unit if hold.slot else Unit.USD
            amount = f"5 {unit}" if unit is not Unit.USD and drawn % 3 == 0 else None
            if drawn < percent:
                # The truth knows the prices of some models only.
                known = hold.cheaper is not None and hold.cheaper[0] in BY_NAME
                yes = "cheaper" if known and drawn % 2 else "approve"
                await self._desk.grants.answer_hold(hold.id, answer=yes, amount=amount, reason="chaos")
            elif drawn < percent + 25:
                await self._desk.grants.answer_hold(hold.id, answer="deny", amount=None, reason="chaos")

    async def _work(self, agent: Agent, window: int) -> None:
        rng = Random(f"{agent.seed}/{window}")
        session = await self._session(agent, window)
        conversation, refusals = Conversation(rng, BY_NAME[agent.model]), 0
        for _ in range(agent.turns):
            turn = conversation.turn()
            await asyncio.sleep(turn.pause_s)
            if await self._call(agent, session, conversation, turn, rng):
                conversation.answered(turn)
            else:
                refusals += 1
                if not agent.persists or refusals > REFUSALS:
                    return
                await asyncio.sleep(rng.uniform(1, 60))
            if rng.random() < agent.helpers:
                async with asyncio.TaskGroup() as group:
                    for _ in range(rng.randint(1, 3)):
                        group.create_task(self._help(agent, session, Random(rng.getrandbits(64))))

    async def _help(self, agent: Agent, session: Session, rng: Random) -> None:
        conversation = Conversation(rng, BY_NAME[HELPERS[BY_NAME[agent.model].provider]], small=True)
        for _ in range(rng.randint(2, 10)):
            turn = conversation.turn()
            await asyncio.sleep(turn.pause_s)
            if not await self._call(agent, session, conversation, turn, rng):
                return
            conversation.answered(turn)

    async def _session(self, agent: Agent, window: int) -> Session:
        known = self._sessions.get((agent.session, window))
        if known is None:
            rng = Random(f"{self.scenario.seed}/session/{agent.session}")
            place, name, task = rng.choice(self._places), rng.choice(AGENTS), rng.choice(TASKS)
            asked = OpenSession(agent=name, cwd=str(place), task=task)
            known, _ = await self._desk.open_session(asked)
            self._sessions[agent.session, window] = known
        return known

    async def _call(self, agent: Agent, session: Session, conversation: Conversation, turn: Turn, rng: Random) -> bool:
        """One call to its end, whatever that is; False if it was refused."""
        plan = _ON_A_PLAN.get(turn.model.provider) if agent.on_a_plan else None
        ending = draw_ending(rng, turn, self.scenario.faults)
        call = self._guard.begin(
            session,
            provider=turn.model.provider,
            dialect=turn.model.dialect,
            facts=turn.facts,
            headers=plan or _BY_KEY,
        )
        if turn is not conversation.asked:
            self.calls += 1
            conversation.asked, conversation.number = turn, self.calls
        self._pending.add(call.id)
        try:
            async with asyncio.timeout(ending.patience_s):
                admission = await self._guard.admit(call, turn.facts)
        except TimeoutError:
            return True
        finally:
            self._pending.discard(call.id)
        now_s = asyncio.get_running_loop().time()
        if admission.refusal is not None:
            usage = conversation.usage(turn, now_s)
            bill = amount_of(traces.bill(turn.model.name, usage, call.started_us), usage)
            fits = self.forgone.refused(conversation.number, call, bill, on_a_plan=plan is not None)
            self.refused.append(Refused(call, conversation.number, admission.verdict.budget, fits))
            return False
        self.forgone.admitted(conversation.number)
        turn = traces.shortened(turn, admission.max_output, admission.model)
        await self._answer(admission.call, conversation, turn, ending, on_a_plan=plan is not None)
        return True

    async def _answer(
        self, call: Call, conversation: Conversation, turn: Turn, ending: Ending, *, on_a_plan: bool
    ) -> None:
        usage = conversation.usage(turn, asyncio.get_running_loop().time())
        billed, reading = ended(ending, turn, usage)
        nanos = traces.bill(turn.model.name, billed, call.started_us)
        entry = self.books.add(call, amount_of(nanos, billed), on_a_plan=on_a_plan)
        entry.sure = ending.sure
        if billed.total:
            conversation.sent(turn, asyncio.get_running_loop().time())
        await self._stream(call, turn, ending)
        self._guard.settle(call, reading, status=ending.status, outcome=ending.outcome)

    async def _stream(self, call: Call, turn: Turn, ending: Ending) -> None:
        """The answer comes, and whoever passes it on says how far it is."""
        seconds = turn.seconds * ending.share
        steps = math.ceil(seconds / PROGRESS_S)
        for step in range(1, steps):
            await asyncio.sleep(seconds / steps)
            so_far = int(turn.output * ending.share * step / steps)
            self._guard.progress(call, Reading(state="partial", output_bytes=so_far * BYTES_PER_TOKEN))
        await asyncio.sleep(seconds / max(1, steps))

    def _settled(self, data: Mapping[str, Any]) -> None:
        entry = self.books.entries.get(data["id"])
        if entry is None:
            # Its client left before it was decided; it was not forwarded.
            entry = self.books.add(self._guard.begun[data["id"]], Amount(calls=1))
        usage: Usage = data["usage"]
        above = data["cost_high_nanos"] - data["cost_nanos"]
        entry.charge = Amount(data["cost_nanos"], usage.total, 1, usage, above)
        if not entry.sure:
            if not data["cost_low_nanos"] <= entry.bill.nanos <= data["cost_high_nanos"]:
                self.estimated_apart.append(f"{data['outcome']} {data['marks']}: {entry.bill.nanos} of {entry.charge}")
        elif entry.charge != entry.bill:
            self._breaks(f"call {entry.call.id} ({entry.call.model}) took {entry.bill}, but {entry.charge} was charged")

    async def _written(self) -> None:
        """Everything that was settled so far is in the ledger."""
        await self._ledger.set_pid("nobody", 0)

    def audit(self, when: str) -> None:
        """What status says against what is true."""
        now_us = self._guard.now()
        rows = {call.id: reserved for call, reserved in queries.open_reservations(self._ledger.read())}
        opened = self.books.open()
        lost = [entry.call.id for entry in opened if entry.call.id not in rows]
        if lost:
            self._breaks(f"{when}: calls {lost} run, but the ledger has no reservation for them")
        if when == "at the end" and (rows or opened or self._guard.busy):
            self._breaks(f"{when}: {len(rows)} reservations, {len(opened)} calls, busy {self._guard.busy}")
        for view in self._desk.status()["budgets"]:
            budget = next(budget for budget in self._budgets if budget.name == view["name"])
            self._compare(when, budget, view, self.books.standing(budget, _key(budget, view), now_us), rows)

    def _compare(
        self,
        when: str,
        budget: Budget,
        view: Mapping[str, Any],
        entries: list[truth.Entry],
        rows: dict[int, Amount],
    ) -> None:
        told = f"{when}: {view['label']} ({budget.mode}, {budget.window}, {budget.unit})"
        spent = truth.charged(budget, entries)
        presumed_by_bucket = budget.bucket is not None and any(not entry.sure for entry in entries)
        if view["spent"] != spent and not presumed_by_bucket:
            self._breaks(f"{told} shows {view['spent']} spent, not {spent}")
        running = [entry for entry in entries if entry.charge is None]
        # What a crash left open is kept even where the clock that dated it ahead has been corrected since.
        place = self.books.slots.get((budget.name, _key(budget, view)), []) if truth.span_us(budget) is not None else []
        now_us = self._guard.now()
        running += [entry for entry in place if entry.charge is None and entry.call.started_us > now_us]
        if not running and not self._pending and view["reserved"] != 0:
            self._breaks(f"{told} keeps {view['reserved']} for nobody")
        if budget.mode == "strict" and budget.bucket is None:
            reserved = sum(
                measured(budget, rows.get(entry.call.id, Amount()), on_a_plan=entry.on_a_plan) for entry in running
            )
            if view["reserved"] < reserved or (not self._pending and view["reserved"] != reserved):
                self._breaks(f"{told} shows {view['reserved']} reserved, not {reserved}")

    def _breaks(self, what: str) -> None:
        self.broken.append(what)


def _key(budget: Budget, view: Mapping[str, Any]) -> str:
    key: str = view["key"]
    return key.replace(":", "\0", 1) if budget.scope == "branch" else key


def make_places(folder: Path) -> list[Path]:
    """Repositories with branches, as far as anybody looks."""
    found: list[Path] = []
    for repo, branch in (("web", "main"), ("web-2", "feat/login"), ("api", "feat/login"), ("docs", "fix/typo")):
        git = folder / repo / ".git"
        git.mkdir(parents=True)
        (git / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
        found.append(folder / repo)
    plain = folder / "plain"
    plain.mkdir()
    return [*found, plain]
