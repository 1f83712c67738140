"""A simulator of providers that is not ours: aimock, from npm. It knows no caches and no reasoning."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.agents.roster import RealAgent

PACKAGE = "npm:@copilotkit/aimock@1.43.0"

ANSWER = "An independent answer."
PROMPT_TOKENS = 1_234
OUTPUT_TOKENS = 56
_USAGE = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": OUTPUT_TOKENS}


def answering(agent: RealAgent) -> list[dict[str, Any]]:
    """Fixtures: the same answer to everything, but to what its helper is asked."""
    said: list[dict[str, Any]] = [{"match": {}, "response": {"content": ANSWER, "usage": _USAGE}}]
    if agent.helper is None or agent.helper_says is None:
        return said
    return [{"match": {"model": agent.helper}, "response": {"content": agent.helper_says, "usage": _USAGE}}, *said]


def calling(agent: RealAgent) -> list[dict[str, Any]]:
    """Fixtures: a call of its shell where that is offered, then the answer."""
    call = {"toolCalls": [{"name": agent.shell, "arguments": dict(agent.shell_arguments)}], "usage": _USAGE}
    return [{"match": {"toolName": agent.shell, "hasToolResult": False}, "response": call}, *answering(agent)]


def failing(status: int, message: str) -> list[dict[str, Any]]:
    """Fixtures: the same error to everything."""
    error = {"error": {"message": message, "type": "invalid_request_error"}, "status": status}
    return [{"match": {}, "response": error}]


class Aimock:
    """A running aimock."""

    def __init__(self, path: str, folder: Path, fixtures: list[dict[str, Any]]) -> None:
        """`path` is a PATH with its command."""
        file = folder / "fixtures.json"
        file.write_text(json.dumps({"fixtures": fixtures}))
        self._child = subprocess.Popen(
            ["llmock", "-p", "0", "-h", "127.0.0.1", "-f", str(file)],
            env={"PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._child.stdout is not None
        said = ""
        while not (found := re.search(r"listening on (http://127\.0\.0\.1:(\d+))", said)):
            line = self._child.stdout.readline()
            assert line, f"aimock did not start: {said}"
            said += line
        self.url, self._port = found[1], int(found[2])

    def asked(self) -> list[int]:
        """The status of each answer to a request with a body, oldest first."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET", "/__aimock/journal")
            journal = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return [one["response"]["status"] for one in journal if one.get("body")]

    def close(self) -> None:
        """End it."""
        self._child.kill()
        self._child.communicate()
