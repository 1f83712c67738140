"""Sessions from their beginning to their end, one in detail, and what people do with its processes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tests.control.conftest import Api
from tests.ledger.support import call, session, settlement
from tokenguard.errors import DaemonError
from tokenguard.guard import OpenSession
from tokenguard.ledger import Decision, Ledger
from tokenguard.records import Amount, Leg, Usage, Verdict

ASKED = OpenSession(
    agent="claude",
    cwd="/repo",
    task="T-1",
    labels=(("team", "web"),),
    budget="5",
    upstreams=(("anthropic", "https://proxy.example"),),
    network={"HTTPS_PROXY": "http://proxy:3128"},
)


@pytest.fixture(autouse=True)
async def ledger(tmp_path: Path, api: Api) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    await ledger.open_session(replace(session("s1"), pid=7), b"x")
    made = [replace(call(number), task_type="edit") for number in (1, 2, 3)]
    made[1] = replace(made[1], subagent="a1", subagent_type="Explore")
    for one in made[:2]:
        await ledger.reserve(one, Amount())
    searched = Leg("opus", Usage(input=10, output=2), fees=(("web_search", 2),))
    await ledger.settle(replace(settlement(made[0], 100), legs=(searched,)))
    await ledger.settle(settlement(made[1], 30))
    await ledger.refuse(made[2], Verdict("refuse", "web/day", "it is used up"))
    await ledger.decide(Decision(at_us=7, kind="deny", who="ada", call_id=3, budget="web/day", reason="too dear"))
    await ledger.end_session("s1", call(9).started_us, 2)
    await ledger.close()


async def test_one_that_has_ended(api: Api) -> None:
    told = await api.get("/v1/sessions/s1")
    about = told["session"]
    assert (about["agent"], about["repo"], about["branch"]) == ("claude", "/src/web", "main")
    assert (about["state"], about["exit_code"], about["ended_at"]) == ("ended", 2, "2025-11-21T10:00:09Z")
    assert (about["calls"], about["cost_nanos"]) == (2, 130)
    assert told["budgets"] == told["processes"] == []
    assert [(one["model"], one["calls"], one["cost_nanos"]) for one in told["models"]] == [("opus", 2, 130)]
    assert [(one["type"], one["calls"], one["cost_nanos"]) for one in told["sub_agents"]] == [("Explore", 1, 30)]
    first, second, third = told["turns"]
    assert (first["id"], first["outcome"], first["cost_nanos"], first["task_type"]) == (1, "ok", 100, "edit")
    assert first["usage"]["input"] == 10 and first["fees"] == {"web_search": 2}
    assert second["fees"] == {} and second["decisions"] == []
    assert (third["outcome"], third["budget"], third["reason"]) == ("refused", "web/day", "it is used up")
    assert third["decisions"] == [{"kind": "deny", "who": "ada", "reason": "too dear"}]


async def test_one_that_runs_is_told_as_it_stands(api: Api) -> None:
    present = {"session": {"id": "s1", "state": "running"}, "budgets": [{"label": "day"}], "processes": [{"pid": 7}]}
    api.guard.sessions["s1"] = present
    told = await api.get("/v1/sessions/s1", calls="1")
    assert {key: told[key] for key in present} == present
    assert [one["id"] for one in told["turns"]] == [3]


async def test_one_that_nobody_knows(api: Api) -> None:
    with pytest.raises(DaemonError, match="there is no session nobody"):
        await api.get("/v1/sessions/nobody")
    with pytest.raises(DaemonError, match="not understood"):
        await api.get("/v1/sessions/s1", colour="1")


async def test_steer(api: Api) -> None:
    seen = {"pid": 7, "started_us": 5}
    assert await api.post("/v1/sessions/s1/steer", {"deed": "pause", **seen}) == {"reached": 3}
    assert api.guard.done == [("steer", "s1", "pause", 7, 5)]
    for body in ({"deed": "kill", **seen}, {"deed": "stop"}, {"deed": "stop", "pid": 7}):
        with pytest.raises(DaemonError, match="not understood"):
            await api.post("/v1/sessions/s1/steer", body)
    assert len(api.guard.done) == 1


async def test_one_begins(api: Api) -> None:
    assert await api.post("/v1/sessions", msgspec.to_builtins(ASKED)) == {
        "id": "xk",
        "token": "t0ken",
        "port": 4747,
    }
    assert api.guard.opened == [ASKED]
    assert api.host.life.touched == 1


async def test_a_daemon_that_stops_takes_none(api: Api) -> None:
    api.host.life.stopping = True
    with pytest.raises(DaemonError, match="the daemon is stopping"):
        await api.post("/v1/sessions", msgspec.to_builtins(ASKED))
    assert not api.guard.opened


async def test_its_process_is_noted_and_it_ends(api: Api) -> None:
    await api.post("/v1/sessions/xk/pid", {"pid": 7})
    told = {"id": "xk", "cost_nanos": 5, "proxied": 3, "untrusting": ["api.example.com"]}
    assert await api.post("/v1/sessions/xk/end", {"exit_code": 3}) == told
    await api.post("/v1/sessions/xk/end", {})
    assert api.guard.done == [("pid", "xk", 7), ("end", "xk", 3), ("end", "xk", None)]
    assert api.host.life.touched == 2
    assert api.host.closed == ["xk", "xk"]


async def test_the_end_of_a_turn(api: Api) -> None:
    assert await api.post("/v1/sessions/xk/turn-ended") == {}
    assert api.guard.done == [("turn-ended", "xk")]


async def test_one_that_does_not_run(api: Api) -> None:
    status, answer = await api.raw("POST", "/v1/sessions/nope/end", b"{}")
    assert status == 400
    assert answer == {"error": {"message": "no session nope is running", "hint": "see tokenguard status"}}
