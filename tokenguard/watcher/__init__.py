"""Follows what others write, while they write it: agents their logs, git hooks what they have noted."""

from tokenguard.watcher.folders import Wanted, wanted
from tokenguard.watcher.following import Watcher

__all__ = ["Wanted", "Watcher", "wanted"]
