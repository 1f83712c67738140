"""A tool that puts the same questions to models everywhere, in the protocols that no other agent of the demo speaks.

Its prompts are the names of `WAYS`. Each is asked twice, first for a stream, then for a document. Whose models they are
is told by the path below the session's address: `/vertex/...` leads to `[providers.vertex]`.

It is run as a file and uses nothing but the standard library, as `scripted_agent.py` does.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BufferedReader
from typing import Any, NamedTuple
from urllib.parse import urlsplit

SYSTEM = "You compare models. " + "Answer in two sentences, and say what you are not sure of. " * 100
QUESTIONS = ("Which sort is stable? [sim:thinking=30]", "And which of them needs no memory?")
ANSWER = "Merge sort and insertion sort are."

Body = dict[str, Any]
Turns = list[tuple[str, str]]
"""(who, what)"""


class Way(NamedTuple):
    """A protocol: where it is spoken, and in which words."""

    provider: str
    path: str
    """Of a document."""
    stream_path: str
    body: Callable[[Turns, bool], Body]


class Refused(Exception):
    """The provider said no."""


def chat(turns: Turns, stream: bool) -> Body:
    return {"model": "gpt-5.5", "messages": [*_system(), *_messages(turns)], "stream": stream}


def responses(turns: Turns, stream: bool) -> Body:
    said = [{"type": "message", **message} for message in _messages(turns)]
    return {"model": "gpt-6.1-terra", "instructions": SYSTEM, "input": said, "store": False, "stream": stream}


def code_assist(turns: Turns, stream: bool) -> Body:
    contents = [{"role": who.replace("assistant", "model"), "parts": [{"text": what}]} for who, what in turns]
    inner = {"contents": contents, "systemInstruction": {"parts": [{"text": SYSTEM}]}}
    return {"model": "gemini-3.5-flash", "project": "demo", "user_prompt_id": "demo", "request": inner}


def vertex(turns: Turns, stream: bool) -> Body:
    return {"anthropic_version": "vertex-2023-10-16", **_claude(turns), "stream": stream}


def invoke(turns: Turns, stream: bool) -> Body:
    return {"anthropic_version": "bedrock-2023-05-31", **_claude(turns)}


def converse(turns: Turns, stream: bool) -> Body:
    messages = [{"role": who, "content": [{"text": what}]} for who, what in turns]
    system = [{"text": SYSTEM}, {"cachePoint": {"type": "default"}}]
    return {"system": system, "messages": messages, "inferenceConfig": {"maxTokens": 2_000}}


def ollama(turns: Turns, stream: bool) -> Body:
    return {"model": "qwen3-coder:30b", "messages": [*_system(), *_messages(turns)], "stream": stream}


_VERTEX = "/v1/projects/demo/locations/global/publishers/anthropic/models/claude-sonnet-5-5"
_INVOKE = "/model/us.anthropic.claude-haiku-5-5/invoke"
_CONVERSE = "/model/us.anthropic.claude-opus-5/converse"

WAYS = {
    "OpenAI Responses": Way("openai", "/v1/responses", "/v1/responses", responses),
    "OpenAI Responses over WebSocket": Way("openai", "/v1/responses", "/v1/responses", responses),
    "OpenAI Chat Completions": Way("openai", "/v1/chat/completions", "/v1/chat/completions", chat),
    "Gemini Code Assist": Way(
        "google", "/v1internal:generateContent", "/v1internal:streamGenerateContent?alt=sse", code_assist
    ),
    "Claude at Vertex AI": Way("vertex", f"{_VERTEX}:rawPredict", f"{_VERTEX}:streamRawPredict", vertex),
    "Claude at Bedrock": Way("bedrock", _INVOKE, f"{_INVOKE}-with-response-stream", invoke),
    "Bedrock Converse": Way("bedrock", _CONVERSE, f"{_CONVERSE}-stream", converse),
    "Ollama on this machine": Way("ollama", "/api/chat", "/api/chat", ollama),
}


def main() -> int:
    """Ask in the ways whose names are on standard input, one a line; 1 if a provider refused."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two questions")
    pause = parser.parse_args().pause
    # `run` gives the addresses of the usual providers; those of one's own are beside them.
    session = urlsplit(os.environ["OPENAI_BASE_URL"].removesuffix("/openai/v1"))
    for line in sys.stdin:
        name = line.strip()
        print(f"> {name}", flush=True)
        way = WAYS[name]
        talk = _by_socket if name.endswith("WebSocket") else _by_requests
        with closing(http.client.HTTPConnection(session.netloc, timeout=300)) as connection:
            try:
                for _ in talk(connection, f"{session.path}/{way.provider}", way):
                    time.sleep(pause)
            except Refused as refusal:
                print(refusal, flush=True)
                return 1
    return 0


def _by_requests(connection: http.client.HTTPConnection, base: str, way: Way) -> Iterator[None]:
    """The first question for a stream, the second for a document."""
    first, second = QUESTIONS
    for turns, stream in (
        ([("user", first)], True),
        ([("user", first), ("assistant", ANSWER), ("user", second)], False),
    ):
        path = base + (way.stream_path if stream else way.path)
        headers = {"Content-Type": "application/json"} | _key(way)
        connection.request("POST", path, json.dumps(way.body(turns, stream)), headers)
        response = connection.getresponse()
        told = response.read()
        if response.status != 200:
            raise Refused(f"{response.status} {told.decode()}")
        yield


def _by_socket(connection: http.client.HTTPConnection, base: str, way: Way) -> Iterator[None]:
    """Both questions over one WebSocket; the second one sends nothing of the first again."""
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers["Sec-WebSocket-Key"] = base64.b64encode(os.urandom(16)).decode()
    connection.request("GET", base + way.path, headers=headers | _key(way))
    response = connection.getresponse()
    if response.status != 101:
        raise Refused(f"{response.status} {response.read().decode()}")
    previous: dict[str, str] = {}
    for question in QUESTIONS:
        turn = {"type": "response.create", **way.body([("user", question)], True), **previous}
        payload = json.dumps(turn).encode()
        # Clients have to mask what they send; a mask of zeros leaves it as it is.
        connection.sock.sendall(struct.pack(">BBQI", 0x81, 0x80 | 127, len(payload), 0) + payload)
        while (event := _message(response.fp))["type"] != "response.completed":
            if event["type"] in ("error", "response.failed"):
                raise Refused(json.dumps(event))
        previous = {"previous_response_id": event["response"]["id"]}
        yield


def _message(socket: BufferedReader) -> Any:
    """The next message of a WebSocket whose other side sends whole ones, as text."""
    length = socket.read(2)[1]
    if length > 125:
        length = int.from_bytes(socket.read(2 if length == 126 else 8), "big")
    return json.loads(socket.read(length))


def _key(way: Way) -> dict[str, str]:
    """Ollama asks for none."""
    return {} if way.provider == "ollama" else {"Authorization": "Bearer demo"}


def _system() -> list[dict[str, str]]:
    return [{"role": "system", "content": SYSTEM}]


def _messages(turns: Turns) -> list[dict[str, str]]:
    return [{"role": who, "content": what} for who, what in turns]


def _claude(turns: Turns) -> Body:
    system = [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}]
    return {"max_tokens": 2_000, "system": system, "messages": _messages(turns)}


if __name__ == "__main__":
    sys.exit(main())
