"""The server: three tools, of which one asks a person, and none changes anything by itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from anyio import to_thread
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from tokenguard import __version__, client
from tokenguard.attribution import locate
from tokenguard.cli.mcp import telling
from tokenguard.cli.mcp.finding import ancestors, session_of
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError

WAIT_S = 45.0
"""For an answer: clients give up on a tool after a minute."""

_SLACK_S = 15.0
"""By how much later the daemon may answer."""

_ABOUT = (
    "tokenguard limits what this session may spend on calls of models. Look at get_budget before work that takes many "
    "of them; near a limit, save your work. ask_for_more asks a person, who may say no."
)
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_ASKS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

Amount = Annotated[str, Field(description="how much more, in the budget's unit: 5, 2M tokens or 50 calls")]
Reason = Annotated[str, Field(description="what it is needed for, in a sentence that a person understands")]
Name = Annotated[str | None, Field(description="as get_budget names it; without it, the one nearest its end")]


def serve(paths: Paths) -> None:
    """Answer on stdin and stdout until the client leaves."""
    server(paths).run()


def server(paths: Paths) -> MCPServer:
    """The server with its tools, for the agent that has started this process."""
    made: MCPServer = MCPServer("tokenguard", instructions=_ABOUT, version=__version__, log_level="ERROR")
    here = _Here(paths)

    async def get_budget() -> str:
        """What limits this session: what is spent, what is left, until when, and where it is going."""
        return await _told(here.budgets)

    async def get_spending() -> str:
        """What this session has spent so far: dollars, tokens, by model and sub-agent."""
        return await _told(here.spending)

    async def ask_for_more(amount: Amount, reason: Reason, budget: Name = None) -> str:
        """Ask a person to raise a budget. It can take minutes, and the answer can be no."""
        return await _told(lambda: here.ask(amount, reason, budget))

    made.add_tool(get_budget, annotations=_READS, structured_output=False)
    made.add_tool(get_spending, annotations=_READS, structured_output=False)
    made.add_tool(ask_for_more, annotations=_ASKS, structured_output=False)
    return made


async def _told(what: Callable[[], str]) -> str:
    """What is told, found out in a thread; our own errors in their own words."""
    try:
        return await to_thread.run_sync(what)
    except TokenguardError as error:
        raise ToolError(f"{error.message}; {error.hint}" if error.hint else error.message) from error


class _Here:
    """What the daemon says of the session in which the server runs. It can begin and end while the server runs."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._ancestors = ancestors()

    def budgets(self) -> str:
        daemon = self._daemon()
        status = daemon.get("/v1/status")
        now = datetime.now().astimezone()
        session = self._session(status)
        if session is not None:
            detail = daemon.get(f"/v1/sessions/{session}", {"calls": "0"})
            return telling.budgets(detail["session"], detail["budgets"], status["windows"], now)
        repo = locate(Path()).repo
        common = [one for one in status["budgets"] if one["scope"] in ("global", "user") or one["key"] == repo]
        return telling.budgets(None, common, status["windows"], now)

    def spending(self) -> str:
        daemon = self._daemon()
        status = daemon.get("/v1/status")
        session = self._session(status)
        detail = daemon.get(f"/v1/sessions/{session}", {"calls": "0"}) if session is not None else None
        return telling.spending(detail, status)

    def ask(self, amount: str, reason: str, budget: str | None) -> str:
        daemon = self._daemon()
        session = self._session(daemon.get("/v1/status"))
        if session is None:
            raise ToolError("tokenguard does not know which session this is, so nobody can be asked")
        asked = {"session": session, "amount": amount, "reason": reason, "budget": budget, "wait_s": WAIT_S}
        return telling.answer(daemon.post("/v1/holds", asked, timeout=WAIT_S + _SLACK_S))

    def _daemon(self) -> client.Daemon:
        found = client.find(self._paths)
        if found is None:
            raise ToolError("tokenguard is not running, so nothing is limited or counted")
        return found

    def _session(self, status: dict[str, Any]) -> str | None:
        return session_of(status["sessions"], os.environ, self._ancestors, Path.cwd())
