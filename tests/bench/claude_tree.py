"""A folder of Claude Code's files as they are after some weeks of work: for benchmarks of reading them."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_MODELS = ("claude-opus-4-5-20251101", "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001")
_WORDS = (
    "the parser reads a token and the test fails because `usage` of line 12 is not what was expected\\n\tdef run(self):"
)


def write(root: Path, megabytes: int, *, seed: int = 1, begin: datetime = datetime(2026, 10, 20, 8, tzinfo=UTC)) -> int:
    """Write that much below `root`/projects; how many responses are in it."""
    chance = random.Random(seed)
    left, responses, number = megabytes << 20, 0, 0
    while left > 0:
        project = root / "projects" / f"-src-project-{number % 12}"
        project.mkdir(parents=True, exist_ok=True)
        lines, count = _session(chance, f"{number:08x}-0000-4000-8000-{chance.getrandbits(48):012x}", number, begin)
        text = "\n".join(lines) + "\n"
        (project / f"{number:08x}-session.jsonl").write_text(text, encoding="utf-8")
        left, responses, number = left - len(text), responses + count, number + 1
    return responses


def _session(chance: random.Random, session: str, number: int, begin: datetime) -> tuple[list[str], int]:
    at = begin + timedelta(minutes=37 * number)
    common: dict[str, Any] = {
        "isSidechain": False,
        "userType": "external",
        "cwd": f"/src/project-{number % 12}",
        "sessionId": session,
        "version": "2.1.0",
        "gitBranch": f"feat/topic-{number % 5}",
    }
    lines: list[str] = []
    context, turns = 14_000, chance.randint(20, 220)
    for turn in range(turns):
        at += timedelta(seconds=chance.randint(4, 60))
        stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        output = chance.randint(40, 1_200)
        written = chance.randint(200, 4_000)
        usage = {
            "input_tokens": chance.randint(1, 12),
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": context,
            "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
            "output_tokens": output,
            "service_tier": "standard",
            "inference_geo": "not_available",
        }
        context += output + 900
        identifier = f"msg_{chance.getrandbits(96):024x}"
        for block in range(chance.choice((1, 2, 2, 3))):
            message = {
                "model": _MODELS[(number + (turn % 7 == 0)) % 3],
                "id": identifier,
                "type": "message",
                "role": "assistant",
                "content": [{"type": "text", "text": _text(chance, 300, 2_500)}]
                if block == 0
                else [
                    {
                        "type": "tool_use",
                        "id": f"toolu_{block}",
                        "name": "Bash",
                        "input": {"command": _text(chance, 40, 900)},
                    }
                ],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": usage,
            }
            line = {
                "parentUuid": f"{chance.getrandbits(64):016x}",
                **common,
                "message": message,
                "requestId": f"req_{identifier[4:]}",
                "type": "assistant",
                "uuid": f"{chance.getrandbits(64):016x}",
                "timestamp": stamp,
            }
            lines.append(json.dumps(line, separators=(",", ":")))
        result = _text(chance, 500, 16_000)
        user = {
            "parentUuid": f"{chance.getrandbits(64):016x}",
            **common,
            "type": "user",
            "message": {
                "role": "user",
                "content": [{"tool_use_id": "toolu_1", "type": "tool_result", "content": result}],
            },
            "uuid": f"{chance.getrandbits(64):016x}",
            "timestamp": stamp,
            "toolUseResult": {"stdout": result, "stderr": "", "interrupted": False, "isImage": False},
        }
        lines.append(json.dumps(user, separators=(",", ":")))
    return lines, turns


def _text(chance: random.Random, least: int, most: int) -> str:
    size = chance.randint(least, most)
    start = chance.randint(0, 40)
    return (_WORDS * (size // len(_WORDS) + 2))[start : start + size]
