"""The simulated providers: what they remember, and what they do with what they are asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.simulator import markers, openai_responses, subscriptions
from tokenguard.simulator.bill import Account, Bill
from tokenguard.simulator.conversation import reply
from tokenguard.simulator.delivery import Job
from tokenguard.simulator.markers import Directions, without_faults
from tokenguard.simulator.prompt_cache import PromptCache
from tokenguard.simulator.shape import Ask, Block, Dialect, Rejected, Reply, Seen
from tokenguard.simulator.subscriptions import USUAL, Windows
from tokenguard.simulator.values import block

_LONGEST = {"claude": 128_000, "gpt": 128_000, "gemini": 65_536}
"""Output tokens: families of models, and the highest limit that any of them takes. A higher one is an error."""


class Settings(Struct, frozen=True):
    """How the simulator behaves."""

    seed: int = 1
    speed: float = 0.0
    """Output tokens per second; 0: as fast as possible."""
    billing: str | None = None
    """What is billed when a client leaves a stream: `stop`, what was generated until then; `to-end`, all; None: as
    the provider in question does."""
    windows: Windows = USUAL
    """What is used up of the subscription whose login a request carries."""


class Simulator:
    """A running simulator; `running` and `spawn` make one."""

    def __init__(self, settings: Settings) -> None:
        self.port = 0
        self.settings = settings
        self._cache = PromptCache()
        self.reset()

    @property
    def url(self) -> str:
        """Base URL of every provider."""
        return f"http://127.0.0.1:{self.port}"

    def bill(self) -> Bill:
        """What the providers charge, so far."""
        return self._account.bill()

    def requests(self) -> tuple[Seen, ...]:
        """Every request that arrived, oldest first."""
        return tuple(self._seen)

    async def idle(self) -> None:
        """Wait until no call is running: only then the bill is complete."""
        await self._account.idle()

    def reset(self) -> None:
        """Forget all: bill, requests, caches and conversations."""
        self._account = Account()
        self._seen: list[Seen] = []
        self._repeats: Counter[str] = Counter()
        self._failed: Counter[tuple[str, str, int]] = Counter()
        self._conversations: dict[str, tuple[Block, ...]] = {}
        self._cache.forget()

    def job(self, dialect: Dialect, ask: Ask) -> Job:
        """Do what is asked. Raises `Rejected`."""
        if not ask.model:
            raise Rejected(400, "model: Field required")
        longest = next((most for family, most in _LONGEST.items() if family in ask.model), None)
        if longest is not None and (ask.max_output or 0) > longest:
            raise Rejected(400, f"an output limit of {ask.max_output} is above the {longest} that {ask.model} allows")
        directions = self._directions(ask)
        if error := _refused(directions, stream=ask.stream):
            raise error
        settings, day = self.settings, datetime.now(UTC).date()
        answer = self._reply(ask, directions)
        return Job(dialect, answer, directions, self._account, day, settings.speed, settings.billing)

    def note(self, method: str, path: str) -> Seen:
        """Take note of a request."""
        seen = Seen(method, path)
        self._seen.append(seen)
        return seen

    def windows(self, asked: Mapping[str, str]) -> bytes | None:
        """What a turn over a WebSocket says first of a subscription, to a client with these headers."""
        return subscriptions.event(asked, self.settings.windows, now())

    def new_key(self) -> str:
        """What the ids of an error derive from."""
        return f"{self.settings.seed}/{len(self._seen)}"

    def _reply(self, ask: Ask, directions: Directions) -> Reply:
        # Ids and text depend on the request, not on what else arrived before it.
        asked = b"".join(part.digest for part in ask.prompt)
        about = f"{self.settings.seed}/{ask.dialect}/{ask.model}/{ask.stream}/{ask.max_output}/{asked.hex()}"
        digest = blake2b(about.encode(), digest_size=16).hexdigest()
        self._repeats[digest] += 1
        answer = reply(ask, directions, f"{digest}/{self._repeats[digest]}", self._cache)
        if ask.stored:
            said = block([answer.answer.text, *(call.arguments for call in answer.answer.calls)])
            self._conversations[openai_responses.identity(answer.key)] = (*ask.prompt, said)
        return answer

    def _directions(self, ask: Ask) -> Directions:
        """Those of the prompt; without its faults, where enough of such requests have met them."""
        directions = markers.read(ask.said)
        if directions.fails is None:
            return directions
        # Some agents ask for the rest of an answer in other words, but they repeat the prompt.
        same = (ask.model, markers.all_of(ask.said), ask.rounds)
        self._failed[same] += 1
        return directions if self._failed[same] <= directions.fails else without_faults(directions)

    def continued(self, ask: Ask) -> Ask:
        """With the prompt of the response that it goes on from. Raises `Rejected`."""
        if ask.previous is None:
            return ask
        if ask.previous not in self._conversations:
            raise Rejected(400, f"Previous response with id '{ask.previous}' not found.")
        return replace(ask, prompt=self._conversations[ask.previous] + ask.prompt)


def now() -> int:
    """Seconds since the epoch."""
    return int(datetime.now(UTC).timestamp())


def _refused(directions: Directions, *, stream: bool) -> Rejected | None:
    if directions.error is not None:
        return Rejected(directions.error, "Overloaded" if directions.error == 529 else "simulated error")
    if directions.midstream_error is not None and not stream:
        return Rejected(500, "Internal server error")
    return None
