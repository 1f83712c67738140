"""One agent, one tokenguard installation, one simulated provider."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.agents.isolation import Gate
from tests.agents.roster import RealAgent
from tests.support.installation import Installation
from tokenguard import simulator
from tokenguard.ledger import queries


class Spent(NamedTuple):
    """What a model cost, as the ledger or the bill has it."""

    calls: int
    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    nanos: int


class Stage:
    """Runs the agent, and compares what both sides wrote down."""

    def __init__(
        self,
        agent: RealAgent,
        path: str,
        providers: simulator.Process,
        installation: Installation,
        gate: Gate,
        home: Path,
    ) -> None:
        self.agent = agent
        self.installation = installation
        self.gate = gate
        self._providers = providers
        self.env = {**agent.env, **gate.variables, "PATH": path, "HOME": str(home), "TMPDIR": str(home)}
        agent.settle_in(home, installation.work)

    def run(self, prompt: str, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Let the agent answer one prompt under tokenguard."""
        command = ["run", *options, "--", *self.agent.command(prompt)]
        return self.installation(*command, check=False, env={**self.env, **env})

    def ledger(self) -> dict[str, Spent]:
        """What the ledger holds, by model. All of it must be exact."""
        report = self.installation.json("report", "--by", "model")
        assert {row["confidence"] for row in report["rows"]} <= {"exact"}
        return {row["model"]: _spent(row["calls"], row["usage"], row["cost_nanos"]) for row in report["rows"]}

    def bill(self) -> dict[str, Spent]:
        """What the providers charge, by model."""
        calls = self._providers.bill().calls
        return {model: _sum(call for call in calls if call.model == model) for model in {call.model for call in calls}}

    def refused(self) -> int:
        """How many requests were refused."""
        with closing(queries.connect_readonly(self.installation.home / "ledger.db")) as ledger:
            return int(ledger.execute("SELECT count(*) FROM calls WHERE state = 'refused'").fetchone()[0])

    def secrets(self, *words: str) -> list[Path]:
        """Files of tokenguard that hold one of these words."""
        files = [file for file in self.installation.home.rglob("*") if file.is_file()]
        return [file for file in files if any(word.encode() in file.read_bytes() for word in words)]


def _spent(calls: int, usage: Mapping[str, int], nanos: int) -> Spent:
    buckets = (usage["input"], usage["cache_read"], usage["cache_write_5m"], usage["cache_write_1h"], usage["output"])
    return Spent(calls, *buckets, nanos)


def _sum(calls: Iterable[simulator.BilledCall]) -> Spent:
    each = [_spent(1, msgspec.structs.asdict(call.usage), call.nanos) for call in calls]
    return Spent(*(sum(column) for column in zip(*each, strict=True)))
