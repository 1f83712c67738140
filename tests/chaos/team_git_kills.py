"""A process for each machine of a team, ended by `kill -9` at any moment, again and again.

Each process keeps books in a file, as the ledger does: a call is written down before it is made. It spends what it may
and takes turns through a clone of a real bare repository, until it is killed; then another one goes on. Now and then
all refs are deleted. What all books hold together must never be more than the limit, and nearly all must be usable.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from msgspec import Struct

from tests.team.gitrefs.team import DOLLAR, NOON, Call, Desk, Wall, budget, policy
from tokenguard.errors import TeamError
from tokenguard.team.gitrefs import backend
from tokenguard.team.shape import Demand, Place

NAMES = ("ann", "bob", "cid", "dan", "fay")
LIMIT = 100
STEP = DOLLAR // 2
IDLE = 5
RAM = Path("/dev/shm")


class Kills(Struct):
    """How it ended."""

    kills: int
    wipes: int
    spent: int
    seconds: float

    @property
    def broken(self) -> str:
        if self.spent > LIMIT * DOLLAR:
            return f"${self.spent / DOLLAR - LIMIT:.2f} over"
        return "" if self.spent >= 0.9 * LIMIT * DOLLAR else f"only ${self.spent / DOLLAR:.2f} could be used"


async def machine(name: str, folder: Path) -> None:
    """One process, until it is killed. A byte is a call in its books, and a turn in the file beside them."""
    books = folder / f"{name}.books"
    desk = Desk(Wall(NOON))
    if books.exists():
        desk.calls = [Call(NOON, 0, STEP) for _ in books.read_bytes()]
    file = os.open(books, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    place = Place(folder / name, name, "m", folder / f"{name}.clone")
    one = backend(policy(one=budget(LIMIT)), place, desk.clock, seconds=60)
    desk.hear(one.last())
    turns = os.open(folder / f"{name}.turns", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        for _ in range(5):
            if desk.room("all") >= STEP:
                os.write(file, b".")
                desk.spend("all", STEP)
        desk.wanted = Demand(short=4 * STEP)
        try:
            desk.hear(await one.sync(desk))
        except TeamError as error:
            print(name, error, flush=True)
        os.write(turns, b".")


def run(kills: int, seed: int) -> Kills:
    """So many kills, and then as long as it takes to spend what is left."""
    chance, began = random.Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory(dir=RAM if RAM.is_dir() else None) as temporary:
        folder = Path(temporary)
        bare = folder / "team.git"
        subprocess.run(["git", "init", "-q", "--bare", bare], check=True)
        for name in NAMES:
            subprocess.run(["git", "init", "-q", folder / f"{name}.clone"], check=True)
            words = ["git", "-C", str(folder / f"{name}.clone"), "remote", "add", "origin", f"file://{bare}"]
            subprocess.run(words, check=True)
        alive = {name: _start(name, folder) for name in NAMES}
        killed = wipes = 0
        try:
            while killed < kills:
                time.sleep(chance.uniform(0, 0.3))
                name = chance.choice(NAMES)
                alive[name].kill()
                alive[name].wait()
                alive[name] = _start(name, folder)
                killed += 1
                if killed in (kills // 3, kills * 2 // 3):
                    wipes += _wipe(bare)
            _wait_until_nothing_is_spent(folder)
        finally:
            for process in alive.values():
                process.kill()
                process.wait()
            # What git was about to do for those that were killed, it still does.
            psutil.wait_procs([one for one in psutil.process_iter(["cwd"]) if temporary in (one.info["cwd"] or "")])
        spent = sum(_sizes(folder, "books")) * STEP
        return Kills(killed, wipes, spent, time.monotonic() - began)


def _start(name: str, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.chaos.team_git_kills", name, str(folder)])


def _wait_until_nothing_is_spent(folder: Path) -> None:
    """Every machine has taken many turns since the last call of any."""
    before: list[int] = []
    while before != (before := _sizes(folder, "books")):
        turns = _sizes(folder, "turns")
        while any(now < then + IDLE for now, then in zip(_sizes(folder, "turns"), turns, strict=True)):
            time.sleep(0.05)


def _sizes(folder: Path, kind: str) -> list[int]:
    files = (folder / f"{name}.{kind}" for name in NAMES)
    return [file.stat().st_size if file.exists() else 0 for file in files]


def _wipe(bare: Path) -> int:
    words = ["git", "-C", str(bare), "for-each-ref", "--format=delete %(refname)", "refs/tokenguard"]
    listed = subprocess.run(words, check=True, capture_output=True).stdout
    subprocess.run(["git", "-C", str(bare), "update-ref", "--stdin"], input=listed, check=False)
    return 1


def main() -> None:
    """The process of one machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    asyncio.run(machine(options.name, options.folder))


if __name__ == "__main__":
    main()
