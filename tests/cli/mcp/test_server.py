"""The server as agents use it: by the protocol's own client, over stdin and stdout, with a real daemon behind it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp_types import TextContent

from tests.support.gated import Stream, Upstream
from tests.support.home import Home
from tests.support.waiting import until
from tokenguard import client

BUDGETS = """
[[budget]]
name = "day"
limit = "$10"
window = "day"

[[budget]]
name = "few"
scope = "session"
limit = "50 calls"
at_limit = "hold"
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    yield made
    made.clean_up()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as made:
        made.finish.set()
        yield made


@pytest.fixture
def daemon(home: Home, upstream: Upstream) -> client.Daemon:
    home.configure("port = 0\nfollow_logs = false", f"{upstream.settings}\n{BUDGETS}")
    return home.start()


class Agent:
    """What an agent sees of the server, and everything that it has said."""

    def __init__(self, speaks: Client) -> None:
        self.speaks = speaks
        self.heard: list[str] = []

    async def use(self, tool: str, **arguments: str) -> str:
        result = await self.speaks.call_tool(tool, arguments)
        (content,) = result.content
        assert isinstance(content, TextContent)
        self.heard.append(content.text)
        return ("error: " if result.is_error else "") + content.text


@asynccontextmanager
async def agent(home: Home, env: dict[str, str] | None = None, cwd: Path | None = None) -> AsyncGenerator[Agent]:
    """The variables are all that the server gets besides the few that every client hands on."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "tokenguard", "mcp"],
        env={"TOKENGUARD_HOME": str(home.folder), "TZ": "UTC", **(env or {})},
        cwd=cwd or home.folder,
    )
    async with asyncio.timeout(60), Client(server) as speaks:
        yield Agent(speaks)


def call(home: Home, token: str) -> None:
    Stream(home.state["port"], token).rest()


async def test_its_tools_and_what_they_say_of_themselves(home: Home) -> None:
    async with agent(home) as one:
        tools = {tool.name: tool for tool in (await one.speaks.list_tools()).tools}
    assert list(tools) == ["get_budget", "get_spending", "ask_for_more"]
    reads = {name for name, tool in tools.items() if tool.annotations and tool.annotations.read_only_hint}
    assert reads == {"get_budget", "get_spending"}
    assert sorted(tools["ask_for_more"].input_schema["required"]) == ["amount", "reason"]
    assert sum(len(str(tool.model_dump(exclude_none=True))) for tool in tools.values()) < 3_000, "every session pays it"


async def test_an_agent_sees_its_session_by_the_environment_of_run(home: Home, daemon: client.Daemon) -> None:
    opened = home.session(daemon)
    home.session(daemon)
    call(home, opened["token"])
    until(lambda: daemon.get("/v1/status")["totals"]["today"]["calls"], "the call is in the ledger")
    variables = {
        client.SESSION: opened["id"],
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{home.state['port']}/s/{opened['token']}/anthropic",
    }
    async with agent(home, variables) as one:
        budget = await one.use("get_budget")
        assert budget.startswith(f"session {opened['id']} of claude\n")
        assert f"{opened['id']}/few (this run): 1 call of 50 calls spent (2%), 49 calls left; " in budget
        assert "at the limit calls wait for a person" in budget
        assert "\nday: <$0.001 of $10.00 spent (0%), $10.00 left; starts anew 00:00" in budget
        spending = await one.use("get_spending")
        assert "\n1 call, <$0.001\n" in spending and "\ntokens: 10 in, 0 from cache, 0 to cache, 5 out\n" in spending
        assert "\nopus-5.5 <$0.001\ntoday, all agents: <$0.001" in spending
        await one.use("ask_for_more", amount="x", reason="y")
    assert not [text for text in one.heard if opened["token"] in text], "the model must not learn the token"


async def test_a_person_answers_while_it_waits(home: Home, daemon: client.Daemon) -> None:
    opened = home.session(daemon)
    approve = [sys.executable, "-m", "tokenguard", "approve", "--reason", "go on"]
    async with agent(home, {client.SESSION: opened["id"]}) as one:
        asked = asyncio.ensure_future(one.use("ask_for_more", amount="5", reason="the tests", budget="day"))
        hold = await asyncio.to_thread(until, lambda: daemon.get("/v1/status")["holds"], "a person is asked")
        assert hold[0]["reason"] == "it asks for $5.00 more of day: the tests"
        done = await asyncio.to_thread(subprocess.run, approve, env=home.env, capture_output=True, text=True)
        assert done.stdout == f"{hold[0]['id']} approved: claude more of day +$5.00\n", done.stderr
        answer = await asked
        assert answer.endswith("approved it: go on. day: $15.00 of $15.00 is left.")
        assert "of $15.00 spent" in await one.use("get_budget")
        asked = asyncio.ensure_future(one.use("ask_for_more", amount="20 calls", reason="more tests", budget="few"))
        (second,) = await asyncio.to_thread(until, lambda: daemon.get("/v1/status")["holds"], "a person is asked")
        daemon.post(f"/v1/holds/{second['id']}", {"answer": "deny", "reason": "it is late"})
        assert "denied it: it is late. " in await asked
        assert "do not ask again now" in await one.use("ask_for_more", amount="20 calls", reason="please", budget="few")
    assert not daemon.get("/v1/status")["holds"]


async def test_what_cannot_be_done_is_said(home: Home, daemon: client.Daemon) -> None:
    opened = home.session(daemon)
    async with agent(home, {client.SESSION: opened["id"]}) as one:
        assert "error: " in await one.use("ask_for_more", amount="much", reason="x")
        assert "no budget year" in await one.use("ask_for_more", amount="5", reason="x", budget="year")
        daemon.post("/v1/shutdown", {"mode": "now"})
        home.started[0].wait(30)
        assert (await one.use("get_budget")).endswith("tokenguard is not running, so nothing is limited or counted")
    assert len(home.started) == 1


async def test_without_a_session_it_tells_what_counts_for_everybody(home: Home, daemon: client.Daemon) -> None:
    async with agent(home) as one:
        budget = await one.use("get_budget")
        assert budget.startswith("tokenguard knows no session of this agent")
        assert "today, all agents: $0.00" in await one.use("get_spending")
        assert "nobody can be asked" in await one.use("ask_for_more", amount="5", reason="x")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    made = tmp_path / "web"
    subprocess.run(["git", "init", "-q", "-b", "main", str(made)], check=True)
    return made


async def test_by_its_folder_where_one_session_runs_there(home: Home, daemon: client.Daemon, repository: Path) -> None:
    opened = home.session(daemon, cwd=str(repository))
    async with agent(home, cwd=repository) as one:
        assert (await one.use("get_budget")).startswith(f"session {opened['id']} of claude in web main\n")
        home.session(daemon, cwd=str(repository))
        assert (await one.use("get_budget")).startswith("tokenguard knows no session"), "it could be either"
