"""Where agents worked and who paid for it, as far as it can still be told when their logs are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tokenguard.agents import logins
from tokenguard.agents.logs.shape import Places
from tokenguard.attribution.folders import Folders, Spot
from tokenguard.policy import billing


class Surroundings:
    """Looks it up, and remembers: to be made anew for every import."""

    def __init__(self, places: Places, trees: Callable[[], Mapping[str, str]], payers: Mapping[str, str]) -> None:
        """`trees`: see `Known`. `payers`: see `Plan`."""
        self._places = places
        self._payers = payers
        self._folders = Folders(trees, places.home)
        self._billings: dict[tuple[str, str], str] = {}

    def place(self, folder: str | None, branch: str | None, at_us: int) -> Spot:
        """Where something was asked for at an instant; see `Folders.spot`."""
        return self._folders.spot(folder, branch, at_us)

    def billing(self, agent: str, provider: str) -> str:
        """Who paid for what an agent asked of a provider, one of `records.BILLINGS`."""
        found = self._billings.get((agent, provider))
        if found is None:
            login = logins.payer(agent, provider, self._places)
            found = billing.logged(provider, local=False, setting=self._payers.get(provider), login=login)
            self._billings[agent, provider] = found
        return found
