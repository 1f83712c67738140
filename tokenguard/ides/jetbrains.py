"""JetBrains' editors.

They take the agents of their AI chat from `~/.jetbrains/acp.json`. Variables of terminals are kept for each project, in
a file that a running editor writes over; they are set by hand.
"""

from __future__ import annotations

from pathlib import Path

from tokenguard.ides import jsonc
from tokenguard.ides.acp import claude_servers
from tokenguard.ides.reading import NotUnderstood
from tokenguard.ides.shape import Addresses, Language, Machine, Setting

NAME = "jetbrains"
TITLE = "JetBrains"
HOLDS_KEYS = False
NOTES = (
    "terminals, and the plug-in of Claude Code, which runs in one: Settings, Tools, Terminal, Environment variables: "
    "ANTHROPIC_BASE_URL={url}/anthropic;OPENAI_BASE_URL={url}/openai/v1",
    "Junie and the AI Assistant's own models go to JetBrains' servers, and are not guarded",
)


def language() -> Language:
    """See `Ide.language`."""
    return jsonc


def file(machine: Machine) -> Path:
    """See `Ide.file`."""
    return machine.home / ".jetbrains" / "acp.json"


def workspace_file(folder: Path) -> Path | None:
    """See `Ide.workspace_file`."""
    return None


def settings(text: str, addresses: Addresses, machine: Machine) -> list[Setting]:
    """See `Ide.settings`."""
    found = claude_servers(text, addresses)
    if not found:
        raise NotUnderstood("it lists no agent server whose name has claude in it")
    return found
