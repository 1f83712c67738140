"""What `[preflight]` and `[notify]` may say."""

from __future__ import annotations

import stat
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from tokenguard.config.sections import NotifySettings, PreflightSettings
from tokenguard.errors import ConfigError
from tokenguard.policy.budgets import LEVELS
from tokenguard.policy.money import parse_amount
from tokenguard.records import Unit

ACTIONS = ("warn", "hold")
"""What becomes of a call that will be dear."""

TOLD_LEVELS = LEVELS[1:]


def check_preflight(given: PreflightSettings, file: str) -> None:
    """Raises `ConfigError` for what cannot be meant."""
    if given.at_limit not in ACTIONS:
        raise ConfigError(f'{file}: preflight.at_limit "{given.at_limit}" is not known', f"use {_either(ACTIONS)}")
    if given.above is None:
        return
    try:
        amount, unit = parse_amount(str(given.above))
    except ValueError:
        amount, unit = 0, Unit.CALLS
    if unit is not Unit.USD or amount == 0:
        text = f'{file}: preflight.above "{given.above}" is not an amount of dollars above zero'
        raise ConfigError(text, 'use "$2" or "0.50", or leave it out')


def check_notify(given: NotifySettings, file: str) -> None:
    """Raises `ConfigError` for what cannot be meant. What a webhook's address holds may be a secret: it is not told."""
    if given.level not in TOLD_LEVELS:
        raise ConfigError(f'{file}: notify.level "{given.level}" is not known', f"use {_either(TOLD_LEVELS)}")
    if given.webhook is not None:
        _check_address(given.webhook, file)
    elif given.webhook_secret_file is not None:
        raise ConfigError(
            f"{file}: notify.webhook_secret_file has nothing to sign", "set notify.webhook too, or leave it out"
        )
    webhook_secret(given, file)


def webhook_secret(given: NotifySettings, file: str) -> bytes | None:
    """The key that signs posts; None where none is set. Raises `ConfigError` if its file is not fit for that."""
    if given.webhook_secret_file is None:
        return None
    path = Path(given.webhook_secret_file).expanduser()
    where = f"{file}: notify.webhook_secret_file {path}"
    if not path.is_absolute():
        raise ConfigError(f"{where} is not a whole path", "begin it with / or ~/")
    try:
        mode = path.stat().st_mode
        secret = path.read_bytes().strip() if stat.S_ISREG(mode) else b""
    except OSError as error:
        raise ConfigError(
            f"{where} cannot be read: {error.strerror}", f"make it: openssl rand -hex 32 > {path}"
        ) from error
    if not stat.S_ISREG(mode):
        raise ConfigError(f"{where} is not a file", "name the file that holds the secret")
    if mode & 0o077:
        raise ConfigError(f"{where} can be read by others", f"run: chmod 600 {path}")
    if not secret:
        raise ConfigError(f"{where} holds no secret", f"make one: openssl rand -hex 32 > {path}")
    return secret


def _check_address(url: str, file: str) -> None:
    try:
        parts = urlsplit(url)
        host, whole = parts.hostname or "", url.isascii() and url.isprintable() and " " not in url
        sound = whole and bool(host) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise ConfigError(f"{file}: notify.webhook is not an address", "use https://HOST/PATH") from None
    if not sound or not (parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))):
        raise ConfigError(
            f"{file}: notify.webhook is not an https address, nor one of this machine", "use https://HOST/PATH"
        )
    if parts.username is not None or parts.fragment:
        raise ConfigError(
            f"{file}: notify.webhook holds a user or a fragment", "leave it out; notify.webhook_secret_file signs posts"
        )


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _either(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
