"""A client that knows nothing of the simulator's code, and an event-stream parser as client libraries have one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from struct import unpack
from typing import Any
from zlib import crc32

import aiohttp
from multidict import CIMultiDictProxy

VERTEX = "/v1/projects/p/locations/global/publishers/anthropic/models/claude-sonnet-5-5"
PATHS = {
    "anthropic-messages": "/v1/messages",
    "openai-responses": "/v1/responses",
    "openai-chat": "/v1/chat/completions",
    "gemini": "/v1beta/models/gemini-2.5-pro:generateContent",
    "code-assist": "/v1internal:generateContent",
    "vertex-anthropic": f"{VERTEX}:rawPredict",
    "bedrock-converse": "/model/amazon.nova-pro-v1%3A0/converse",
    "bedrock-invoke": "/model/us.anthropic.claude-sonnet-5-5/invoke",
    "ollama": "/api/chat",
}
"""For answers that are one document."""
GEMINI_STREAM = "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
STREAM_PATHS = PATHS | {
    "gemini": GEMINI_STREAM,
    "code-assist": "/v1internal:streamGenerateContent?alt=sse",
    "vertex-anthropic": f"{VERTEX}:streamRawPredict",
    "bedrock-converse": PATHS["bedrock-converse"] + "-stream",
    "bedrock-invoke": PATHS["bedrock-invoke"] + "-with-response-stream",
}
RUNS_ON = ("gemini", "code-assist", "vertex-anthropic", "bedrock-converse", "bedrock-invoke", "ollama")
"""Whose streams are billed to the end when the client leaves."""


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
        """The body as a stream: (name, data) of each event, frame or line; lines have no name."""
        kind = self.headers["Content-Type"].partition(";")[0]
        if kind == "application/vnd.amazon.eventstream":
            return [(frame.kind, json.loads(frame.payload)) for frame in parse_frames(self.body)]
        if kind == "application/x-ndjson":
            return [("", json.loads(line)) for line in self.body.splitlines()]
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
    path = (STREAM_PATHS if stream else PATHS)[dialect]
    messages = [{"role": "user", "content": words}]
    contents = [{"role": "user", "parts": [{"text": words}]}]
    streams: dict[str, Any] = {"stream": True} if stream else {}
    match dialect:
        case "gemini":
            return path, {"contents": contents, **more}
        case "code-assist":
            inner = {"contents": contents, **more}
            return path, {"model": "gemini-2.5-pro", "project": "p", "user_prompt_id": "u", "request": inner}
        case "vertex-anthropic":
            body = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 32_000, "messages": messages}
        case "bedrock-invoke":
            body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 32_000, "messages": messages}
            return path, {**body, **more}
        case "bedrock-converse":
            return path, {"messages": [{"role": "user", "content": [{"text": words}]}], **more}
        case "ollama":
            return path, {"model": "qwen3-coder:30b", "messages": messages, "stream": stream, **more}
        case "anthropic-messages":
            body = {"model": "claude-sonnet-5-5", "max_tokens": 32_000, "messages": messages}
        case "openai-responses":
            body = {"model": "gpt-6.1-sol", "input": words}
        case _:
            body = {"model": "gpt-5.5", "messages": messages}
            streams |= {"stream_options": {"include_usage": True}} if stream else {}
    return path, {**body, **streams, **more}


@dataclass(frozen=True)
class Frame:
    """One message of an AWS event stream."""

    headers: dict[str, str]
    payload: bytes
    size: int

    @property
    def kind(self) -> str:
        """The type of the event, or of the exception."""
        return self.headers.get(":event-type") or self.headers[":exception-type"]


def parse_frames(body: bytes) -> list[Frame]:
    """The messages of an AWS event stream, by its specification; an incomplete one at the end is left out."""
    found: list[Frame] = []
    while len(body) >= 12:
        size, header_size, checksum = unpack(">III", body[:12])
        if len(body) < size:
            break
        assert crc32(body[:8]) == checksum, "prelude"
        assert crc32(body[: size - 4]) == unpack(">I", body[size - 4 : size])[0], "message"
        headers, rest = dict[str, str](), body[12 : 12 + header_size]
        while rest:
            name, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
            kind, length = unpack(">BH", rest[:3])
            assert kind == 7, "only strings are used"
            headers[name.decode()], rest = rest[3 : 3 + length].decode(), rest[3 + length :]
        found.append(Frame(headers, body[12 + header_size : size - 4], size))
        body = body[size:]
    return found


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
