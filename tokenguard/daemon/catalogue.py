"""The prices that are in force."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from tokenguard import prices
from tokenguard.config.paths import Paths
from tokenguard.config.settings import Config
from tokenguard.errors import TokenguardError

log = logging.getLogger(__name__)


Tell = Callable[[str], object]


def in_force(paths: Paths, config: Config, tell: Tell = log.warning) -> prices.Catalogue:
    """What is listed, with the user's own prices on top of it; `tell` is as for `listed`."""
    return prices.adapt(listed(paths, tell), config.prices, config.providers)


def listed(paths: Paths, tell: Tell = log.warning) -> prices.Catalogue:
    """The list that is newer: the one that `tokenguard prices update` wrote, or the one that is installed.

    `tell` is told if the former cannot be read; then the latter holds.
    """
    # Without `importlib.resources`: its import takes as long as reading the prices.
    installed = prices.decode(Path(prices.__file__).with_name("catalogue.json").read_bytes())
    try:
        updated = prices.decode(paths.prices_file.read_bytes())
    except FileNotFoundError:
        return installed
    except (OSError, TokenguardError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        tell(f"{paths.prices_file} is not used: {reason}")
        return installed
    # ISO dates, which sort as text. Whoever installed a newer tokenguard does not want the prices of before.
    return updated if updated.source.date >= installed.source.date else installed
