"""Kimi CLI's sessions."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tests.agents_logs.support import Odd, file, follow, line, lines_of, merged
from tokenguard.agents.logs import kimi_cli
from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, UNKNOWN, Sighting
from tokenguard.records import Usage

FOLDER = "/home/ada/web"
MD5 = hashlib.md5(FOLDER.encode(), usedforsecurity=False).hexdigest()
SESSION = f"/home/ada/.kimi/sessions/{MD5}/5d0c"
WIRE = f"{SESSION}/wire.jsonl"
SUB_WIRE = f"{SESSION}/subagents/ab12cd34/wire.jsonl"
CONFIG = b"""
default_model = "main"
[models.main]
provider = "own"
model = "kimi-k2.7-code"
[models.small]
provider = "other"
model = "gpt-5-mini"
[providers.own]
type = "kimi"
[providers.other]
type = "openai_legacy"
"""
KNOWN = json.dumps({"work_dirs": [{"path": "/srv/other"}, {"path": FOLDER, "kaos": "local"}]}).encode()
BESIDE = {"../../../config.toml": CONFIG, "../../../kimi.json": KNOWN}


def update(name: str | None = "chatcmpl-Q1", **counts: int) -> dict[str, Any]:
    tokens = {"input_other": 100, "output": 40, "input_cache_read": 900, "input_cache_creation": 0, **counts}
    return {"type": "StatusUpdate", "payload": {"context_usage": 0.1, "token_usage": tokens, "message_id": name}}


def wire(message: object, at: float = 1_772_359_205.25) -> dict[str, Any]:
    return {"timestamp": at, "message": message}


def nested(event: object, agent: str = "ab12cd34", kind: str = "coder") -> dict[str, Any]:
    payload = {"parent_tool_call_id": "call_7", "agent_id": agent, "subagent_type": kind, "event": event}
    return {"type": "SubagentEvent", "payload": payload}


def read(*lines: object, at: str = WIRE, beside: dict[str, bytes] = BESIDE, odd: Odd | None = None) -> list[Any]:
    return follow(lines_of(kimi_cli), file(at, beside), [line(one) for one in lines], odd)


def test_an_update_with_tokens_is_a_response_of_the_model_that_the_settings_name() -> None:
    (found,) = read({"type": "metadata", "protocol_version": "1.2"}, wire(update()))
    assert found == Sighting(
        key="chatcmpl-Q1",
        agent="kimi-cli",
        session="5d0c",
        at_us=1_772_359_205_250_000,
        provider="kimi",
        model="kimi-k2.7-code",
        usage=Usage(input=100, cache_read=900, output=40),
        response_id="chatcmpl-Q1",
        folder=FOLDER,
    )


def test_lines_of_older_versions_are_the_messages_themselves() -> None:
    (found,) = read({**update(), "timestamp": "2026-03-01T10:00:05.250Z"})
    assert (found.key, found.at_us) == ("chatcmpl-Q1", 1_772_359_205_250_000)


def test_updates_without_tokens_and_texts_that_speak_of_them_are_none() -> None:
    odd = Odd()
    said = {"type": "ToolResult", "payload": {"return_value": {"output": 'a "token_usage" of {}'}, "event": "x"}}
    empty = {"type": "StatusUpdate", "payload": {"token_usage": None, "plan_mode": True}}
    zero = update(input_other=0, output=0, input_cache_read=0)
    assert read(wire(said), wire(empty), wire(zero), odd=odd) == []
    assert odd.seen == []


def test_what_a_sub_agent_does_is_one_response_in_its_own_file_and_in_its_parents() -> None:
    above = {f"../../{name}": content for name, content in BESIDE.items()}
    meta = {"subagent_type": "coder", "launch_spec": {"effective_model": "small"}}
    own = read(wire(update("chatcmpl-S1")), at=SUB_WIRE, beside={**above, "meta.json": json.dumps(meta).encode()})
    mirrored = read(wire(nested(update("chatcmpl-S1"))))
    assert list(merged([*own, *mirrored])) == ["chatcmpl-S1"]
    assert (own[0].session, own[0].subagent, own[0].subagent_type, own[0].sidechain) == (
        "5d0c",
        "ab12cd34",
        "coder",
        True,
    )
    assert (own[0].provider, own[0].model, own[0].folder) == ("openai", "gpt-5-mini", FOLDER)
    assert (mirrored[0].session, mirrored[0].subagent, mirrored[0].subagent_type) == ("5d0c", "ab12cd34", "coder")


def test_without_an_id_what_stands_in_the_sub_agents_file_counts_there_alone() -> None:
    event = wire(nested(nested(update(None), agent="cd")))
    assert read(event, beside={"subagents/cd/meta.json": b"{}"}) == []
    (alone,) = read(event, beside={})
    assert alone.key == "5d0c/cd/0"


def test_without_an_id_the_place_in_the_file_tells_responses_apart() -> None:
    found = read(wire(update(None)), wire(update(None)), wire(update("chatcmpl-12")), wire(update("chatcmpl-12")))
    assert len(merged(found)) == 4
    assert [one.response_id for one in found] == [None] * 4


def test_history_that_a_fork_copied_is_the_same_response_and_known_as_a_copy() -> None:
    (original,) = read(wire(update()))
    forked = json.dumps({"custom_title": "Fork: The login", "title_generated": True}).encode()
    (copy,) = read(wire(update()), at=f"/home/ada/.kimi/sessions/{MD5}/77aa/wire.jsonl", beside={"state.json": forked})
    assert (copy.key, copy.copied, original.copied) == (original.key, True, False)


def test_settings_that_cannot_be_read_leave_the_model_unknown_and_not_free() -> None:
    (found,) = read(wire(update()), beside={"../../../config.toml": b"default_model = ["})
    assert (found.provider, found.model, found.folder) == ("kimi", "", None)


def test_lines_that_cannot_be_used_are_counted() -> None:
    odd = Odd()
    torn = follow(lines_of(kimi_cli), file(WIRE), [b'{"timestamp": 1, "message": {"token_usage"'], odd)
    assert torn == []
    assert odd.seen == [(DROPPED, "not-json")]
    odd = Odd()
    negative, late = update(input_other=-5), wire(update("chatcmpl-Q2"))
    late["timestamp"] = "soon"
    other = {"type": "StepUsage", "payload": {"token_usage": {"input_other": 5}}}
    found = read(
        wire(negative), late, wire(other), wire({"type": "StatusUpdate", "payload": {"token_usage": 7}}), odd=odd
    )
    assert [(one.usage.input, one.at_us == 0) for one in found] == [(0, False), (100, True)]
    assert set(odd.seen) == {
        (DOUBTFUL, "malformed"),
        (UNKNOWN, "StepUsage"),
        (DROPPED, "malformed"),
    }


def test_the_folder_of_files_can_be_elsewhere() -> None:
    assert str(lines_of(kimi_cli).root) == "/home/ada/.kimi/sessions"
    assert str(lines_of(kimi_cli, KIMI_SHARE_DIR="/srv/kimi").root) == "/srv/kimi/sessions"
