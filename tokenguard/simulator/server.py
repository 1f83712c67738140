"""The simulated providers behind one address."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b

import msgspec
from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from tokenguard.simulator import (
    anthropic,
    code_assist,
    gemini,
    markers,
    ollama,
    openai_responses,
    routing,
    sockets,
    subscriptions,
)
from tokenguard.simulator.bill import Account, Bill
from tokenguard.simulator.conversation import reply
from tokenguard.simulator.delivery import Job, deliver
from tokenguard.simulator.faults import PAGE
from tokenguard.simulator.markers import Directions, without_faults
from tokenguard.simulator.pricing import PRICES
from tokenguard.simulator.prompt_cache import PromptCache
from tokenguard.simulator.shape import Ask, Block, Dialect, Json, Rejected, Reply, Request, Seen
from tokenguard.simulator.subscriptions import USUAL, Windows
from tokenguard.simulator.values import block, encode

_MAX_BODY = 128 * 1024 * 1024
_LONGEST = {"claude": 128_000, "gpt": 128_000, "gemini": 65_536}
"""Output tokens: families of models, and the highest limit that any of them takes. A higher one is an error."""
_ADVICE = {
    429: {"retry-after": "1", "x-should-retry": "true"},
    503: {"retry-after": "1"},
    529: {"x-should-retry": "true"},
}
"""What stands in the headers of errors that pass."""
_CREDENTIALS = ("x-api-key", "authorization", "x-goog-api-key")


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
        self._settings = settings
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

    def application(self) -> web.Application:
        """The web application that answers for it."""
        app = web.Application(client_max_size=_MAX_BODY)
        app.on_response_prepare.append(self._tell_windows)
        app.router.add_get("/__sim/bill", self._get_bill)
        app.router.add_get("/__sim/requests", self._get_requests)
        app.router.add_post("/__sim/reset", self._post_reset)
        app.router.add_route("*", "/{tail:.*}", self._provider)
        return app

    async def _tell_windows(self, request: web.Request, response: web.StreamResponse) -> None:
        if response.status != 101:
            response.headers.update(subscriptions.headers(request.headers, self._settings.windows, _now()))

    async def _get_bill(self, request: web.Request) -> web.Response:
        # ?idle=5 waits so many seconds for running calls, whose charge is still open.
        try:
            await asyncio.wait_for(self.idle(), float(request.query.get("idle", "0")))
        except TimeoutError:
            pass
        return _json(encode(self.bill()))

    async def _get_requests(self, request: web.Request) -> web.Response:
        return _json(encode({"requests": self._seen}))

    async def _post_reset(self, request: web.Request) -> web.Response:
        self.reset()
        return _json(b"{}")

    async def _provider(self, request: web.Request) -> web.StreamResponse:
        seen = self.note(request.method, request.path)
        dialect = routing.spoken_at(request.path, request.headers)
        try:
            response = await self._answer(request, dialect, seen)
        except Rejected as no:
            key = self.new_key()
            response = _json(dialect.failure(no.status, no.message, key), no.status)
            response.headers.update(dialect.headers(key))
            response.headers.update(_ADVICE.get(no.status, {}))
        seen.status = response.status
        return response

    async def _answer(self, request: web.Request, dialect: Dialect, seen: Seen) -> web.StreamResponse:
        if not _authorized(request) and dialect is not ollama:
            raise Rejected(401, "invalid or missing credentials")
        if subscriptions.is_subscribed(request.headers) and self._settings.windows.full:
            raise Rejected(429, "This request would exceed your account's rate limit. Please try again later.")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            if request.method != "GET" or not request.path.endswith("/responses"):
                raise Rejected(426, "Responses are the only WebSocket here")
            seen.status = 101
            return await sockets.converse(request, self)
        if request.method == "GET" and request.path.endswith("/models"):
            return _json(_models(dialect))
        if (account := code_assist.account(request.path)) is not None:
            return _json(account)
        if request.method != "POST":
            raise Rejected(404, "Not Found")
        asked = Request(request.path, dict(request.query), _body(await request.read()))
        if routing.counting(request.path):
            return _json(dialect.count(asked))
        if routing.called(request.path) is None:
            raise Rejected(404, "Not Found")
        ask = self._continued(dialect.read(asked))
        seen.max_output, seen.model = ask.max_output, ask.model
        job = self.job(dialect, ask)
        seen.status = 200
        if job.directions.garbage:
            return web.Response(body=PAGE, content_type="text/html")
        return await deliver(request, job)

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
        settings, day = self._settings, datetime.now(UTC).date()
        answer = self._reply(ask, directions)
        return Job(dialect, answer, directions, self._account, day, settings.speed, settings.billing)

    def note(self, method: str, path: str) -> Seen:
        """Take note of a request."""
        seen = Seen(method, path)
        self._seen.append(seen)
        return seen

    def windows(self, asked: Mapping[str, str]) -> bytes | None:
        """What a turn over a WebSocket says first of a subscription, to a client with these headers."""
        return subscriptions.event(asked, self._settings.windows, _now())

    def new_key(self) -> str:
        """What the ids of an error derive from."""
        return f"{self._settings.seed}/{len(self._seen)}"

    def _reply(self, ask: Ask, directions: Directions) -> Reply:
        # Ids and text depend on the request, not on what else arrived before it.
        asked = b"".join(part.digest for part in ask.prompt)
        about = f"{self._settings.seed}/{ask.dialect}/{ask.model}/{ask.stream}/{ask.max_output}/{asked.hex()}"
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

    def _continued(self, ask: Ask) -> Ask:
        if ask.previous is None:
            return ask
        if ask.previous not in self._conversations:
            raise Rejected(400, f"Previous response with id '{ask.previous}' not found.")
        return replace(ask, prompt=self._conversations[ask.previous] + ask.prompt)


def _now() -> int:
    return int(datetime.now(UTC).timestamp())


def _authorized(request: web.Request) -> bool:
    return "key" in request.query or any(request.headers.get(name) for name in _CREDENTIALS)


def _body(data: bytes) -> Json:
    try:
        return msgspec.json.decode(data, type=dict[str, object])
    except msgspec.MsgspecError as error:
        raise Rejected(400, "the request body is not a JSON object") from error


def _refused(directions: Directions, *, stream: bool) -> Rejected | None:
    if directions.error is not None:
        return Rejected(directions.error, "Overloaded" if directions.error == 529 else "simulated error")
    if directions.midstream_error is not None and not stream:
        return Rejected(500, "Internal server error")
    return None


def _models(dialect: Dialect) -> bytes:
    if dialect is gemini:
        named = [{"name": f"models/{name}"} for name in PRICES if name.startswith("gemini")]
        return encode({"models": named})
    family = "claude" if dialect is anthropic else "gpt"
    listed = [{"id": name, "type": "model", "object": "model"} for name in PRICES if name.startswith(family)]
    return encode({"object": "list", "data": listed, "has_more": False})


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")
