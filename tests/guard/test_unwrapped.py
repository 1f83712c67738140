"""Clients without a token, and the sessions that they get."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.house import House, request
from tokenguard import platforms
from tokenguard.agents import Agents
from tokenguard.attribution.callers import Caller, identify
from tokenguard.attribution.naming import Marks
from tokenguard.attribution.place import Place, locate
from tokenguard.errors import ConfigError
from tokenguard.guard import unwrapped
from tokenguard.ledger import queries
from tokenguard.records import Budget, Session, Unit

NOWHERE = ("127.0.0.1", 1)
STARTED = 1_795_262_000.0
"""Before the house's noon."""


class Door:
    """Clients come as the test says."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self.house = house
        self.caller = Caller()
        self.env: dict[str, str] = {}
        self.pid: int | None = 4242
        self.container = False

        def peer_pid(own: object, peer: object, likely: object, first: object) -> int | None:
            return self.pid

        def sees_our_files(pid: int) -> bool:
            return not self.container

        def identify(pid: int, known: object) -> Caller:
            return self.caller

        def environment_of(pid: int) -> dict[str, str]:
            return self.env

        monkeypatch.setattr(platforms, "peer_pid", peer_pid)
        monkeypatch.setattr(platforms, "sees_our_files", sees_our_files)
        monkeypatch.setattr(unwrapped, "identify", identify)
        monkeypatch.setattr(unwrapped, "environment_of", environment_of)

    async def connect(self, caller: Caller | None = None, **env: str) -> Callable[[str | None], Session]:
        if caller is not None:
            self.caller = caller
        self.env = env
        return await self.house.guard.unwrapped.client(NOWHERE, NOWHERE)

    def running(self) -> list[Session]:
        return [live.session for live in self.house.guard.sessions.running.all() if live.session.id != "unwrapped"]


@pytest.fixture
def door(house: House, monkeypatch: pytest.MonkeyPatch) -> Door:
    return Door(house, monkeypatch)


@pytest.fixture
def claude(house: House) -> Caller:
    return Caller("claude", 4242, STARTED, None, locate(house.repo), (4243, 4242, 7))


async def test_an_agent_has_one_session_for_all_its_connections(door: Door, claude: Caller) -> None:
    first, second = await door.connect(claude), await door.connect(claude)
    session = first(None)
    assert session == first(None) == second(None)
    assert (session.agent, session.pid, session.repo, session.branch) == (
        "claude",
        4242,
        str(door.house.repo),
        "main",
    )
    assert (session.budget, session.task, session.labels) == (None, None, ())


async def test_another_run_of_it_has_another(door: Door, claude: Caller) -> None:
    one = (await door.connect(claude))(None)
    same_number_later = (await door.connect(replace(claude, started=STARTED + 1)))(None)
    other_process = (await door.connect(replace(claude, pid=4300)))(None)
    assert len({one.id, same_number_later.id, other_process.id}) == 3


@pytest.fixture
def api(tmp_path: Path) -> Place:
    """Another repository."""
    subprocess.run(["git", "init", "-q", "-b", "side", str(tmp_path / "api")], check=True)
    return locate(tmp_path / "api")


async def test_working_trees_are_told_apart(door: Door, claude: Caller, api: Place) -> None:
    there = (await door.connect(replace(claude, place=api)))(None)
    here = (await door.connect(claude))(None)
    assert (there.repo, there.branch) == (api.repo, "side")
    assert here.id != there.id


async def test_programs_that_are_no_agents_share_a_session_for_each_tree(door: Door, house: House) -> None:
    curl = Caller("curl", place=locate(house.repo), lineage=(1, 2))
    one, two = (await door.connect(curl))(None), (await door.connect(replace(curl, lineage=(3, 4))))(None)
    elsewhere = (await door.connect(Caller("curl", lineage=(5,))))(None)
    assert one == two
    assert (one.agent, one.pid) == ("curl", None)
    assert (elsewhere.id != one.id, elsewhere.repo) == (True, None)


async def test_an_agent_in_an_editor_says_so(door: Door, claude: Caller) -> None:
    session = (await door.connect(replace(claude, editor="vscode")))(None)
    assert dict(session.labels) == {"editor": "vscode"}


@pytest.mark.parametrize("why", ["gone", "container", "nothing to see"])
async def test_clients_of_which_nothing_is_known_share_one(door: Door, claude: Caller, why: str) -> None:
    door.pid = None if why == "gone" else 4242
    door.container = why == "container"
    session = (await door.connect(Caller() if why == "nothing to see" else claude))(None)
    assert (session.id, session.agent, session.repo) == ("unwrapped", "unknown", None)


async def test_what_fails_in_looking_breaks_nothing(
    door: Door, claude: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(pid: int, known: object) -> Caller:
        raise RuntimeError("/home/somebody/secret")

    monkeypatch.setattr(unwrapped, "identify", broken)
    with caplog.at_level(logging.ERROR):
        session = (await door.connect(claude))(None)
    assert session.id == "unwrapped"
    assert "RuntimeError" in caplog.text and "secret" not in caplog.text


async def test_calls_are_booked_where_they_belong_and_the_branch_is_read_anew(door: Door, claude: Caller) -> None:
    house = door.house
    session = (await door.connect(claude))(None)
    assert await house.call(session)
    (house.repo / ".git" / "HEAD").write_text("ref: refs/heads/feat/login\n")
    call = house.begin(session, request())
    assert (call.agent, call.repo, call.branch, call.session) == ("claude", str(house.repo), "feat/login", session.id)
    (told,) = house.desk.status()["sessions"]
    assert (told["agent"], told["calls"], told["wrapped"], told["branch"]) == ("claude", 1, False, "feat/login")


@pytest.mark.parametrize("scope", ["session", "repo", "branch", "agent"])
async def test_budgets_hold_for_them(door: Door, claude: Caller, scope: str) -> None:
    window = "session" if scope == "session" else "day"
    door.house.budgets(Budget("tight", 1, unit=Unit.CALLS, scope=scope, window=window))
    session = (await door.connect(claude))(None)
    assert await door.house.call(session)
    assert not await door.house.call(session)


async def test_a_repository_s_own_budgets_hold_too(door: Door, claude: Caller) -> None:
    (door.house.repo / "tokenguard.toml").write_text('[[budget]]\nname = "own"\nlimit = "1 call"\nwindow = "day"\n')
    session = (await door.connect(claude))(None)
    assert await door.house.call(session)
    assert not await door.house.call(session)


async def test_a_repository_s_file_that_is_wrong_is_named(door: Door, claude: Caller) -> None:
    (door.house.repo / "tokenguard.toml").write_text("[[budget]]\nlimit = 0\n")
    session_of = await door.connect(claude)
    with pytest.raises(ConfigError, match=r"tokenguard\.toml"):
        session_of(None)
    (door.house.repo / "tokenguard.toml").unlink()
    assert session_of(None).agent == "claude"


async def test_listeners_are_told(door: Door, claude: Caller) -> None:
    with door.house.desk.subscribe("session.started") as events:
        session = (await door.connect(claude))(None)
        told = await anext(aiter(events))
    assert (told.data["id"], told.data["agent"], told.data["wrapped"]) == (session.id, "claude", False)


async def test_a_run_s_name_or_token_leads_to_it(door: Door, claude: Caller) -> None:
    wrapped = await door.house.session()
    for name in (wrapped.id, door.house.token):
        assert (await door.connect(claude, TOKENGUARD_SESSION=name))(None).id == wrapped.id
        assert (await door.connect(claude))(name).id == wrapped.id
    assert door.running() == [wrapped]


async def test_the_request_s_name_wins(door: Door, claude: Caller) -> None:
    one, two = await door.house.session(), await door.house.session()
    assert (await door.connect(claude, TOKENGUARD_SESSION=one.id))(two.id).id == two.id


async def test_what_runs_within_a_run_belongs_to_it(door: Door, claude: Caller) -> None:
    outer, inner = await door.house.session(), await door.house.session()
    door.house.desk.set_pid(outer.id, 7)
    assert (await door.connect(claude))(None).id == outer.id
    door.house.desk.set_pid(inner.id, 4242)
    assert (await door.connect(claude))("any name").id == inner.id


async def test_any_other_name_is_a_task(door: Door, claude: Caller) -> None:
    session_of = await door.connect(claude, TOKENGUARD_SESSION="nightly")
    nightly, request_s = session_of(None), session_of("refactoring")
    assert (nightly.task, request_s.task, nightly.id != request_s.id) == ("nightly", "refactoring", True)
    assert session_of(None) == nightly
    assert door.house.begin(nightly).task == "nightly"


async def test_a_container_can_name_its_task(door: Door) -> None:
    door.container = True
    session = (await door.connect(Caller(lineage=(4242,))))("devcontainer")
    assert (await door.connect(TOKENGUARD_SESSION="devcontainer"))(None) == session
    assert (session.agent, session.task, session.id != "unwrapped") == ("unknown", "devcontainer", True)


async def test_neither_the_id_nor_the_token_of_a_session_that_is_over_is_a_task(door: Door, claude: Caller) -> None:
    wrapped = await door.house.session()
    await door.house.desk.end_session(wrapped.id, 0)
    for name in (wrapped.id, door.house.token):
        session = (await door.connect(claude, TOKENGUARD_SESSION=name))(None)
        assert (session.task, session.agent, session.id != wrapped.id) == (None, "claude", True)


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "line\nbreak", "\x1b[31mred", "\x00"])
async def test_what_is_no_name_is_passed_over(door: Door, claude: Caller, name: str) -> None:
    assert (await door.connect(claude))(name).task is None


async def test_a_session_that_is_over_is_followed_by_another(door: Door, claude: Caller) -> None:
    session_of = await door.connect(claude)
    before = session_of(None)
    await door.house.desk.end_session(before.id, None)
    after = session_of(None)
    assert before.id != after.id
    assert door.running() == [after]


async def test_after_a_crash_it_is_known_again(door: Door, claude: Caller) -> None:
    house = door.house
    before = (await door.connect(claude))(None)
    assert await house.call(before)
    await house.reopen()
    after = (await door.connect(claude))(None)
    assert after.id == before.id
    (told,) = house.desk.status()["sessions"]
    assert (told["id"], told["calls"]) == (before.id, 1)
    assert len(queries.running_unwrapped(house.ledger.read())) == 2, "that one, and the one of unknown clients"


async def test_but_not_by_another_process_with_its_number(door: Door, claude: Caller) -> None:
    before = (await door.connect(claude))(None)
    await door.house.call(before)
    await door.house.reopen()
    later = replace(claude, started=door.house.clock.now_us / 1_000_000 + 1)
    assert (await door.connect(later))(None).id != before.id


async def test_its_proxy_is_taken_and_a_bad_one_is_not(
    door: Door, claude: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    guard = door.house.guard
    session = (await door.connect(claude, HTTPS_PROXY="http://proxy.example:3128"))(None)
    assert guard.ways.network_of(session).proxy == "http://proxy.example:3128"
    other = (await door.connect(replace(claude, pid=9), HTTPS_PROXY="http://user:pass@[bad"))(None)
    assert guard.ways.network_of(other).proxy is None
    assert "pass@" not in caplog.text


async def test_agents_of_the_user_s_own_are_looked_for_first(
    door: Door, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Marks]] = []

    def noting(pid: int, known: dict[str, Marks]) -> Caller:
        asked.append(known)
        return Caller()

    monkeypatch.setattr(unwrapped, "identify", noting)
    own = Agents().all | {"mine": Agents().all["claude"]}
    house.guard.unwrapped.know(own)
    await door.connect()
    assert next(iter(asked[0])) == "mine"
    assert asked[0]["claude"].commands == ("claude",)


async def test_a_process_that_has_called_is_looked_at_first(
    door: Door, claude: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[tuple[int, ...]] = []

    def noting(own: object, peer: object, likely: tuple[int, ...], first: object) -> int:
        looked.append(likely)
        return os.getpid()

    monkeypatch.setattr(platforms, "peer_pid", noting)
    await door.connect(claude)
    await door.connect(claude)
    await door.connect(replace(claude, lineage=(99,)))
    await door.connect()
    assert looked == [(), (4243,), (4243,), (4243, 99)]


async def test_a_process_that_was_missed_is_looked_for_again(
    door: Door, claude: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int | None] = [None, None, 4242]

    def peer_pid(own: object, peer: object, likely: object, first: object) -> int | None:
        return found.pop(0)

    monkeypatch.setattr(platforms, "peer_pid", peer_pid)
    assert (await door.connect(claude))(None).agent == "claude"
    assert not found
    found += [None, None, None]
    assert (await door.connect(claude))(None).agent == "unknown"
    assert not found


@pytest.fixture
def gone() -> int:
    """The number of a process that has just ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


async def test_a_fork_of_the_agent_that_is_gone_before_it_is_looked_at_is_not_the_caller(
    door: Door, claude: Caller, gone: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    holders = [gone, 4242]

    def peer_pid(own: object, peer: object, likely: object, first: object) -> int | None:
        return holders.pop(0)

    def sees_our_files(pid: int) -> bool:
        return pid != gone

    def of(pid: int, known: Mapping[str, Marks]) -> Caller:
        return identify(pid, known) if pid == gone else claude

    monkeypatch.setattr(platforms, "peer_pid", peer_pid)
    monkeypatch.setattr(platforms, "sees_our_files", sees_our_files)
    monkeypatch.setattr(unwrapped, "identify", of)
    assert (await door.connect())(None).agent == "claude"
