"""A scripted agent, run as a program: one call per prompt, over whatever base URLs its environment names.

    python agent.py DIALECT[:stream] PROMPT...

Prints the status of each answer, and its size, or its body if it is an error or `AGENT_SHOWS` is set. `PAUSE` as a
prompt waits for a line on standard input.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from urllib.parse import urlsplit

KEY = os.environ.get("AGENT_KEY", "sk-dummy")

VARIABLES = {
    "anthropic": "ANTHROPIC_BASE_URL",
    "responses": "OPENAI_BASE_URL",
    "chat": "OPENAI_BASE_URL",
    "gemini": "GOOGLE_GEMINI_BASE_URL",
}
PATHS = {
    "anthropic": "/v1/messages",
    "responses": "/responses",
    "chat": "/chat/completions",
    "gemini": "/v1beta/models/gemini-2.5-pro:generateContent",
}
HEADERS = {
    "anthropic": {"x-api-key": KEY, "anthropic-version": "2023-06-01"},
    "responses": {"authorization": f"Bearer {KEY}"},
    "chat": {"authorization": f"Bearer {KEY}"},
    "gemini": {"x-goog-api-key": KEY},
}


def body(dialect: str, prompt: str, stream: bool) -> dict[str, object]:
    messages = [{"role": "user", "content": prompt}]
    match dialect:
        case "anthropic":
            return {"model": "claude-opus-5-5", "max_tokens": 8_000, "stream": stream, "messages": messages}
        case "responses":
            return {"model": "gpt-6.1-sol", "stream": stream, "input": prompt}
        case "chat":
            return {"model": "gpt-6.1-sol", "stream": stream, "messages": messages}
        case _:
            return {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}


def main() -> int:
    dialect, _, mode = sys.argv[1].partition(":")
    stream = mode == "stream"
    base = urlsplit(os.environ[VARIABLES[dialect]])
    path = PATHS[dialect]
    if stream:
        path = path.replace("generateContent", "streamGenerateContent?alt=sse")
    connection = http.client.HTTPConnection(base.hostname or "", base.port, timeout=60)
    worst = 0
    for prompt in sys.argv[2:]:
        if prompt == "PAUSE":
            print("paused", flush=True)
            sys.stdin.readline()
            continue
        payload = json.dumps(body(dialect, prompt, stream))
        headers = {"content-type": "application/json", **HEADERS[dialect]}
        try:
            try:
                connection.request("POST", base.path + path, payload, headers)
                answer = connection.getresponse()
            except ConnectionError:
                # As every client library does where a connection that was kept alive turns out to be dead.
                connection.close()
                connection.request("POST", base.path + path, payload, headers)
                answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            shown = answer.status >= 400 or "AGENT_SHOWS" in os.environ
            print(answer.status, text if shown else f"{len(text)} bytes", flush=True)
            worst = max(worst, int(answer.status >= 400))
        except (OSError, http.client.HTTPException) as error:
            print("broken", type(error).__name__, flush=True)
            connection.close()
            worst = 1
    return worst


if __name__ == "__main__":
    sys.exit(main())
