"""The door to the daemon, for everything that is not in it. Standard library only, and little of that."""

from __future__ import annotations

from tokenguard.client.access import Daemon, Stream, find
from tokenguard.client.starting import ensure

__all__ = ["Daemon", "Stream", "ensure", "find"]
