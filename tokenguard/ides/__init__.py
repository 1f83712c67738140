"""Editors, as modules of one shape: which of their settings send the agents in them through tokenguard."""

from __future__ import annotations

from tokenguard.ides import jetbrains, vscode, zed
from tokenguard.ides.shape import Address, Addresses, Ide, Machine, Setting

__all__ = ["IDES", "Address", "Addresses", "Ide", "Machine", "Setting"]

_IDES: tuple[Ide, ...] = (*vscode.FAMILY, zed, jetbrains)

IDES: dict[str, Ide] = {ide.NAME: ide for ide in _IDES}
"""Every editor whose settings can be written, by name."""
