"""What survives when the process is killed at any moment, or the disk ends."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tokenguard.ledger import Ledger

ROOT = Path(__file__).parents[2]

WRITE_UNTIL_KILLED = """
import asyncio, os, sys
from pathlib import Path
from tests.ledger.support import call, settlement
from tokenguard.ledger import Ledger
from tokenguard.records import Amount

async def one(ledger, number):
    await ledger.reserve(call(number), Amount(5_000, 70, 1))
    os.write(1, b"r%d\\n" % number)
    await ledger.settle(settlement(call(number), number))
    os.write(1, b"s%d\\n" % number)

async def main():
    ledger = Ledger.open(Path(sys.argv[1]))
    lane = int(sys.argv[2])
    for start in range(ledger.next_call_id, 10**9, lane):
        await asyncio.gather(*(one(ledger, number) for number in range(start, start + lane)))

asyncio.run(main())
"""


def start(script: str, *args: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *args],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("lanes", [1, 16])
async def test_a_kill_at_any_moment_loses_nothing_that_was_confirmed(tmp_path: Path, lanes: int) -> None:
    path = tmp_path / "ledger.db"
    rng = random.Random(lanes)
    reserved: set[int] = set()
    settled: set[int] = set()
    for _ in range(4):
        process = start(WRITE_UNTIL_KILLED, str(path), str(lanes))
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(rng.randrange(1, 400))]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        for line in (line for line in lines if line.endswith(b"\n")):
            (reserved if line[:1] == b"r" else settled).add(int(line[1:]))

        ledger = Ledger.open(path)
        conn = ledger.read()
        open_ids = {call.id for call, _ in ledger.open_calls()}
        costs = dict(conn.execute("SELECT id, cost_nanos FROM calls WHERE state = 'settled'").fetchall())
        legs = conn.execute("SELECT call_id, cost_nanos FROM legs").fetchall()
        assert ledger.set_aside is None
        assert reserved <= open_ids | costs.keys(), "every reservation that returned is there"
        assert settled <= costs.keys(), "every settlement that was confirmed is there"
        assert costs == {number: number for number in costs}
        assert sorted(legs) == sorted(costs.items()), "call and legs came together, once"
        assert ledger.next_call_id == max(open_ids | costs.keys()) + 1
        await ledger.close()


FILL_THE_DISK = """
import asyncio, resource, signal, sys
from contextlib import closing
from pathlib import Path
from tests.ledger.support import call, settlement
from tokenguard.errors import LedgerError
from tokenguard.ledger import Ledger, queries
from tokenguard.records import Amount

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

async def main():
    ledger = Ledger.open(Path(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    confirmed, failed = [], []
    for number in range(1, 400):
        try:
            await ledger.reserve(call(number), Amount(5_000, 70, 1))
            confirmed.append(number)
        except LedgerError:
            failed.append(number)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    for number in confirmed:
        await ledger.settle(settlement(call(number), 1))
    await ledger.close()
    with closing(queries.connect_readonly(Path(sys.argv[1]))) as conn:
        found = [row[0] for row in conn.execute("SELECT id FROM calls WHERE state = 'settled' ORDER BY id")]
        assert confirmed and failed, (len(confirmed), len(failed))
        assert found == confirmed
        assert queries.open_reservations(conn) == []

asyncio.run(main())
"""


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_FSIZE)[1] != resource.RLIM_INFINITY, reason="the file size is limited here"
)
def test_a_disk_that_ends_fails_writes_until_there_is_room_again(tmp_path: Path) -> None:
    process = start(FILL_THE_DISK, str(tmp_path / "ledger.db"))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out.decode()
