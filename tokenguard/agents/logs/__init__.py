"""What agents write down themselves, as modules of one shape: an agent without a module here keeps nothing of use."""

from __future__ import annotations

from tokenguard.agents.logs import (
    amp,
    claude,
    cline,
    codex,
    copilot,
    crush,
    droid,
    gemini,
    goose,
    kilo,
    kimi_cli,
    kimi_code,
    opencode,
    pi,
    qwen,
    roo,
    zed,
)
from tokenguard.agents.logs.shape import Logs

_LOGS: tuple[Logs, ...] = (
    claude,
    codex,
    gemini,
    opencode,
    qwen,
    pi,
    copilot,
    amp,
    kimi_code,
    kimi_cli,
    cline,
    roo,
    kilo,
    zed,
    goose,
    droid,
    crush,
)

LOGS: dict[str, Logs] = {logs.NAME: logs for logs in _LOGS}
"""Every agent whose files are read, by its name in the ledger."""
