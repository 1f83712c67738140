"""Reading in a process of its own, where there is so much of it that calls would have to wait for the interpreter."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct, msgpack

from tokenguard.errors import TokenguardError
from tokenguard.importing import reading, surveying
from tokenguard.importing.entries import Entries
from tokenguard.importing.reading import Batch
from tokenguard.importing.states import knowing
from tokenguard.importing.surroundings import Surroundings
from tokenguard.importing.surveying import Plan

_NICE = 10
_SIZE = 8
"""Bytes before each batch that say how long it is."""


class _Task(Struct, frozen=True):
    plan: Plan
    ledger: str


def batches(plan: Plan, ledger: Path) -> Generator[Batch]:
    """What `reading.read` gives out, made elsewhere. Closing it ends the process; `TokenguardError` if that died."""
    argv = [sys.executable, "-P", "-m", __name__]
    reader = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", start_new_session=True)
    assert reader.stdin is not None and reader.stdout is not None
    try:
        with reader.stdin as stdin:
            stdin.write(msgpack.encode(_Task(plan, str(ledger))))
        decoder = msgpack.Decoder(Batch)
        with reader.stdout as stdout:
            while len(size := stdout.read(_SIZE)) == _SIZE:
                if size == bytes(_SIZE):
                    return
                yield decoder.decode(stdout.read(int.from_bytes(size, "little")))
        raise TokenguardError("the process that reads logs has ended", "see: tokenguard daemon logs")
    finally:
        reader.kill()
        reader.wait()


def main(asked: BinaryIO, answers: BinaryIO) -> None:
    """Read as asked, and answer with batches; an empty one ends it."""
    os.nice(_NICE)
    gc.disable()  # nothing here is circular, and all of it is over soon
    task = msgpack.decode(asked.read(), type=_Task)
    encoder = msgpack.Encoder()
    with knowing(Path(task.ledger)) as known:
        entries = Entries(Surroundings(task.plan.places(), known.trees, task.plan.payers), time.time_ns() // 1_000)
        for batch in reading.read(surveying.survey(task.plan, known), known, entries, full=task.plan.full):
            encoded = encoder.encode(batch)
            answers.write(len(encoded).to_bytes(_SIZE, "little") + encoded)
    answers.write(bytes(_SIZE))
    answers.flush()


if __name__ == "__main__":
    try:
        main(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        os._exit(1)  # nobody wants the rest
