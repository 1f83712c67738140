"""The ledger as its one writer holds it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from tokenguard.errors import LedgerError
from tokenguard.ledger import agreement, commits, logged, queries, writes
from tokenguard.ledger.echoes import FIRST_ID
from tokenguard.ledger.failures import closed_on_error
from tokenguard.ledger.logged import Price
from tokenguard.ledger.opening import open_for_writing
from tokenguard.ledger.values import Decision, Logs, Raise, Settlement, Told, Written
from tokenguard.policy.estimate import Experience
from tokenguard.records import Amount, Call, OfficialWindow, Session, Verdict

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable, Sequence

    from tokenguard.ledger.writer import Writer


class Ledger:
    """The ledger as the daemon holds it. All methods belong to one event loop; none blocks on the disk.

    The futures resolve when the row is committed, in the order of the calls, or raise `LedgerError`; that never affects
    other rows. A `reserve` whose task is cancelled may have been written all the same: settle its call.

    While the file cannot be written (see `failing`), settlements wait in memory, and so do their futures. Sessions,
    decisions and levels wait too, but count as written; what can be done without is left out. All else raises.
    """

    def __init__(self, path: Path, writer: Writer, next_call_id: int, set_aside: Path | None) -> None:
        self._path = path
        self._writer = writer
        self._reading: sqlite3.Connection | None = None
        self._read_since: Path | None = None
        self._found_corrupt = set_aside
        self._audited: int | None = None
        self.next_call_id = next_call_id
        """The first unused call id when the file was opened; open rows below it were left by an earlier process."""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        durability: str = "normal",
        tell: Callable[[int], None] | None = None,
        phase_us: int | None = None,
    ) -> Ledger:
        """Open or begin the ledger at `path`, in a folder that exists; `durability` is a key of `DURABILITIES`.

        One of an older version, or of another phase than this one (see `phases`; None: as it is), is summed up first,
        which can take minutes: `tell` is called with each percent.

        Raises `LedgerError` if it cannot be written, or if a newer tokenguard wrote it.
        """
        # Whoever only reads the ledger does not wait for the import of asyncio.
        from tokenguard.ledger.file import File
        from tokenguard.ledger.writer import Writer

        conn, set_aside = open_for_writing(path, durability, tell, phase_us)
        with closed_on_error(conn):
            last: int = conn.execute("SELECT coalesce(max(id), 0) FROM calls WHERE id < ?", (FIRST_ID,)).fetchone()[0]
            return cls(path, Writer(File(conn, path, durability)), last + 1, set_aside)

    def read(self) -> sqlite3.Connection:
        """The read-only connection of the event loop's thread, for `queries`. It sees what is committed."""
        if self._reading is not None and self._read_since != self._writer.set_aside:
            self._reading.close()
            self._reading = None
        if self._reading is None:
            self._read_since = self._writer.set_aside
            self._reading = queries.connect_readonly(self._path)
        return self._reading

    @property
    def failing(self) -> LedgerError | None:
        """Why nothing can be written at the moment; None while all is well. It is logged when it begins and ends."""
        return self._writer.failing

    @property
    def kept(self) -> int:
        """How many writes wait in memory until the file can be written."""
        return self._writer.kept

    @property
    def set_aside(self) -> Path | None:
        """Where the ledger was put that proved corrupt, at opening or since; None if it was sound."""
        return self._writer.set_aside or self._found_corrupt

    def notify(self, on_change: Callable[[], None]) -> None:
        """Have this called, on the event loop, whenever `failing` or `set_aside` has changed."""
        self._writer.on_change = on_change

    async def reserve(self, call: Call, reserved: Amount, verdict: Verdict | None = None) -> None:
        """Write the call as open, with what is set aside for it; committed when this returns.

        `verdict` is the warning with which it is let through, if any.
        """
        await self._writer.submit(writes.reserve, call, reserved, verdict)

    def settle(self, settlement: Settlement) -> Future[bool]:
        """Put the charge in place of the reservation, or add the call if none was written. A second one fails.

        Resolves to whether its agent's log had told of it before, so that what was counted has to be read again.
        """
        return self._writer.keep(writes.settle, settlement)

    def refuse(self, call: Call, verdict: Verdict) -> Future[None]:
        """Write a call that was not forwarded; it counts nowhere."""
        return self._writer.offer(None, writes.refuse, call, verdict)

    def withdraw(self, call_id: int, reason: str) -> Future[None]:
        """A call that was reserved is not forwarded after all: it counts nowhere."""
        return self._writer.promise(writes.withdraw, call_id, reason)

    def open_calls(self) -> list[tuple[Call, Amount]]:
        """Calls that an earlier process left open: they stay reserved until they are presumed."""
        return queries.open_reservations(self.read(), before_id=self.next_call_id)

    def presume(self, before_us: int) -> Future[list[int]]:
        """Charge the `open_calls` that started before then at their bound; resolves to their ids."""
        return self._writer.offer([], writes.presume, before_us, self.next_call_id)

    def open_session(self, session: Session, token_hash: bytes | None) -> Future[None]:
        """Write a session; `token_hash` is the SHA-256 of its token (None for one that has no token)."""
        return self._writer.promise(writes.open_session, session, token_hash)

    def set_pid(self, session_id: str, pid: int) -> Future[None]:
        """Note the agent's process once it runs."""
        return self._writer.promise(writes.set_pid, session_id, pid)

    def end_session(self, session_id: str, ended_us: int, exit_code: int | None) -> Future[None]:
        """Note the end of a session; the first end counts."""
        return self._writer.promise(writes.end_session, session_id, ended_us, exit_code)

    def raise_budget(self, raised: Raise) -> Future[None]:
        """Append a temporary increase of a budget to the audit trail."""
        return self._writer.submit(writes.raise_budget, raised)

    def decide(self, decision: Decision) -> Future[None]:
        """Append what somebody decided to the audit trail."""
        return self._writer.promise(writes.decide, decision)

    def note(self, deeds: Sequence[commits.Deed]) -> Future[None]:
        """Note commits, what became of them, and what was answered to hooks; noting it twice is noting it once."""
        return self._writer.submit(commits.write, deeds)

    def told_level(self, told: Told, now_us: int) -> Future[None]:
        """Note that a level was told, so that it is told once even across restarts."""
        return self._writer.promise(writes.told_level, told, now_us)

    def learn(self, provider: str, model: str, has_tools: bool, experience: Experience) -> Future[None]:
        """Keep what calls of this kind taught the estimator."""
        return self._writer.offer(None, writes.learn, provider, model, has_tools, experience)

    def see_window(self, window: OfficialWindow) -> Future[None]:
        """Keep what a provider said of a window, in place of what it said of it before."""
        return self._writer.offer(None, writes.see_window, window)

    def log(self, logs: Logs, price: Price) -> Future[Written]:
        """Write what was read of agents' logs; `price` is asked on the writer's thread."""
        return self._writer.submit(logged.write, logs, price)

    async def audit(self) -> int:
        """Compare the sums of one hour with its calls, the newest first, then an older one each time, and around again.

        Where they disagree they are rebuilt, and then those of all other hours are compared at once. Returns how many
        hours were wrong: what was read from sums before has to be read again.
        """
        nothing: tuple[int | None, bool] = (None, True)
        self._audited, agreed = await self._writer.offer(nothing, agreement.check_next, self._audited)
        if agreed:
            return 0
        wrong, hour = 1, None
        while True:
            hour, agreed = await self._writer.offer(nothing, agreement.check_next, hour)
            wrong += not agreed
            if hour is None:
                agreement.tell_rebuilt(wrong)
                return wrong

    async def close(self) -> None:
        """Commit all that is queued and close the file; what is submitted later fails."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None
        # The last connection to close moves the write-ahead log into the file.
        await self._writer.close()
