"""Writes to the ledger for which nobody waits: that one failed is said in the log."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

log = logging.getLogger(__name__)


def unwaited(written: asyncio.Future[Any], what: str, level: int = logging.ERROR) -> None:
    """Have it logged that the ledger does not have `what`, should writing it fail.

    A write that was cancelled has not failed.
    """
    written.add_done_callback(partial(_log_failure, what, level))


def _log_failure(what: str, level: int, written: asyncio.Future[Any]) -> None:
    if not written.cancelled() and (error := written.exception()) is not None:
        log.log(level, "%s is not in the ledger: %s", what, error)
