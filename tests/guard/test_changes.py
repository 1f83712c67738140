from __future__ import annotations

import asyncio

from tokenguard.guard.changes import Changes


async def test_all_who_wait_are_told_once_and_nobody_who_does_not() -> None:
    changes = Changes()
    changes.tell()
    with changes.next() as one, changes.next() as other:
        assert not one.done() and not other.done()
        one.cancel()
        changes.tell()
        changes.tell()
        assert one.cancelled() and other.done()
        with changes.next() as later:
            await asyncio.sleep(0)
            assert not later.done()
    changes.tell()
    assert not later.done()
