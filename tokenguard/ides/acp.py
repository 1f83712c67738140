"""Agents that editors start themselves over the Agent Client Protocol: `agent_servers` of Zed and JetBrains."""

from __future__ import annotations

from tokenguard.ides import jsonc
from tokenguard.ides.shape import Addresses, Setting


def claude_servers(text: str, addresses: Addresses) -> list[Setting]:
    """Variables for every agent server that is Claude Code by its name. Raises `NotUnderstood`."""
    servers = [name for name in jsonc.names_at(text, ("agent_servers",)) if "claude" in name.lower()]
    return [
        Setting(("agent_servers", server, "env", name), address)
        for server in servers
        for name, address in addresses.claude.items()
    ]
