"""What the ledger does not have is said, with why, and nothing else is."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tokenguard.errors import LedgerError
from tokenguard.guard.unwaited import unwaited


async def _ended(written: asyncio.Future[None]) -> None:
    await asyncio.wait([written])
    await asyncio.sleep(0)


@pytest.mark.asyncio
@pytest.mark.parametrize("level", [logging.ERROR, logging.WARNING])
async def test_a_write_that_failed_is_logged(caplog: pytest.LogCaptureFixture, level: int) -> None:
    written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    unwaited(written, "a session", level)
    written.set_exception(LedgerError("the disk is full", "make room"))
    await _ended(written)
    (said,) = caplog.records
    assert said.levelno == level
    assert said.getMessage().startswith("a session is not in the ledger: the disk is full")


@pytest.mark.asyncio
@pytest.mark.parametrize("cancelled", [False, True])
async def test_one_that_succeeded_or_was_cancelled_is_not(caplog: pytest.LogCaptureFixture, cancelled: bool) -> None:
    written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    unwaited(written, "a session")
    if cancelled:
        written.cancel()
    else:
        written.set_result(None)
    await _ended(written)
    assert caplog.records == []
