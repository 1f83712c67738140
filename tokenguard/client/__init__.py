"""The door to the daemon, for everything that is not in it. Standard library only, and little of that."""

from __future__ import annotations

from tokenguard.client.access import Daemon, Stream, find
from tokenguard.client.starting import ensure

SESSION = "TOKENGUARD_SESSION"
"""Variable that names the session to what runs in it, such as an agent's status line. The name is no secret."""

__all__ = ["SESSION", "Daemon", "Stream", "ensure", "find"]
