"""The performance: everything that happens while the scripted agents run, as one sequence."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Generator
from queue import Empty, Queue
from typing import Any

from msgspec import Struct

from tokenguard import client
from tokenguard.cli.demo.cast import ACTORS, Actor, Pace
from tokenguard.cli.demo.stage import Stage, end

_LAST_WORDS = 5.0
"""Seconds in which the daemon has to tell the rest once all agents have ended."""


class Event(Struct, frozen=True):
    """The daemon told something."""

    type: str
    data: dict[str, Any]


class Line(Struct, frozen=True):
    """An agent, or the `run` around it, wrote a line."""

    actor: Actor
    text: str


class Exit(Struct, frozen=True):
    """A run has ended."""

    actor: Actor
    code: int


Happening = Event | Line | Exit


def perform(stage: Stage, pace: Pace) -> Generator[Happening]:
    """Run all agents at once, and tell what happens until they have ended and the daemon has told of it.

    To be closed, which ends the agents.
    """
    happenings: Queue[Happening] = Queue()
    _in_background(_listen, stage.daemon.stream("/v1/events"), happenings)
    processes: list[subprocess.Popen[str]] = []
    try:
        for actor in ACTORS:
            processes.append(stage.enter(actor, pace))
            _in_background(_follow, actor, processes[-1], happenings)
        running, told = len(ACTORS), 0
        while running or told < len(ACTORS):
            try:
                happening = happenings.get(timeout=None if running else _LAST_WORDS)
            except Empty:
                return
            running -= isinstance(happening, Exit)
            told += isinstance(happening, Event) and happening.type == "session.ended"
            yield happening
    finally:
        end(processes)


def _in_background(work: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=work, args=arguments, daemon=True).start()


def _listen(events: client.Stream, happenings: Queue[Happening]) -> None:
    with events:
        for event in events:
            happenings.put(Event(event["type"], event["data"]))


def _follow(actor: Actor, process: subprocess.Popen[str], happenings: Queue[Happening]) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            happenings.put(Line(actor, line.rstrip()))
    happenings.put(Exit(actor, process.wait()))
