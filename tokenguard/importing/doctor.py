"""What was odd in agents' logs, for people who want to know whether all of their spend is there."""

from __future__ import annotations

from collections.abc import Container
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from tokenguard.ledger import log_state, queries
from tokenguard.ledger.failures import translated


def told(ledger: Path, agents: Container[str] | None = None) -> dict[str, Any]:
    """Files by agent, oddities by agent and kind, and models without a price. Raises `LedgerError`."""
    with closing(queries.connect_readonly(ledger)) as conn, translated("read"), queries.snapshot(conn):
        files: dict[str, int] = {}
        for file in log_state.files(conn).values():
            files[file.agent] = files.get(file.agent, 0) + 1
        odd = [to_builtins(one) for one in log_state.oddities(conn) if agents is None or one.agent in agents]
        unpriced = [
            {"agent": agent, "model": model, "calls": calls}
            for agent, model, calls in log_state.unpriced(conn)
            if agents is None or agent in agents
        ]
    files = {agent: count for agent, count in sorted(files.items()) if agents is None or agent in agents}
    return {"files": files, "oddities": odd, "unpriced": unpriced}
