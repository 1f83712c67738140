"""Editors, and what has settings of its own in several, as modules of one shape: which settings send agents our way."""

from __future__ import annotations

from tokenguard.ides import cline, continue_, jetbrains, kilo, vscode, zed
from tokenguard.ides.shape import Address, Addresses, Ide, Machine, Setting

__all__ = ["IDES", "Address", "Addresses", "Ide", "Machine", "Setting"]

_IDES: tuple[Ide, ...] = (*vscode.FAMILY, zed, jetbrains, continue_, cline, kilo)

IDES: dict[str, Ide] = {ide.NAME: ide for ide in _IDES}
"""Every editor whose settings can be written, by name."""
