"""Codex' rollouts."""

from __future__ import annotations

import json
from typing import Any

from tests.parity.case import Case, Home, lines
from tests.support.zstandard import zstd
from tokenguard.records import Usage

_PARENT, _CHILD = "0199a0b1-0000-7000-8000-000000000001", "0199a0b1-0000-7000-8000-000000000002"
_ONE = Usage(input=200, cache_read=800, output=50)


def _line(kind: str, at: str = "10:00:05", **payload: object) -> dict[str, Any]:
    return {"timestamp": f"2026-03-01T{at}.250Z", "type": kind, "payload": payload}


def _meta(name: str = _PARENT, at: str = "10:00:00", **more: object) -> dict[str, Any]:
    about = {"cwd": "/home/ada/web", "originator": "codex_cli_rs", "cli_version": "0.150.0", "source": "cli"}
    return _line(
        "session_meta", at, id=name, timestamp=f"2026-03-01T{at}.000Z", model_provider="openai", **about, **more
    )


def _turn(model: str = "gpt-5.2-codex") -> dict[str, Any]:
    return _line("turn_context", "10:00:01", model=model, cwd="/home/ada/web")


def _tokens(times: int = 1) -> dict[str, int]:
    counts = {"input_tokens": 1000, "cached_input_tokens": 800, "output_tokens": 50, "reasoning_output_tokens": 30}
    return {name: count * times for name, count in {**counts, "total_tokens": 1050}.items()}


def _count(total: int, at: str = "10:00:05", last: bool = True) -> dict[str, Any]:
    """After that many responses, all with the same counts."""
    info: dict[str, Any] = {"total_token_usage": _tokens(total), "model_context_window": 272_000}
    info |= {"last_token_usage": _tokens()} if last else {}
    return _line("event_msg", at, type="token_count", info=info, rate_limits=None)


def _rollout(home: Home, name: str = _PARENT, at: str = "10-00-00") -> Home:
    return home / ".codex/sessions/2026/03/01" / f"rollout-2026-03-01T{at}-{name}.jsonl"


def _plain(home: Home) -> None:
    limits = _line("event_msg", type="token_count", info=None, rate_limits={"primary": {"used_percent": 3}})
    lines(_rollout(home), _meta(), _turn(), limits, _count(1), _count(1), _count(2, "10:00:09"))


def _totals(home: Home) -> None:
    lines(_rollout(home), _meta(), _turn(), _count(1, last=False), _count(3, "10:00:09", last=False))


def _restarted(home: Home) -> None:
    lines(_rollout(home), _meta(), _turn(), _count(2, last=False), _count(1, "10:00:09", last=False))


def _forked(home: Home) -> None:
    lines(_rollout(home), _meta(), _turn(), _count(1), _count(2, "10:00:09"))
    forked = _meta(_CHILD, "11:00:00", forked_from_id=_PARENT)
    replayed = (_count(1, "11:00:00"), _count(2, "11:00:00"))
    lines(_rollout(home, _CHILD, "11-00-00"), forked, _meta(), _turn(), *replayed, _count(3, "11:00:30"))


def _compressed(home: Home) -> None:
    lines(_rollout(home), _meta(), _turn(), _count(1))
    plain = _rollout(home)
    packed = plain.with_name(f"{plain.name}.zst")
    packed.write_bytes(zstd.compress(plain.read_bytes()))
    plain.unlink()


def _records(home: Home) -> None:
    usage = {**_tokens(), "cache_write_input_tokens": 0}
    record = _line("token_usage_record", response_id="resp_1", usage=usage, model="gpt-5.2-codex")
    lines(_rollout(home), _meta(), _turn(), record, _count(1))


def _split(line: dict[str, Any]) -> str:
    return json.dumps(line)[:60]


def _torn(home: Home) -> None:
    lines(_rollout(home), _meta(), _turn(), _count(1), _split(_count(2)), end="")


CASES = (
    Case("codex", "counts that are repeated, and limits without counts", _plain, _ONE + _ONE),
    Case("codex", "totals alone", _totals, _ONE + _ONE + _ONE),
    Case("codex", "a counter that begins anew", _restarted, _ONE + _ONE + _ONE, "takes what follows for nothing new"),
    Case("codex", "a fork that replays its parent at new times", _forked, _ONE + _ONE + _ONE),
    Case("codex", "a compressed rollout", _compressed, _ONE, "reads no compressed files"),
    Case("codex", "a record of a response, and the count of it", _records, _ONE),
    Case("codex", "a last line that is not written to its end", _torn, _ONE),
)
