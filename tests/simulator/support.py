"""A client that knows nothing of the simulator's code, and an event-stream parser as client libraries have one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy

PATHS = {
    "anthropic-messages": "/v1/messages",
    "openai-responses": "/v1/responses",
    "openai-chat": "/v1/chat/completions",
    "gemini": "/v1beta/models/gemini-2.5-pro:generateContent",
}
GEMINI_STREAM = "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def events(self) -> list[tuple[str, Any]]:
        """The body as an event stream."""
        return parse_events(self.body)


class Client:
    """Posts JSON to a simulator."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def post(self, path: str, body: object, headers: dict[str, str] | None = None) -> Answer:
        """Send a request with a key, and read the whole answer."""
        sent = {"Authorization": "Bearer key"} if headers is None else headers
        async with self.session.post(self.url + path, json=body, headers=sent) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        """Ask with a key."""
        sent = {"Authorization": "Bearer key"} if headers is None else headers
        async with self.session.get(self.url + path, headers=sent) as response:
            return Answer(response.status, response.headers, await response.read())

    async def say(self, dialect: str, words: str, *, stream: bool = False, **more: object) -> Answer:
        """One plain prompt in any dialect."""
        return await self.post(*request(dialect, words, stream=stream, **more))


def request(dialect: str, words: str, *, stream: bool = False, **more: object) -> tuple[str, dict[str, Any]]:
    """Path and body of a plain prompt; `more` goes into the body."""
    body: dict[str, Any]
    if dialect == "gemini":
        path = GEMINI_STREAM if stream else PATHS[dialect]
        return path, {"contents": [{"role": "user", "parts": [{"text": words}]}], **more}
    if dialect == "anthropic-messages":
        body = {"model": "claude-sonnet-5-5", "max_tokens": 32_000, "messages": [{"role": "user", "content": words}]}
    elif dialect == "openai-responses":
        body = {"model": "gpt-6.1-sol", "input": words}
    else:
        body = {"model": "gpt-5.5", "messages": [{"role": "user", "content": words}]}
        if stream:
            body["stream_options"] = {"include_usage": True}
    return PATHS[dialect], {**body, **({"stream": True} if stream else {}), **more}


def parse_events(body: bytes) -> list[tuple[str, Any]]:
    """(event, data) pairs by the rules of server-sent events; data is JSON, or the text `[DONE]`."""
    found: list[tuple[str, Any]] = []
    name, data = "", list[str]()
    for line in body.decode().replace("\r\n", "\n").split("\n"):
        if line == "":
            if data:
                text = "\n".join(data)
                found.append((name, text if text == "[DONE]" else json.loads(text)))
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
    return found
