"""Clients that call through a daemon which is killed again and again, and wait for the next one."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any

PATIENCE_S = 30.0
RETRY_S = 0.005
"""After which a client whose daemon is not there tries again."""

WORDS = "the table of sessions keeps every row that a caller asked for while it was reading "


class Load:
    """Some clients, each with one call at a time. `gate` is open while they may begin one."""

    def __init__(self, seed: int, port: int, token: str, clients: int) -> None:
        self.gate = asyncio.Event()
        self.calls = 0
        self.answered: set[str] = set()
        """Ids of the responses that came whole."""
        self.refused = 0
        self._seed = seed
        self._port = port
        self._token = token
        self._clients = clients
        self._over = False

    async def run(self) -> None:
        """Until `finish`."""
        async with asyncio.TaskGroup() as group:
            for client in range(self._clients):
                group.create_task(self._client(Random(f"{self._seed}/{client}"), client))

    def finish(self) -> None:
        """No further calls."""
        self._over = True
        self.gate.set()

    async def _client(self, rng: Random, client: int) -> None:
        number = 0
        while True:
            await self.gate.wait()
            if self._over:
                return
            number += 1
            target, body = _request(rng, f"client {client} call {number}")
            try:
                async with asyncio.timeout(PATIENCE_S):
                    answer = await self._ask(target, body)
            except (ConnectionError, TimeoutError):
                answer = b""
            self._note(answer)
            if not answer:
                await asyncio.sleep(RETRY_S)

    async def _ask(self, target: str, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            head = f"POST /s/{self._token}/{target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            head += f"x-api-key: k\r\nauthorization: k\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
            self.calls += 1
            writer.write(head.encode() + body)
            return await reader.read()
        finally:
            writer.transport.abort()

    def _note(self, answer: bytes) -> None:
        if answer.startswith(b"HTTP/1.1 400"):
            self.refused += 1
        whole = b"message_stop" in answer or b'"stop_reason":"' in answer
        if answer.startswith(b"HTTP/1.1 200") and whole and (start := answer.find(b'"id":"msg_')) >= 0:
            self.answered.add(answer[start + 6 : answer.index(b'"', start + 6)].decode())


def _request(rng: Random, text: str) -> tuple[str, bytes]:
    output = rng.choice((5, 40, 300))
    said = f"{text} [sim:output={output}] " + WORDS * rng.choice((1, 20, 200))
    if rng.random() < 0.5:
        said += f"[sim:slow={rng.choice((1, 5))}ms]"
    model = rng.choice(("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"))
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": 1_000,
        "stream": rng.random() < 0.7,
        "messages": [{"role": "user", "content": said}],
    }
    return "anthropic/v1/messages", json.dumps(body).encode()
