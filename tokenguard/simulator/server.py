"""The simulated providers behind one address: their paths, credentials and errors."""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import web

from tokenguard.simulator import anthropic, code_assist, gemini, ollama, routing, sockets, subscriptions
from tokenguard.simulator.delivery import deliver
from tokenguard.simulator.faults import PAGE
from tokenguard.simulator.pricing import PRICES
from tokenguard.simulator.providers import Simulator, now
from tokenguard.simulator.shape import Dialect, Json, Rejected, Request, Seen
from tokenguard.simulator.values import encode

_MAX_BODY = 128 * 1024 * 1024
_ADVICE = {
    429: {"retry-after": "1", "x-should-retry": "true"},
    503: {"retry-after": "1"},
    529: {"x-should-retry": "true"},
}
"""What stands in the headers of errors that pass."""
_CREDENTIALS = ("x-api-key", "authorization", "x-goog-api-key")


def application(simulator: Simulator) -> web.Application:
    """The web application that answers for them."""
    handlers = _Handlers(simulator)
    app = web.Application(client_max_size=_MAX_BODY)
    app.on_response_prepare.append(handlers.tell_windows)
    app.router.add_get("/__sim/bill", handlers.get_bill)
    app.router.add_get("/__sim/requests", handlers.get_requests)
    app.router.add_post("/__sim/reset", handlers.post_reset)
    app.router.add_route("*", "/{tail:.*}", handlers.provider)
    return app


class _Handlers:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def tell_windows(self, request: web.Request, response: web.StreamResponse) -> None:
        if response.status != 101:
            response.headers.update(subscriptions.headers(request.headers, self._simulator.settings.windows, now()))

    async def get_bill(self, request: web.Request) -> web.Response:
        # ?idle=5 waits so many seconds for running calls, whose charge is still open.
        try:
            await asyncio.wait_for(self._simulator.idle(), float(request.query.get("idle", "0")))
        except TimeoutError:
            pass
        return _json(encode(self._simulator.bill()))

    async def get_requests(self, request: web.Request) -> web.Response:
        return _json(encode({"requests": self._simulator.requests()}))

    async def post_reset(self, request: web.Request) -> web.Response:
        self._simulator.reset()
        return _json(b"{}")

    async def provider(self, request: web.Request) -> web.StreamResponse:
        seen = self._simulator.note(request.method, request.path)
        dialect = routing.spoken_at(request.path, request.headers)
        try:
            response = await self._answer(request, dialect, seen)
        except Rejected as no:
            key = self._simulator.new_key()
            response = _json(dialect.failure(no.status, no.message, key), no.status)
            response.headers.update(dialect.headers(key))
            response.headers.update(_ADVICE.get(no.status, {}))
        seen.status = response.status
        return response

    async def _answer(self, request: web.Request, dialect: Dialect, seen: Seen) -> web.StreamResponse:
        if not _authorized(request) and dialect is not ollama:
            raise Rejected(401, "invalid or missing credentials")
        if subscriptions.is_subscribed(request.headers) and self._simulator.settings.windows.full:
            raise Rejected(429, "This request would exceed your account's rate limit. Please try again later.")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            if request.method != "GET" or not request.path.endswith("/responses"):
                raise Rejected(426, "Responses are the only WebSocket here")
            seen.status = 101
            return await sockets.converse(request, self._simulator)
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
        ask = self._simulator.continued(dialect.read(asked))
        seen.max_output, seen.model = ask.max_output, ask.model
        job = self._simulator.job(dialect, ask)
        seen.status = 200
        if job.directions.garbage:
            return web.Response(body=PAGE, content_type="text/html")
        return await deliver(request, job)


def _authorized(request: web.Request) -> bool:
    return "key" in request.query or any(request.headers.get(name) for name in _CREDENTIALS)


def _body(data: bytes) -> Json:
    try:
        return msgspec.json.decode(data, type=dict[str, object])
    except msgspec.MsgspecError as error:
        raise Rejected(400, "the request body is not a JSON object") from error


def _models(dialect: Dialect) -> bytes:
    if dialect is gemini:
        named = [{"name": f"models/{name}"} for name in PRICES if name.startswith("gemini")]
        return encode({"models": named})
    family = "claude" if dialect is anthropic else "gpt"
    listed = [{"id": name, "type": "model", "object": "model"} for name in PRICES if name.startswith(family)]
    return encode({"object": "list", "data": listed, "has_more": False})


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")
