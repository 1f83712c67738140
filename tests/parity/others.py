"""pi's sessions, Amp's threads, and agents that keep sums."""

from __future__ import annotations

from typing import Any

from tests.parity.case import Case, Home, database, document, lines
from tokenguard.records import Usage

_ONE = Usage(input=200, cache_read=800, cache_write_5m=100, output=50)
_TIME = "2026-03-01T10:00:05.250Z"


def _answer(name: str | None = "msg_01", at: int = 1_772_359_205_250, provider: str = "anthropic") -> dict[str, Any]:
    usage = {"input": 200, "output": 50, "cacheRead": 800, "cacheWrite": 100, "totalTokens": 1150}
    said = {"role": "assistant", "provider": provider, "model": "claude-opus-4-5", "usage": usage, "timestamp": at}
    said |= {"responseId": name} if name else {}
    return {"type": "message", "id": f"e{at}", "parentId": None, "timestamp": _TIME, "message": said}


def _pi(home: Home, name: str, *entries: object, **head: str) -> None:
    began = {"type": "session", "version": 3, "id": name, "timestamp": _TIME, "cwd": "/home/ada/web", **head}
    lines(home / ".pi/agent/sessions/--home-ada-web--" / f"2026-03-01T10-00-00-000Z_{name}.jsonl", began, *entries)


def _plain(home: Home) -> None:
    _pi(home, "aa", _answer())


def _forked(home: Home) -> None:
    _pi(home, "aa", _answer())
    _pi(home, "bb", _answer(), parentSession="…_aa.jsonl")


def _counted_up(home: Home) -> None:
    _pi(home, "aa", _answer("chatcmpl-7", provider="ollama"), _answer("chatcmpl-7", 1_772_360_000_000, "ollama"))


def _said(number: int, **counts: object) -> dict[str, Any]:
    usage = {"model": "claude-opus-4-5", "inputTokens": 200, "outputTokens": 50, "timestamp": _TIME}
    cache = {"cacheCreationInputTokens": 100, "cacheReadInputTokens": 800, "totalInputTokens": 1100}
    return {"role": "assistant", "messageId": number, "usage": {**usage, **cache, **counts}}


def _amp(home: Home, *messages: object, events: list[Any] | None = None) -> None:
    thread = {"v": 1, "id": "T-1", "created": 1_772_359_100_000, "messages": messages}
    whole = thread if events is None else {**thread, "usageLedger": {"events": events}}
    document(home / ".local/share/amp/threads/T-1.json", whole)


def _messages(home: Home) -> None:
    _amp(home, _said(3), _said(5))


def _ledger(home: Home) -> None:
    event = {"id": "ev-1", "timestamp": _TIME, "model": "claude-opus-4-5", "toMessageId": 3, "credits": 1.2}
    _amp(home, _said(3), events=[{**event, "tokens": {"input": 200, "output": 50}}])


def _empty_ledger(home: Home) -> None:
    _amp(home, _said(3), events=[])


def _cache_inside(home: Home) -> None:
    _amp(home, _said(3, inputTokens=1100))


def _droid(home: Home) -> None:
    sums = {"inputTokens": 200, "outputTokens": 50, "cacheCreationTokens": 100, "cacheReadTokens": 800}
    settings = {"model": "claude-opus-4-5-20251101", "providerLock": "anthropic", "tokenUsage": sums}
    stated = {"providerLockTimestamp": _TIME}
    document(home / ".factory/sessions/-home-ada-web/6f1c.settings.json", {**settings, **stated})


def _kimi(home: Home) -> None:
    tokens = {"input_other": 200, "output": 50, "input_cache_read": 800, "input_cache_creation": 100}
    update = {"type": "StatusUpdate", "payload": {"token_usage": tokens, "message_id": "chatcmpl-K1"}}
    line = {"timestamp": 1_772_359_205.25, "message": update}
    lines(home / ".kimi/sessions/0a1b/s-1/wire.jsonl", line, line)


_GOOSE = """sessions (id TEXT PRIMARY KEY, description TEXT, working_dir TEXT NOT NULL, created_at TIMESTAMP,
    updated_at TIMESTAMP, total_tokens INTEGER, input_tokens INTEGER, output_tokens INTEGER,
    accumulated_total_tokens INTEGER, accumulated_input_tokens INTEGER, accumulated_output_tokens INTEGER,
    provider_name TEXT, model_config_json TEXT)"""


def _goose(home: Home) -> None:
    row = {
        "id": "20260301_1",
        "working_dir": "/home/ada/web",
        "created_at": "2026-02-28 09:00:00",
        "updated_at": "2026-03-01 10:00:05",
        "total_tokens": 90,
        "input_tokens": 80,
        "output_tokens": 10,
        "accumulated_total_tokens": 250,
        "accumulated_input_tokens": 200,
        "accumulated_output_tokens": 50,
        "provider_name": "anthropic",
        "model_config_json": '{"model_name": "claude-opus-4-5"}',
    }
    database(home / ".local/share/goose/sessions/sessions.db", (_GOOSE,), (("sessions", row),))


CASES = (
    Case("pi", "a message", _plain, _ONE),
    Case("pi", "a fork that repeats the history", _forked, _ONE, "counts copies"),
    Case(
        "pi", "an id that a local server gives twice", _counted_up, _ONE + _ONE, "takes the second response for a copy"
    ),
    Case("amp", "a thread without a ledger", _messages, _ONE + _ONE),
    Case("amp", "a thread with a ledger, whose messages have the cache", _ledger, _ONE),
    Case("amp", "a ledger that is empty", _empty_ledger, _ONE, "does not look at the messages then"),
    Case("amp", "the cache inside the input", _cache_inside, _ONE, "counts the cache again"),
    Case("droid", "sums of a session", _droid, _ONE),
    Case("kimi-cli", "an update that is repeated", _kimi, _ONE),
    Case("goose", "sums of a session beside those of its last response", _goose, Usage(input=200, output=50)),
)
