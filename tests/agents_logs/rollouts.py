"""Rollouts of Codex, and what is read of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.agents_logs.support import Odd, line, lines_of
from tokenguard.agents.logs import codex
from tokenguard.agents.logs.shape import File, Sighting

AT = "2026-03-01T10:00:{:02d}.000Z"
THREAD, PARENT = "0199-child", "0199-parent"


def meta(thread: str = THREAD, second: int = 0, **more: Any) -> dict[str, Any]:
    payload = {"id": thread, "timestamp": AT.format(second), "cwd": "/src/web", "git": {"branch": "main"}, **more}
    return {"timestamp": AT.format(second), "type": "session_meta", "payload": payload}


def turn(model: str | None = "gpt-5.1-codex", id: str | None = None) -> dict[str, Any]:
    payload = {"cwd": "/src/web/api", "turn_id": id} | ({"model": model} if model else {})
    return {"timestamp": AT.format(1), "type": "turn_context", "payload": payload}


def counts(prompt: int, cached: int, output: int, reasoning: int = 0) -> dict[str, int]:
    return {
        "input_tokens": prompt,
        "cached_input_tokens": cached,
        "output_tokens": output,
        "reasoning_output_tokens": reasoning,
        "total_tokens": prompt + output,
    }


def event(total: Mapping[str, int] | None, last: Mapping[str, int] | None = None, second: int = 10) -> dict[str, Any]:
    info = {"total_token_usage": total} | ({"last_token_usage": last} if last else {})
    payload = {"type": "token_count", "info": info if total else None, "rate_limits": {}}
    return {"timestamp": AT.format(second), "type": "event_msg", "payload": payload}


def record(response: str | None, usage: Mapping[str, int], second: int = 10) -> dict[str, Any]:
    payload = {"response_id": response, "usage": usage, "total": counts(9_999, 0, 9_999)}
    return {"timestamp": AT.format(second), "type": "token_usage_record", "payload": payload}


def read(
    *values: object, states: dict[str, bytes] | None = None, odd: Odd | None = None, visits: int = 1
) -> list[Sighting]:
    """What a rollout shows, read in as many visits; `states` are those of the other threads, and take in this one's."""
    known = {} if states is None else states
    path = "/home/ada/.codex/sessions/2026/03/01/rollout-2026-03-01T10-00-00-other.jsonl"
    opened = File(path, 0, lambda name: b"", lambda label: known.get(label, b""))
    source, found, state = lines_of(codex), list[Sighting](), b""
    for visit in range(visits):
        follower = source.follow(opened, state, odd or Odd())
        for offset in range(visit, len(values), visits) if visits == 1 else _part(len(values), visit, visits):
            value = values[offset]
            encoded = value if isinstance(value, bytes) else line(value)
            if any(marker in encoded for marker in source.markers):
                found += [one for one in follower.take(encoded, offset) if isinstance(one, Sighting)]
        state = follower.save()
        known[follower.label] = state
    return found


def _part(size: int, visit: int, visits: int) -> range:
    step = -(-size // visits)
    return range(visit * step, min(size, (visit + 1) * step))
