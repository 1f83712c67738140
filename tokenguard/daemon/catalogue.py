"""The prices that are in force."""

from __future__ import annotations

import logging
from importlib.resources import files

from tokenguard import prices
from tokenguard.config.paths import Paths
from tokenguard.config.settings import Config
from tokenguard.errors import TokenguardError

log = logging.getLogger(__name__)


def in_force(paths: Paths, config: Config) -> prices.Catalogue:
    """What is listed, with the user's own prices on top of it."""
    return prices.adapt(listed(paths), config.prices, config.providers)


def listed(paths: Paths) -> prices.Catalogue:
    """The list that is newer: the one that `tokenguard prices update` wrote, or the one that is installed."""
    installed = prices.decode((files(prices) / "catalogue.json").read_bytes())
    try:
        updated = prices.decode(paths.prices_file.read_bytes())
    except FileNotFoundError:
        return installed
    except (OSError, TokenguardError) as error:
        log.warning("%s is not used: %s", paths.prices_file, error)
        return installed
    # ISO dates, which sort as text. Whoever installed a newer tokenguard does not want the prices of before.
    return updated if updated.source.date >= installed.source.date else installed
