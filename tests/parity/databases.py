"""opencode's messages and GitHub Copilot CLI's sessions."""

from __future__ import annotations

import json
from typing import Any

from tests.parity.case import Case, Home, database, document, lines
from tokenguard.records import Usage

_ONE = Usage(input=200, cache_read=800, cache_write_5m=100, output=100)
_MADE, _ENDED = 1_772_359_205_250, 1_772_359_215_250
_DATES = "time_created INTEGER, time_updated INTEGER"
_MESSAGES = f"message (id TEXT PRIMARY KEY, session_id TEXT, {_DATES}, data TEXT)"
_SESSIONS = f"session (id TEXT PRIMARY KEY, parent_id TEXT, directory TEXT, title TEXT, {_DATES})"
_VERSION_2 = f"session_message (id TEXT PRIMARY KEY, session_id TEXT, type TEXT, seq INTEGER, {_DATES}, data TEXT)"


def _tokens(output: int = 50, reasoning: int = 50, total: int | None = 1200) -> dict[str, Any]:
    counts = {"input": 200, "output": output, "reasoning": reasoning, "cache": {"read": 800, "write": 100}}
    return counts if total is None else {"total": total, **counts}


def _answer(tokens: dict[str, Any] | None = None, **more: object) -> dict[str, Any]:
    return {
        "role": "assistant",
        "modelID": "claude-opus-4-5",
        "providerID": "anthropic",
        "cost": 0.0125,
        "tokens": tokens or _tokens(),
        "time": {"created": _MADE, "completed": _ENDED},
        "path": {"cwd": "/home/ada/web", "root": "/home/ada/web"},
        **more,
    }


def _row(name: str, data: dict[str, Any], table: str = "message", **more: object) -> tuple[str, dict[str, object]]:
    dates = {"time_created": _MADE, "time_updated": _ENDED}
    return table, {"id": name, "session_id": "ses_1", **dates, "data": json.dumps(data), **more}


def _named(at: int) -> str:
    return f"msg_{at % (1 << 36):09x}001aaaaaaaaaaaaaa"


def _data(home: Home) -> Home:
    return home / ".local" / "share" / "opencode"


def _opencode(home: Home, *rows: tuple[str, dict[str, object]], file: str = "opencode.db") -> None:
    session = {"id": "ses_1", "directory": "/home/ada/web", "time_created": _MADE, "time_updated": _ENDED}
    database(_data(home) / file, (_MESSAGES, _SESSIONS, _VERSION_2), [("session", session), *rows])


def _plain(home: Home) -> None:
    _opencode(home, _row("msg_1", _answer(_tokens(100, 0))))


def _outside(home: Home) -> None:
    _opencode(home, _row("msg_1", _answer()))


def _inside(home: Home) -> None:
    _opencode(home, _row("msg_1", _answer(_tokens(100, 30))))


def _forked(home: Home) -> None:
    copy = _row(_named(_ENDED + 86_400_000), _answer(_tokens(100, 0)), session_id="ses_2")
    _opencode(home, _row(_named(_MADE), _answer(_tokens(100, 0))), copy)


def _migrated(home: Home) -> None:
    _opencode(home, _row("msg_1", _answer(_tokens(100, 0))))
    old = {"id": "msg_1", "sessionID": "ses_1", **_answer(_tokens(100, 0))}
    document(_data(home) / "storage/message/ses_1/msg_1.json", old)


def _channels(home: Home) -> None:
    _opencode(home, _row("msg_1", _answer(_tokens(100, 0))))
    _opencode(home, _row("msg_2", _answer(_tokens(100, 0))), file="opencode-dev.db")


def _version_2(home: Home) -> None:
    model = {"id": "claude-opus-4-5", "providerID": "anthropic"}
    data = {
        "model": model,
        "cost": 0.01,
        "tokens": _tokens(total=None),
        "time": {"created": _MADE, "completed": _ENDED},
    }
    _opencode(home, _row("msg_1", data, "session_message", type="assistant", seq=1))


def _kilo(home: Home) -> None:
    session = {"id": "ses_1", "directory": "/home/ada/web", "time_created": _MADE, "time_updated": _ENDED}
    rows = (("session", session), _row("msg_1", _answer()))
    database(home / ".local" / "share" / "kilo" / "kilo.db", (_MESSAGES, _SESSIONS), rows)


_USAGE = {
    "model": "claude-opus-4.5",
    "inputTokens": 1100,
    "outputTokens": 100,
    "cacheReadTokens": 800,
    "cacheWriteTokens": 100,
    "reasoningTokens": 45,
}
_AT = "2026-03-01T10:00:05.250Z"
_ROWS = """assistant_usage_events (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT, turn_index INTEGER,
    agent_id TEXT, parent_tool_call_id TEXT, model TEXT, copilot_usage_model TEXT, input_tokens INTEGER,
    output_tokens INTEGER, cache_read_tokens INTEGER, cache_write_tokens INTEGER, reasoning_tokens INTEGER,
    total_nano_aiu INTEGER, created_at TEXT)"""
_PLACES = "sessions (id TEXT PRIMARY KEY, cwd TEXT, repository TEXT, branch TEXT, created_at TEXT, updated_at TEXT)"


def _event(kind: str, **data: object) -> dict[str, Any]:
    return {"type": kind, "data": data, "id": f"e-{kind}", "timestamp": _AT, "parentId": None}


def _start(version: str) -> dict[str, Any]:
    return _event("session.start", sessionId="cf86", copilotVersion=version, context={"cwd": "/home/ada/web"})


def _end(times: int = 1) -> dict[str, Any]:
    usage = {name: count * times for name, count in _USAGE.items() if isinstance(count, int)}
    return _event("session.shutdown", modelMetrics={"claude-opus-4.5": {"requests": {"count": times}, "usage": usage}})


def _session(home: Home, *events: object) -> None:
    lines(home / ".copilot" / "session-state" / "cf86" / "events.jsonl", *events)


def _store(home: Home) -> None:
    row = {
        "session_id": "cf86",
        "model": "claude-opus-4.5",
        "input_tokens": 1100,
        "output_tokens": 100,
        "cache_read_tokens": 800,
        "cache_write_tokens": 100,
        "reasoning_tokens": 45,
        "created_at": _AT,
    }
    place = {"id": "cf86", "cwd": "/home/ada/web", "created_at": _AT, "updated_at": _AT}
    rows = (("sessions", place), ("assistant_usage_events", row))
    database(home / ".copilot" / "session-store.db", (_PLACES, _ROWS), rows)


def _everywhere(home: Home) -> None:
    _session(home, _start("1.0.102"), _event("session.usage_record", usage=_USAGE), _end())
    _store(home)


def _records(home: Home) -> None:
    _session(home, _start("1.0.102"), _event("session.usage_record", usage=_USAGE))


def _sums(home: Home) -> None:
    _session(home, _start("1.0.102"), _end(), _event("session.resume"), _end(3))


def _resumed(home: Home) -> None:
    _session(home, _start("1.0.42"), _end(), _event("session.resume"), _end(2))


CASES = (
    Case("opencode", "a message in the database", _plain, _ONE),
    Case("opencode", "reasoning outside the output", _outside, _ONE),
    Case(
        "opencode",
        "reasoning inside the output, as versions before 1.4 had it",
        _inside,
        _ONE,
        "counts the reasoning again",
    ),
    Case("opencode", "a fork, whose messages are copies under new ids", _forked, _ONE, "counts copies"),
    Case("opencode", "old files beside the database that took them in", _migrated, _ONE),
    Case("opencode", "databases of two channels", _channels, _ONE + _ONE, "reads one of them"),
    Case("opencode", "version 2's table", _version_2, _ONE),
    Case("kilo", "a message in a database like opencode's", _kilo, _ONE),
    Case("copilot", "rows of the database", _store, _ONE, "reads only the sums that a session writes when it ends"),
    Case("copilot", "a response in the session's file, in the database and in the sums", _everywhere, _ONE),
    Case(
        "copilot",
        "a response in the session's file alone",
        _records,
        _ONE,
        "reads only the sums that a session writes when it ends",
    ),
    Case("copilot", "sums that grow, and nothing else", _sums, _ONE + _ONE + _ONE),
    Case(
        "copilot",
        "sums of an older version, which begin anew when a session is resumed",
        _resumed,
        _ONE + _ONE + _ONE,
        "takes the last ones for all",
    ),
)
