"""Agents that run in circles: no rule is in force yet."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.config.sections import LoopSettings
from tokenguard.records import Call, Facts


class Finding(Struct, frozen=True):
    rule: str
    action: str
    text: str


class Runaway:
    def __init__(self, settings: LoopSettings) -> None:
        self._settings = settings

    def judge(self, call: Call, facts: Facts, likely_nanos: int) -> Finding | None:
        return None

    def settled(self, call: Call, *, failed: bool, nanos: int, ended_us: int) -> None: ...

    def forget(self, session: str) -> None: ...

    def excuse(self, session: str) -> None: ...
