"""Agents at work through a guard: conversations that grow, outputs of which a few are long, all at once."""

from __future__ import annotations

import asyncio
import json
import math
import time
from datetime import UTC, datetime
from random import Random

from msgspec import Struct

from tokenguard.simulator import Leg, Usage, anthropic, pricing
from tokenguard.simulator.prose import prose
from tokenguard.simulator.shape import Request

MODEL = "claude-haiku-4-5"
"""All guards and the simulator know its price and agree on it: 1 and 5 dollars a million tokens."""
LIMIT = 8_000
"""The output limit that the agents set."""
PATIENCE_S = 120.0
TRIES = 4
"""After a refusal, of an agent that goes on."""
RETRY_S = 0.5


class Call(Struct):
    """A call, as its agent saw it."""

    sent_s: float
    cost: int
    """What it takes if it is let through, in nanodollars, by the simulator's prices."""
    ended_s: float = 0.0
    let_through: bool = False
    """Whether the provider's answer, or a part of it, came."""
    error: str = ""
    """What came instead, if it was no refusal for want of budget."""


class Work(Struct, frozen=True):
    """What is asked."""

    streams: int
    calls: int
    """Of each agent, at most."""
    streaming: bool
    persists: bool
    """Whether agents go on after a refusal."""
    seed: int


class Conversation:
    """The messages of one agent."""

    def __init__(self, rng: Random, *, streaming: bool) -> None:
        self._rng = rng
        self._streaming = streaming
        self._system = prose(rng, rng.randint(1_500, 3_000))
        self._messages: list[dict[str, str]] = []
        self._output = 0

    def ask(self) -> tuple[bytes, int]:
        """The next request, and what it will cost."""
        rng = self._rng
        self._output = _heavy(rng, 220, 1.0) if rng.random() < 0.94 else _heavy(rng, 2_500, 0.6)
        said = prose(rng, _heavy(rng, 250, 1.2)) + f" [sim:output={self._output}]"
        self._messages.append({"role": "user", "content": said})
        body: dict[str, object] = {
            "model": MODEL,
            "max_tokens": LIMIT,
            "stream": self._streaming,
            "system": self._system,
            "messages": self._messages,
        }
        prompt = sum(block.tokens for block in anthropic.prompt(Request("", {}, body).body))
        leg = Leg(MODEL, Usage(input=prompt, output=min(self._output, LIMIT)))
        return json.dumps(body).encode(), pricing.nanos(leg, datetime.now(UTC).date())

    def answered(self) -> None:
        """The answer becomes part of what is sent."""
        self._messages.append({"role": "assistant", "content": prose(self._rng, min(self._output, LIMIT))})

    def refused(self) -> None:
        """The same will be asked anew."""
        self._messages.pop()


class Agents:
    """All of them. `calls` is what happened."""

    def __init__(self, work: Work, port: int, path: str, headers: dict[str, str]) -> None:
        self.calls: list[Call] = []
        self._work = work
        self._port = port
        self._path = path
        self._headers = headers

    async def run(self) -> None:
        """Until all have stopped."""
        async with asyncio.TaskGroup() as group:
            for index in range(self._work.streams):
                group.create_task(self._agent(index))

    @property
    def taken(self) -> int:
        """The cost of the calls that were let through and have ended."""
        return sum(call.cost for call in self.calls if call.let_through)

    async def _agent(self, index: int) -> None:
        rng = Random(f"{self._work.seed}/{index}")
        conversation, refusals = Conversation(rng, streaming=self._work.streaming), 0
        for _ in range(self._work.calls):
            body, cost = conversation.ask()
            call = Call(time.perf_counter(), cost)
            self.calls.append(call)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    status, answer = await self._ask(body)
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                status, answer = 0, repr(error).encode()
            call.ended_s = time.perf_counter()
            call.let_through = status == 200
            if status == 200:
                conversation.answered()
                continue
            if b"udget" not in answer:
                call.error = f"{status}: {answer[:200]!r}"
            conversation.refused()
            refusals += 1
            if not self._work.persists or refusals > TRIES:
                return
            await asyncio.sleep(RETRY_S * (1 + rng.random()))

    async def _ask(self, body: bytes) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
        try:
            head = f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            head += "anthropic-version: 2023-06-01\r\nConnection: close\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in self._headers.items())
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = await reader.read()
            return int(answer[9:12] or b"0"), answer
        finally:
            writer.transport.abort()


def false_blocks(calls: list[Call], limit: int) -> int:
    """Refused calls that would have fitted: beside everything that was sent before and let through."""
    found = 0
    for call in calls:
        if call.let_through or call.error or not call.ended_s:
            continue
        taken = sum(other.cost for other in calls if other.let_through and other.sent_s < call.ended_s)
        found += taken + call.cost <= limit
    return found


def worth_of(work: Work, calls: int) -> int:
    """What so many calls of such agents cost together, in nanodollars, taken in turns."""
    conversations = [Conversation(Random(f"{work.seed}/{index}"), streaming=False) for index in range(work.streams)]
    total = 0
    for number in range(calls):
        conversation = conversations[number % work.streams]
        total += conversation.ask()[1]
        conversation.answered()
    return total


def _heavy(rng: Random, median: float, spread: float) -> int:
    return max(1, int(rng.lognormvariate(math.log(median), spread)))
