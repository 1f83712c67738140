"""VS Code and what was made from it.

The extension of Claude Code takes variables from `claudeCode.environmentVariables`, terminals from
`terminal.integrated.env.SYSTEM`. Continue, Cline and Kilo Code have files of their own.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from tokenguard.ides import jsonc
from tokenguard.ides.shape import Addresses, Language, Machine, Setting

_NOTES = (
    "Continue, Cline, Kilo Code: tokenguard env --write continue, cline or kilo",
    "Roo Code: tokenguard's own extension gives it Anthropic's address; the rest is set by hand, as tokenguard env "
    "--write roo tells",
    "Gemini CLI, and agents that take no variables: tokenguard run AGENT, in the terminal",
    "terminals and Claude Code sessions that are open already keep what they have",
)
_OWN_SERVERS = "what the editor itself offers goes to its maker's servers, and is not guarded"


class Member(Struct, frozen=True):
    """An editor of the family."""

    NAME: str
    TITLE: str
    folder: str
    """Of its settings."""
    NOTES: tuple[str, ...] = _NOTES
    HOLDS_KEYS: bool = False

    def language(self) -> Language:
        """See `Ide.language`."""
        return jsonc

    def file(self, machine: Machine) -> Path:
        """See `Ide.file`."""
        return machine.settings / self.folder / "User" / "settings.json"

    def workspace_file(self, folder: Path) -> Path | None:
        """See `Ide.workspace_file`."""
        return folder / ".vscode" / "settings.json"

    def settings(self, text: str, addresses: Addresses, machine: Machine) -> list[Setting]:
        """See `Ide.settings`."""
        claude, terminal = "claudeCode.environmentVariables", f"terminal.integrated.env.{machine.system}"
        return [
            *(Setting((claude, jsonc.Item(name)), address) for name, address in addresses.claude.items()),
            *(Setting((terminal, name), address) for name, address in addresses.terminal.items()),
        ]


FAMILY = (
    Member("vscode", "VS Code", "Code"),
    Member("cursor", "Cursor", "Cursor", (*_NOTES, _OWN_SERVERS)),
    Member("windsurf", "Windsurf", "Windsurf", (*_NOTES, _OWN_SERVERS)),
    Member("vscodium", "VSCodium", "VSCodium"),
)
