"""Sessions of Cline's CLI."""

from __future__ import annotations

import json
from typing import Any

from tests.agents_logs.support import Odd, file, merged, places
from tokenguard.agents.logs import cline
from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, Document, Sighting, Snapshot
from tokenguard.records import Usage

FOLDER = "/home/ada/.cline/data/sessions/s1"
AT_MS = 1_772_359_205_250
SESSION = {
    "version": 1,
    "session_id": "s1",
    "started_at": "2026-03-01T10:00:00.000Z",
    "provider": "anthropic",
    "model": "claude-sonnet-4-5",
    "cwd": "/home/ada/web",
    "workspace_root": "/home/ada",
    "metadata": {
        "usage": {"inputTokens": 1_010, "outputTokens": 50, "cacheReadTokens": 900, "totalCost": 0.5},
        "aggregateUsage": {"inputTokens": 9_999},
    },
}
METRICS = {"inputTokens": 1_010, "outputTokens": 50, "cacheReadTokens": 900, "cacheWriteTokens": 10, "cost": 0.0125}
USAGE = Usage(input=100, cache_read=900, cache_write_5m=10, output=50)


def source(**env: str) -> Document:
    *_, found = cline.sources(places(**env))
    assert isinstance(found, Document)
    return found


def read(name: str, content: object, beside: dict[str, Any] | None = None, odd: Odd | None = None) -> list[Any]:
    around = {name: json.dumps(one).encode() for name, one in (beside or {}).items()}
    return list(source().read(file(f"{FOLDER}/{name}", around), json.dumps(content).encode(), odd or Odd()))


def message(name: str | None = "m1", role: str = "assistant", **more: object) -> dict[str, Any]:
    return {"id": name, "role": role, "ts": AT_MS, "content": [{"type": "text", "text": "…"}], **more}


def test_a_message_with_metrics_is_a_response() -> None:
    messages = {"messages": [message("m0", "user"), message(metrics=METRICS), message("m2")]}
    (found,) = read("s1.messages.json", messages, {"s1.json": SESSION})
    assert found == Sighting(
        key="s1/s1/m1",
        agent="cline",
        session="s1",
        at_us=AT_MS * 1000,
        provider="anthropic",
        model="claude-sonnet-4-5",
        usage=USAGE,
        folder="/home/ada/web",
        stated_nanos=12_500_000,
    )


def test_another_model_is_that_of_its_message() -> None:
    info = {"id": "gpt-5", "provider": "openai-native"}
    (found,) = read("s1.messages.json", {"messages": [message(metrics=METRICS, modelInfo=info)]}, {"s1.json": SESSION})
    assert (found.provider, found.model) == ("openai", "gpt-5")


def test_a_sub_agents_messages_are_of_its_session() -> None:
    messages = {"messages": [message(None, metrics=METRICS), message(None, metrics=METRICS)]}
    found = read("agent_7.messages.json", messages, {"s1.json": SESSION})
    assert [(one.session, one.subagent, one.sidechain) for one in found] == [("s1", "agent_7", True)] * 2
    assert len(merged(found)) == 2


def test_the_sums_of_a_session_count_only_where_its_messages_have_no_metrics() -> None:
    (sums,) = read("s1.json", SESSION, {"s1.messages.json": {"messages": [message()]}})
    assert isinstance(sums, Snapshot)
    assert (sums.total.key, sums.total.usage) == ("s1", Usage(input=110, cache_read=900, output=50))
    assert sums.total.stated_nanos == 500_000_000
    assert read("s1.json", SESSION, {"s1.messages.json": {"messages": [message(metrics=METRICS)]}}) == []
    assert read("s1.compaction.json", SESSION) == []


def test_what_is_odd_is_counted() -> None:
    odd = Odd()
    wrong = {"messages": [message(metrics={**METRICS, "cacheReadTokens": -1}), message("m2", metrics=METRICS)]}
    assert [one.usage.cache_read for one in read("s1.messages.json", wrong, odd=odd)] == [0, 900]
    assert odd.seen == [(DOUBTFUL, "malformed")]
    odd = Odd()
    assert list(source().read(file(f"{FOLDER}/s1.json"), b"{", odd)) == []
    assert list(source().read(file(f"{FOLDER}/s1.messages.json"), b"\xff\x00", odd)) == []
    assert odd.seen == [(DROPPED, "not-json")] * 2


def test_its_folders_can_be_elsewhere() -> None:
    assert str(source().root) == "/home/ada/.cline/data/sessions"
    assert str(source(CLINE_DIR="/srv/c").root) == "/srv/c/data/sessions"
    assert str(source(CLINE_DATA_DIR="/srv/d").root) == "/srv/d/sessions"
    assert str(source(CLINE_SESSION_DATA_DIR="/srv/s").root) == "/srv/s"
