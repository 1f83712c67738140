"""A guard with its ledger, and short ways to let it work."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tokenguard import prices
from tokenguard.config.sections import DaemonSettings
from tokenguard.config.settings import Config
from tokenguard.guard import Desk, Guard, OpenSession
from tokenguard.ledger import Ledger
from tokenguard.records import Budget, Call, Facts, Leg, Reading, Session, Usage

CATALOGUE = prices.decode((Path(prices.__file__).parent / "catalogue.json").read_bytes())
NOON = 1_795_262_400_000_000
"""2026-11-21 12:00 UTC"""

MODEL = "claude-opus-5-5"


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now_us = NOON

    def __call__(self) -> int:
        return self.now_us


class House:
    """A guard with its ledger, and short ways to let it work."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self.clock = clock
        self.repo = folder / "web"
        self.repo.mkdir()
        subprocess.run(["git", "init", "-q", "-b", "main", str(self.repo)], check=True)
        self.open()

    def open(self, *budgets: Budget, on_error: str = "open") -> None:
        """Begin with these budgets, on the ledger that is there."""
        self.ledger = Ledger.open(self.folder / "ledger.db")
        self.guard = Guard(self.ledger, CATALOGUE, self.config(*budgets, on_error=on_error), self.clock)
        self.desk = Desk(self.guard, self.ledger)

    def config(self, *budgets: Budget, on_error: str = "open") -> Config:
        return Config(daemon=DaemonSettings(port=0, on_error=on_error), budgets=budgets)

    def budgets(self, *budgets: Budget) -> None:
        """Take these budgets from now on."""
        self.guard.reload(self.config(*budgets))

    async def reopen(self, *budgets: Budget) -> None:
        """Another daemon on the same ledger, the first one gone without a word."""
        await self.ledger.close()
        self.open(*budgets)

    async def session(
        self,
        *,
        budget: str | None = None,
        task: str | None = None,
        cwd: Path | None = None,
        parent: str | None = None,
        agent: str = "claude",
    ) -> Session:
        session, self.token = await self.desk.open_session(
            OpenSession(agent=agent, cwd=str(cwd or self.repo), budget=budget, task=task, parent=parent)
        )
        return session

    def begin(self, session: Session | None, facts: Facts | None = None) -> Call:
        return self.guard.begin(
            session, provider="anthropic", dialect="anthropic-messages", facts=facts or request(), headers={}
        )

    async def call(self, session: Session | None, *, output: int = 1_000) -> bool:
        """One call to its end; whether it was let through. An output token costs 20,000 nanodollars."""
        facts = request()
        call = self.begin(session, facts)
        admission = await self.guard.admit(call, facts)
        if admission.refusal is not None:
            return False
        self.guard.settle(call, answer(output=output), status=200, outcome="ok")
        return True


def request(*, size: int = 4_000, max_output: int | None = 8_000, model: str = MODEL) -> Facts:
    return Facts(model, stream=True, max_output=max_output, body_bytes=size)


def answer(*, output: int = 1_000, input: int = 0, state: str = "final", model: str = MODEL) -> Reading:
    return Reading(legs=(Leg(model, Usage(input=input, output=output)),), state=state, model=model, response_id="msg_1")
