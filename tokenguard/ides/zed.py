"""Zed.

Its own agent takes base URLs from `language_models`, terminals take variables from `terminal.env`, and an agent server
that the user has configured takes them from its `env`. Claude Code is known among these by its name.
"""

from __future__ import annotations

from pathlib import Path

from tokenguard.ides import jsonc
from tokenguard.ides.acp import claude_servers
from tokenguard.ides.shape import Addresses, Language, Machine, Setting

NAME = "zed"
TITLE = "Zed"
HOLDS_KEYS = False
NOTES = (
    "Zed keeps API keys by their address: it may ask for them once more",
    "Zed's hosted models go to Zed's servers, and are not guarded",
    "agents from Zed's registry that your settings do not list: tokenguard run AGENT, in the terminal",
)

_MODELS = {
    "anthropic": ("anthropic", ""),
    "openai": ("openai", "/v1"),
    "google": ("gemini", ""),
    "open_router": ("openrouter", "/api/v1"),
    "mistral": ("mistral", "/v1"),
    "deepseek": ("deepseek", ""),
    "x_ai": ("xai", "/v1"),
}
"""Zed's name -> (provider, path that Zed expects in its base URL), as in its default settings."""


def language() -> Language:
    """See `Ide.language`."""
    return jsonc


def file(machine: Machine) -> Path:
    """See `Ide.file`. On macOS too it is below `~/.config`."""
    folder = machine.settings if machine.system == "linux" else machine.home / ".config"
    return folder / "zed" / "settings.json"


def workspace_file(folder: Path) -> Path | None:
    """See `Ide.workspace_file`: a project's settings hold neither models nor agents."""
    return None


def settings(text: str, addresses: Addresses, machine: Machine) -> list[Setting]:
    """See `Ide.settings`."""
    return [
        *(
            Setting(("language_models", name, "api_url"), addresses.providers[provider].below(path))
            for name, (provider, path) in _MODELS.items()
            if provider in addresses.providers
        ),
        *(Setting(("terminal", "env", name), address) for name, address in addresses.terminal.items()),
        *claude_servers(text, addresses),
    ]
