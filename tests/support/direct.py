"""A program that knows no base URL, only proxies and authorities by its environment: one call per prompt.

    python direct.py LIBRARY DIALECT[:stream] PROMPT...

Prints the status of each answer, and its size, or its body if it is an error. `PAUSE` as a prompt waits for a line on
standard input, `LEAVE` in a prompt leaves after the first bytes of the answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.support.agent import HEADERS, body

URLS = {
    "anthropic": "https://api.anthropic.com/v1/messages",
    "responses": "https://api.openai.com/v1/responses",
    "chat": "https://api.openai.com/v1/chat/completions",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent",
    "converse": "https://bedrock-runtime.eu-west-1.amazonaws.com/model/us.anthropic.claude-opus-5/converse",
}


class Question(NamedTuple):
    url: str
    headers: dict[str, str]
    body: bytes
    leaves: bool


def question(dialect: str, prompt: str, stream: bool) -> Question:
    if dialect == "converse":
        asked: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": prompt}]}]}
        signed = "AWS4-HMAC-SHA256 Credential=AKIA0/20261121/eu-west-1/bedrock/aws4_request, Signature=0"
        headers = {"authorization": signed}
    else:
        asked, headers = body(dialect, prompt, stream), HEADERS[dialect]
    url = URLS[dialect]
    if stream and dialect == "gemini":
        url = url.replace("generateContent", "streamGenerateContent?alt=sse")
    headers = {"content-type": "application/json", **headers}
    return Question(url, headers, json.dumps(asked).encode(), "LEAVE" in prompt)


def by_urllib(asked: Question) -> tuple[int, bytes]:
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    try:
        with urlopen(Request(asked.url, asked.body, asked.headers), timeout=60) as answer:
            return answer.status, answer.read1(100) if asked.leaves else answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


def by_httpx(asked: Question) -> tuple[int, bytes]:
    import httpx2

    with httpx2.Client(timeout=60) as client:
        with client.stream("POST", asked.url, headers=asked.headers, content=asked.body) as answer:
            if asked.leaves:
                return answer.status_code, next(answer.iter_bytes())
            return answer.status_code, answer.read()


def by_aiohttp(asked: Question) -> tuple[int, bytes]:
    import aiohttp

    async def call() -> tuple[int, bytes]:
        async with aiohttp.ClientSession(trust_env=True) as session:
            async with session.post(asked.url, headers=asked.headers, data=asked.body) as answer:
                return answer.status, await (answer.content.readany() if asked.leaves else answer.read())

    return asyncio.run(call())


LIBRARIES: dict[str, Callable[[Question], tuple[int, bytes]]] = {
    "urllib": by_urllib,
    "httpx": by_httpx,
    "aiohttp": by_aiohttp,
}


def main() -> int:
    ask = LIBRARIES[sys.argv[1]]
    dialect, _, mode = sys.argv[2].partition(":")
    worst = 0
    for prompt in sys.argv[3:]:
        if prompt == "PAUSE":
            print("paused", flush=True)
            sys.stdin.readline()
            continue
        status, said = ask(question(dialect, prompt, mode == "stream"))
        print(status, said.decode("utf-8", "replace") if status >= 400 else f"{len(said)} bytes", flush=True)
        worst = max(worst, int(status >= 400))
    return worst


if __name__ == "__main__":
    sys.exit(main())
