"""A coding agent that follows a script: it stands in for Claude Code, Codex or Gemini CLI in the demo.

It is pointed at its provider in the same way as the real one, speaks the same protocol with a growing context, tool
loops and hidden calls to small models, and shows a refusal in the same words. It is run as a file and uses nothing but
the standard library: it knows as little of tokenguard as the agents that it stands in for.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, Protocol
from urllib.parse import urlsplit

SYSTEM = "You are a coding agent. " + "Read before you write, keep changes small, and run the tests. " * 2_000
COMMAND = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
TITLE = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}

_FIELDS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}
"""Of Anthropic's deltas: the field that they add to."""


class Refused(Exception):
    """The provider said no; the message is what its client library makes of the answer."""


class Provider:
    """A provider's address, over one connection that stays open."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=300)
        self._base = parts.path
        self._headers = {"Content-Type": "application/json", "User-Agent": "scripted-agent/1", **headers}

    def post(self, path: str, body: object) -> http.client.HTTPResponse:
        """The response to a request. Raises `Refused` for anything but a 200."""
        self._connection.request("POST", self._base + path, json.dumps(body), self._headers)
        response = self._connection.getresponse()
        if response.status != 200:
            raise Refused(response.status, response.read().decode())
        return response

    def ask(self, path: str, body: object) -> Any:
        """The JSON of a response that is one document."""
        return json.loads(self.post(path, body).read())

    def stream(self, path: str, body: object) -> Iterator[Any]:
        """The data of each event of a streamed response."""
        for line in self.post(path, body):
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


class Agent(Protocol):
    """A conversation in the protocol of one agent."""

    def say(self, prompt: str) -> None:
        """Begin a turn with what a person asks."""
        ...

    def step(self) -> str | None:
        """One call of the main model; the command that it wants to run, None when it has answered."""
        ...

    def result(self, output: str) -> None:
        """Tell what the command printed."""
        ...

    def shown(self, status: int, body: str) -> str:
        """How this agent shows that the provider refused a call."""
        ...


class Claude:
    """Claude Code: Anthropic Messages."""

    def __init__(self, arguments: list[str]) -> None:
        with open(arguments[arguments.index("--settings") + 1], encoding="utf-8") as file:
            url = json.load(file)["env"]["ANTHROPIC_BASE_URL"]
        self._provider = Provider(url, {"x-api-key": "demo", "anthropic-version": "2023-06-01"})
        self._messages: list[dict[str, Any]] = []
        self._call = ""

    def say(self, prompt: str) -> None:
        if not self._messages:
            self._name(prompt)
        self._messages.append({"role": "user", "content": [{"type": "text", "text": prompt}]})

    def step(self) -> str | None:
        content: list[dict[str, Any]] = []
        event: dict[str, Any]
        for event in self._provider.stream("/v1/messages?beta=true", self._body()):
            if event["type"] == "content_block_start":
                content.append(event["content_block"])
            elif event["type"] == "content_block_delta":
                _add(content[int(event["index"])], event["delta"])
        wanted = None
        for block in content:
            if block["type"] == "tool_use":
                block["input"] = json.loads(block.pop("partial_json"))
                self._call, wanted = block["id"], block["input"]["command"]
        self._messages.append({"role": "assistant", "content": content})
        return wanted

    def result(self, output: str) -> None:
        block = {"type": "tool_result", "tool_use_id": self._call, "content": output}
        self._messages.append({"role": "user", "content": [block]})

    def shown(self, status: int, body: str) -> str:
        return f"API Error: {status} {json.loads(body)['error']['message']}"

    def _name(self, prompt: str) -> None:
        body = {
            "model": "claude-haiku-5-5",
            "max_tokens": 512,
            "messages": [{"role": "user", "content": f"Name this session: {prompt}"}],
            "output_config": {"format": {"type": "json_schema", "schema": TITLE}},
        }
        self._provider.ask("/v1/messages?beta=true", body)

    def _body(self) -> dict[str, Any]:
        *before, last = self._messages
        *parts, end = last["content"]
        marked = {**last, "content": [*parts, {**end, "cache_control": {"type": "ephemeral"}}]}
        lasting = {"type": "ephemeral", "ttl": "1h"}
        return {
            "model": "claude-opus-5-5",
            "max_tokens": 8_000,
            "stream": True,
            "system": [{"type": "text", "text": SYSTEM, "cache_control": lasting}],
            "tools": [{"name": "Bash", "description": "Run a command.", "input_schema": COMMAND}],
            "thinking": {"type": "adaptive"},
            "messages": [*before, marked],
        }


class Codex:
    """Codex: OpenAI Responses."""

    def __init__(self, arguments: list[str]) -> None:
        overrides = [after for option, after in zip(arguments, arguments[1:], strict=False) if option == "-c"]
        url = next(one for one in overrides if one.startswith("openai_base_url=")).partition("=")[2]
        self._provider = Provider(json.loads(url), {"Authorization": "Bearer demo"})
        self._items: list[dict[str, Any]] = []
        self._call = ""

    def say(self, prompt: str) -> None:
        content = [{"type": "input_text", "text": prompt}]
        self._items.append({"type": "message", "role": "user", "content": content})

    def step(self) -> str | None:
        body = {
            "model": "gpt-6.1-sol",
            "instructions": SYSTEM,
            "input": self._items,
            "tools": [{"type": "function", "name": "shell", "parameters": COMMAND}],
            "reasoning": {"effort": "medium", "summary": "auto"},
            "include": ["reasoning.encrypted_content"],
            "store": False,
            "stream": True,
        }
        wanted = None
        for event in self._provider.stream("/responses", body):
            if event["type"] == "response.output_item.done":
                item = event["item"]
                self._items.append(item)
                if item["type"] == "function_call":
                    self._call, wanted = item["call_id"], json.loads(item["arguments"])["command"]
        return wanted

    def result(self, output: str) -> None:
        self._items.append({"type": "function_call_output", "call_id": self._call, "output": output})

    def shown(self, status: int, body: str) -> str:
        return body


class Gemini:
    """Gemini CLI: streamGenerateContent, and a router model before each prompt."""

    def __init__(self, arguments: list[str]) -> None:
        self._provider = Provider(os.environ["GOOGLE_GEMINI_BASE_URL"], {"x-goog-api-key": "demo"})
        self._contents: list[dict[str, Any]] = []

    def say(self, prompt: str) -> None:
        self._contents.append({"role": "user", "parts": [{"text": prompt}]})
        schema = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}
        config = {"responseMimeType": "application/json", "responseJsonSchema": schema}
        body = {"contents": self._contents[-1:], "generationConfig": config}
        self._provider.ask("/v1beta/models/gemini-3.1-flash-lite:generateContent", body)

    def step(self) -> str | None:
        body = {
            "contents": self._contents,
            "systemInstruction": {"parts": [{"text": SYSTEM}]},
            "tools": [{"functionDeclarations": [{"name": "run_shell_command", "parametersJsonSchema": COMMAND}]}],
            "generationConfig": {"thinkingConfig": {"includeThoughts": True}},
        }
        parts: list[dict[str, Any]] = []
        path = "/v1beta/models/gemini-3.1-pro-preview:streamGenerateContent?alt=sse"
        for chunk in self._provider.stream(path, body):
            parts += chunk["candidates"][0]["content"]["parts"]
        self._contents.append({"role": "model", "parts": [part for part in parts if not part.get("thought")]})
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        return calls[0]["args"]["command"] if calls else None

    def result(self, output: str) -> None:
        answer = {"functionResponse": {"name": "run_shell_command", "response": {"output": output}}}
        self._contents.append({"role": "user", "parts": [answer]})

    def shown(self, status: int, body: str) -> str:
        return f"[API Error: {json.loads(body)['error']['message']}]"


AGENTS: dict[str, type[Claude] | type[Codex] | type[Gemini]] = {"claude": Claude, "codex": Codex, "gemini": Gemini}


def main() -> int:
    """Work through the prompts on standard input, one a line; 1 if the provider refused."""
    parser = argparse.ArgumentParser()
    parser.add_argument("agent", choices=AGENTS)
    parser.add_argument("--turns", type=int, default=3, help="commands for each prompt")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds that a command takes")
    parser.add_argument("--commit", action="store_true", help="make a commit for each prompt, as if there were changes")
    options, arguments = parser.parse_known_args()
    agent: Agent = AGENTS[options.agent](arguments)
    try:
        for number, line in enumerate(sys.stdin):
            prompt = line.strip()
            print(f"> {prompt}", flush=True)
            agent.say(f"{prompt} [sim:turns={options.turns}]")
            while (command := agent.step()) is not None:
                time.sleep(options.pause)
                agent.result(output_of(command, number))
            if options.commit:
                commit = ["git", "commit", "--quiet", "--allow-empty", "-m", prompt]
                subprocess.run(commit, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    except Refused as refusal:
        print(agent.shown(*refusal.args), flush=True)
        return 1
    return 0


def output_of(command: str, number: int) -> str:
    """What the command would print: the same each time, less and less as the work gets done."""
    lines = max(12, 480 - 60 * number)
    return "".join(f"{line:5}  {command} # line {line} of listing {number}\n" for line in range(lines))


def _add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    """Take a piece of a streamed content block of Anthropic's."""
    field = _FIELDS[delta["type"]]
    block[field] = block.get(field, "") + delta[field]


if __name__ == "__main__":
    sys.exit(main())
