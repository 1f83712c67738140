"""Messages of a client over a WebSocket: what they ask for, and how they ask for what was admitted instead."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple

from tokenguard.proxy.asking import is_done
from tokenguard.proxy.crossing import Admission
from tokenguard.wire import openai_responses, openai_socket
from tokenguard.wire.openai_socket import Turn
from tokenguard.wire.rewriting import rewrite

_OFF_LOOP = 1 << 20
"""Bytes from which on a message is read in a thread."""

_log = logging.getLogger(__name__)


class Admitted(NamedTuple):
    """A turn that may run."""

    turn: Turn
    message: bytes
    """That asks for it; not always as the client wrote it."""


async def asked(message: bytes) -> Turn | None:
    """The turn that a message asks for; None if it asks for none, or cannot be read."""
    try:
        if len(message) < _OFF_LOOP:
            return openai_socket.asked(message)
        return await asyncio.to_thread(openai_socket.asked, message)
    except Exception as error:
        # What it leads to is noticed by its events, and counts.
        _log.error("a message over a WebSocket could not be read: %s", type(error).__name__)
        return None


async def changed(message: bytes, path: str, admission: Admission, recall: Callable[[Turn], None]) -> Admitted | None:
    """The message that asks for what was admitted, and its turn; None if it cannot be had without doubt.

    `recall` lets a turn know what it goes on with.
    """

    def put_in() -> Admitted | None:
        model, limit = admission.model, admission.max_output
        put = rewrite(openai_responses.NAME, path, message, model=model, max_output=limit)
        turn = openai_socket.asked(put[1]) if put is not None else None
        if put is None or turn is None or not is_done(turn.facts, model, limit):
            return None
        recall(turn)
        return Admitted(turn, put[1])

    try:
        return put_in() if len(message) < _OFF_LOOP else await asyncio.to_thread(put_in)
    except Exception as error:
        _log.error("a message over a WebSocket could not be changed: %s", type(error).__name__)
        return None
