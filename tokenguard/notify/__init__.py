"""Whoever is to be told of held calls, of levels and of running away: the desktop, and a webhook."""

from tokenguard.notify.notices import TYPES, Notice
from tokenguard.notify.notifier import Channel, Notifier, configured

__all__ = ["TYPES", "Channel", "Notice", "Notifier", "configured"]
