"""What `run --intercept` adds to an agent's recipe."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from msgspec.structs import replace

from tokenguard.agents import Recipe, Situation
from tokenguard.config.paths import Paths
from tokenguard.config.settings import Config
from tokenguard.errors import ConfigError
from tokenguard.intercept import store
from tokenguard.intercept.environment import surroundings
from tokenguard.intercept.hosts import names
from tokenguard.platforms.authorities import system_authorities

_NOT = "not guarded"
_PERHAPS = "guarded as far as tokenguard knows the provider"
"""What recipes say of calls that no base URL leads here, and what is true of them then."""


def intercepted(recipe: Recipe, situation: Situation, paths: Paths, config: Config) -> Recipe:
    """The recipe, and on top of it our proxy and an authority that vouches for providers' hosts only.

    Raises `UsageError` where the extra is not installed, and `ConfigError`.
    """
    providers = names(config.providers, config.chosen_providers, recipe.upstreams.items())
    authority = store.obtain(paths.state_dir, providers, datetime.now(UTC))
    system = system_authorities()
    if system is None:
        raise ConfigError("the certificate authorities of this system were not found", "name their file: SSL_CERT_FILE")
    ours = urlsplit(situation.base_url)
    token = ours.path.rpartition("/")[2]
    proxy = f"http://{authority.id}:{token}@{ours.hostname}:{ours.port}"
    added = surroundings(situation.env, proxy, authority.pem.decode(), providers, system, situation.folder)
    notes = tuple(note.replace(_NOT, _PERHAPS) for note in recipe.notes)
    return replace(recipe, env={**recipe.env, **added.env}, files={**recipe.files, **added.files}, notes=notes)
