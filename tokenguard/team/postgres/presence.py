"""As which machine one comes to the database, by what it remembers: the copy of one goes on under another name."""

from __future__ import annotations

import secrets

from tokenguard.team.identity import new_machine, where
from tokenguard.team.ownership import Ownership
from tokenguard.team.postgres.book import Book, State, placed, renamed
from tokenguard.team.postgres.connecting import Session
from tokenguard.team.shape import Clock, Place


class Presence:
    """Of one machine in one team."""

    def __init__(self, team: str, place: Place, clock: Clock, book: Book) -> None:
        self._team = team
        self._place = place
        self._clock = clock
        self._book = book
        self._ownership = Ownership(place.folder)
        self._spare = new_machine()
        """Under which name it goes on if it turns out to be a copy."""
        self._token = ""
        """Of a visit that nobody heard of."""
        self.state, self.trouble = self._read()

    def take(self) -> None:
        """Be the process that writes what the machine remembers. Raises `TeamError` where another one is."""
        if self._ownership.take():
            # Another process may have written it until now.
            self.state, self.trouble = self._read()

    async def enters(self, session: Session) -> bool:
        """Say who comes, and which leases it remembers, as it is written down.

        False: under this name somebody else comes, who remembered the same.
        """
        state = self.state
        remembered = [lease.id for chain in state.chains for lease in chain.leases]
        if not self._token:
            self._token = secrets.token_hex(6)
            state.tokens = (*state.tokens, self._token)
        await self._book.write(state)
        rows = await session.run(
            "visit",
            team=self._team,
            machine=state.machine,
            visits=state.visits,
            known=list(state.tokens),
            token=self._token,
            open=[*remembered, *([state.asked] if state.asked else [])],
        )
        token, self._token = self._token, ""
        if rows and not rows[0]["yours"]:
            return False
        state.tokens = (token,)
        state.visits = rows[0]["visits"] if rows else 0
        return True

    def rename(self) -> None:
        """Go on as another machine."""
        self.state = renamed(self.state, self._spare, self._clock.now_us())
        self._spare = new_machine()

    def release(self) -> None:
        """Let another process write."""
        self._ownership.release()

    def _read(self) -> tuple[State, str]:
        """What was written, and what is wrong with it."""
        state, trouble = self._book.read()
        here = where(self._place.folder)
        return placed(state, self._place.machine, here, self._spare, self._clock.now_us()), trouble
