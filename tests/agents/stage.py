"""One agent, one tokenguard installation, one simulated provider."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psutil

from tests.agents.installing import own_first
from tests.agents.isolation import Gate
from tests.agents.roster import RealAgent
from tests.agents.taps import Tap, in_front
from tests.support.installation import Installation
from tests.support.waiting import until
from tokenguard import client, simulator
from tokenguard.config.paths import find_paths
from tokenguard.ledger import queries

STOPPED = "tokenguard stopped this request: "
"""How all refusals begin."""


_DIRECT = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\\\)")
_FRAMES = re.compile("[\u2500-\u257f]")


class Spent(NamedTuple):
    """What a model cost, as the ledger or the bill has it."""

    calls: int
    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    nanos: int
    """At list price, whoever pays."""


class Row(NamedTuple):
    """A call as the ledger has it."""

    response_id: str | None
    outcome: str
    confidence: str
    low: int
    nanos: int
    high: int


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
        upstream: str | None = None,
    ) -> None:
        """`upstream` is where tokenguard sends calls, unless the agent's user says otherwise; else to the providers."""
        self.agent = agent
        self.installation = installation
        self.gate = gate
        self._providers = providers
        self._home = home
        self._upstream = providers.url if upstream is None else upstream
        self._taps: list[Tap] = []
        path = own_first(agent.package, path)
        self.env = {**agent.env, **gate.variables, "PATH": path, "HOME": str(home), "TMPDIR": str(home)}
        self._started: list[subprocess.Popen[str]] = []
        home.mkdir(exist_ok=True)
        agent.settle_in(home, installation.work)

    def configure(self, settings: str) -> None:
        """Write `config.toml` with these settings; before anything is started."""
        self.installation.configure(self._upstream, settings=settings)

    def limit(self, count: int, at_limit: str = "refuse") -> None:
        """Let the budget few of its repository take so many calls of its own model."""
        self.configure(
            f'[[budget]]\nname = "few"\nscope = "repo"\nmatch = {{ model = "{self.agent.model}" }}\n'
            f'limit = "{count} calls"\nwindow = "day"\nat_limit = "{at_limit}"\n'
        )

    def start_until_held(self) -> tuple[subprocess.Popen[str], dict[str, Any], str]:
        """Let it begin, and wait for an answer at its second turn: (the run, the hold, what it says if it may go on).

        Where one prompt has one turn, the turn is that of a second prompt.
        """
        self.limit(self.agent.first + 1, "hold")
        if "tools" not in self.agent.lacks:
            run, said = self.start("look around [sim:tool]"), "simulated-step-1"
        else:
            done = self.run("say hello")
            assert done.returncode == 0, done
            run, said = self.start("say hello again"), "Here is the answer:"
        return run, self.held(run), said

    def tap_providers(self) -> Tap:
        """Listen to what the providers answer; before anything is configured or started."""
        tap = Tap(lambda: self._providers.port)
        self._taps.append(tap)
        self._upstream = tap.url
        self.configure("")
        return tap

    def tap_agent(self) -> Tap:
        """Listen to what the agent gets; before it is started."""
        folder = self._home / "in-front"
        tap = in_front(self.agent.before[0], folder, self.installation.home / "runs")
        self._taps.append(tap)
        self.env["PATH"] = f"{folder}:{self.env['PATH']}"
        return tap

    def start(self, prompt: str, *options: str, **env: str) -> subprocess.Popen[str]:
        """Let the agent begin to answer one prompt under tokenguard, in a terminal's process group of its own."""
        process = subprocess.Popen(
            self.installation.command("run", *options, "--", *self.agent.command(prompt)),
            env={**self.installation.env, **self.env, **env},
            cwd=self.installation.work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def end(self, process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        """What became of it, once it has ended."""
        out, err = process.communicate(timeout=180)
        if self.agent.writes:
            out += "".join(file.read_text() for file in self._home.glob(self.agent.writes))
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def run(self, prompt: str, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Let the agent answer one prompt under tokenguard."""
        return self.end(self.start(prompt, *options, **env))

    @property
    def strangers(self) -> list[str]:
        """Hosts that were asked, besides its provider and those that it is known to ask."""
        return [host for host in self.gate.asked if host not in self.agent.asks]

    def close(self) -> None:
        """End what still runs."""
        for process in self._started:
            if process.poll() is None:
                # Gemini CLI, while it waits for an answer, heeds no signal but a Ctrl-C for all of its processes.
                for one in (psutil.Process(process.pid), *descendants(process)):
                    one.kill()
                process.communicate(timeout=30)
        self.installation.stop()
        self.gate.close()
        for tap in self._taps:
            tap.close()

    def held(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """The call of this run that waits for an answer, once it does; those of a helper are let through."""
        paths = find_paths(self.installation.env)

        def asked() -> dict[str, Any] | None:
            assert process.poll() is None, self.end(process)
            daemon = client.find(paths)
            holds: list[dict[str, Any]] = daemon.get("/v1/status")["holds"] if daemon is not None else []
            for hold in holds:
                if hold["model"] != self.agent.helper:
                    return hold
                self.installation("approve", hold["id"])
            return None

        return until(asked, "a call waits", seconds=90)

    def ledger(self) -> dict[str, Spent]:
        """What the ledger holds, by model. All of it must be exact."""
        rows = self.installation.json("report", "--by", "model")["rows"]
        assert {row["confidence"] for row in rows} <= {"exact"}
        # A model is either billed or notional here.
        return {
            row["model"]: _spent(row["calls"], row["usage"], row["cost_nanos"] + row["notional_nanos"]) for row in rows
        }

    def bill(self) -> dict[str, Spent]:
        """What the providers charge, by model."""
        calls = self._providers.bill().calls
        return {model: _sum(call for call in calls if call.model == model) for model in {call.model for call in calls}}

    def own(self) -> int:
        """How many calls of its own model the providers charge."""
        return sum(call.model == self.agent.served for call in self._providers.bill().calls)

    def seen(self) -> tuple[simulator.Seen, ...]:
        """The requests that have come to the providers."""
        return self._providers.requests()

    def rows(self) -> list[Row]:
        """The calls that went to the providers, as the ledger has them."""
        cost = "coalesce(cost_low, cost_nanos, 0), coalesce(cost_nanos, 0), coalesce(cost_high, cost_nanos, 0)"
        query = f"SELECT response_id, outcome, confidence, {cost} FROM calls WHERE state = 'settled' ORDER BY id"
        return [Row(*row) for row in self._rows(query)]

    def pairs(self) -> list[tuple[Row, simulator.BilledCall]]:
        """Each call as the ledger has it, and as it is billed. What is not billed has cost nothing."""
        rows, bill = self.rows(), self._providers.bill().calls
        by_id = {row.response_id: row for row in rows if row.high}
        assert len(by_id) == sum(row.high > 0 for row in rows), rows
        assert set(by_id) == {call.id for call in bill if call.nanos}, (rows, bill)
        return [(by_id[call.id], call) for call in bill if call.nanos]

    def holds_the_bill(self) -> bool:
        """Whether the bill is within the interval that the ledger names: what was cut is estimated."""
        total = self.installation.json("report")["total"]
        billed = sum(spent.nanos for spent in self.bill().values())
        return bool(total["cost_low_nanos"] <= billed <= total["cost_high_nanos"])

    def sessions(self) -> int:
        """How many sessions have calls."""
        return int(self._rows("SELECT count(DISTINCT session) FROM calls")[0][0])

    def asked(self) -> int:
        """How many requests have come to the proxy: each takes a number. One that waits is there only afterwards."""
        return int(self._rows("SELECT max(id) FROM calls")[0][0])

    def refused(self) -> int:
        """How many requests were refused."""
        return int(self._rows("SELECT count(*) FROM calls WHERE state = 'refused'")[0][0])

    def open(self) -> int:
        """How many calls have not been settled."""
        return int(self._rows("SELECT count(*) FROM calls WHERE state = 'open'")[0][0])

    def remarks(self) -> list[str]:
        """What was said of calls: warnings, refusals, approvals."""
        return [row[0] for row in self._rows("SELECT reason FROM calls WHERE reason IS NOT NULL ORDER BY id")]

    def models(self) -> list[tuple[str | None, str]]:
        """Of each call, the model that was asked for in vain, if there is one, and the one that was asked instead."""
        return [(row[0], row[1]) for row in self._rows("SELECT requested, model FROM calls ORDER BY id")]

    def secrets(self, *words: str) -> list[Path]:
        """Files of tokenguard that hold one of these words."""
        files = [file for file in self.installation.home.rglob("*") if file.is_file()]
        return [file for file in files if any(word.encode() in file.read_bytes() for word in words)]

    def _rows(self, query: str) -> list[Any]:
        with closing(queries.connect_readonly(self.installation.home / "ledger.db")) as ledger:
            return ledger.execute(query).fetchall()


class Alone(Stage):
    """Runs the agent as its user would, without us."""

    def start(self, prompt: str, *options: str, **env: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self.agent.command(prompt),
            env={**self.env, **_DIRECT, **env},
            cwd=self.installation.work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    @property
    def session(self) -> dict[str, Any]:
        """The only one there is."""
        (found,) = self.installation.json("status")["sessions"]
        return dict(found)


def shown(done: subprocess.CompletedProcess[str]) -> str:
    """What was printed, without colours, frames and line breaks."""
    return joined(f"{done.stdout}\n{done.stderr}")


def joined(text: str) -> str:
    """What stands on a terminal, without colours, frames and line breaks."""
    return " ".join(_FRAMES.sub(" ", _COLOURS.sub("", text)).split())


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The agent of a run, and what it has started itself."""
    return psutil.Process(process.pid).children(recursive=True)


def calls(spent: dict[str, Spent]) -> int:
    """How many calls these are."""
    return sum(model.calls for model in spent.values())


def _spent(calls: int, usage: Mapping[str, int], nanos: int) -> Spent:
    buckets = (usage["input"], usage["cache_read"], usage["cache_write_5m"], usage["cache_write_1h"], usage["output"])
    return Spent(calls, *buckets, nanos)


def _sum(calls: Iterable[simulator.BilledCall]) -> Spent:
    each = [_spent(1, msgspec.structs.asdict(call.usage), call.nanos) for call in calls]
    return Spent(*(sum(column) for column in zip(*each, strict=True)))
