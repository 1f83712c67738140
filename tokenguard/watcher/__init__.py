"""Follows what agents write down themselves, while they write it."""

from tokenguard.watcher.following import Watcher

__all__ = ["Watcher"]
