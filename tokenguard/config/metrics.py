"""What `[metrics]` may say."""

from __future__ import annotations

from urllib.parse import urlsplit

from tokenguard.config.sections import DaemonSettings, MetricsSettings
from tokenguard.errors import ConfigError


def check_metrics(given: MetricsSettings, daemon: DaemonSettings, file: str) -> None:
    """Raises `ConfigError` for what cannot be meant. What a collector's address holds may be a secret."""
    if given.port is not None and not 1 <= given.port <= 65_535:
        raise ConfigError(f"{file}: metrics.port {given.port} is no port", "use one from 1 to 65535, or leave it out")
    if given.port is not None and given.port == daemon.port:
        raise ConfigError(f"{file}: metrics.port is daemon.port", "choose another one, such as 4748")
    if given.otlp_every < 1:
        raise ConfigError(f"{file}: metrics.otlp_every is below a second", "use 60, or any other number of seconds")
    if given.otlp is None:
        return
    try:
        parts = urlsplit(given.otlp)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise ConfigError(f"{file}: metrics.otlp is not an address", "use http://HOST:4318") from None
    if not sound or not given.otlp.isascii() or not given.otlp.isprintable() or " " in given.otlp:
        raise ConfigError(f"{file}: metrics.otlp is not an address", "use http://HOST:4318")
    if parts.username is not None or parts.fragment or parts.query:
        raise ConfigError(f"{file}: metrics.otlp holds more than an address", "leave out user, query and fragment")
