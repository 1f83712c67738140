"""The configuration and the prices in force: changed by commands, read again, and what goes by them is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from tokenguard.config import budget_changes, settings
from tokenguard.config.paths import Paths
from tokenguard.config.settings import Config
from tokenguard.daemon.catalogue import in_force
from tokenguard.errors import ConfigError
from tokenguard.guard import Guard
from tokenguard.prices import Catalogue
from tokenguard.records import Budget

log = logging.getLogger(__name__)


class Settings:
    """Of one daemon; to the control API, its `Settings`."""

    def __init__(
        self, paths: Paths, config: Config, catalogue: Catalogue, guard: Guard, changed: Callable[[], None]
    ) -> None:
        """`changed` is called after the guard goes by what was read."""
        self._paths = paths
        self._guard = guard
        self._changed = changed
        self.config = config
        self.catalogue = catalogue

    @property
    def budgets(self) -> list[tuple[Budget, bool]]:
        """See `Settings.budgets` of the control API."""
        return [(budget, budget.source == str(self._paths.budgets_file)) for budget in self.config.budgets]

    def set_budget(self, table: dict[str, Any], *, new: bool) -> None:
        """See `Settings.set_budget` of the control API."""
        budget_changes.put(self._paths, table, new=new)
        self.reload()

    def remove_budget(self, name: str) -> None:
        """See `Settings.remove_budget` of the control API."""
        budget_changes.remove(self._paths, name)
        self.reload()

    def reload(self) -> None:
        """Read the configuration and the prices again. Raises `ConfigError`, and then the old ones stay."""
        config = settings.load(self._paths)
        catalogue = in_force(self._paths, config)
        self._guard.reload(config, catalogue)
        self.config, self.catalogue = config, catalogue
        self._changed()
        self._guard.tell("config.reloaded", {})
        log.info("the configuration was read again")

    def reload_if_sound(self) -> None:
        """As `reload`, for who cannot be told of an error: it is in the log."""
        try:
            self.reload()
        except ConfigError as error:
            log.error("the configuration stays as it was: %s", error)

    def payers(self) -> dict[str, str]:
        """Who pays, by provider."""
        return dict.fromkeys(self.catalogue.own.local, "local") | self.config.billing
