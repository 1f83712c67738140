"""Where a team meets: a git remote, or a database. Who writes it down can be anybody whose repository was cloned.

So it may say where to go, and neither who goes nor what is run on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, urlsplit

from tokenguard.config.tables import shown
from tokenguard.errors import ConfigError

SCHEMES = ("https", "ssh", "file")
"""Of URLs of remotes. Of what else git knows, some run commands (`ext::`), and some ask nobody's name (`git://`)."""

PLACES = (
    "host",
    "hostaddr",
    "port",
    "dbname",
    "sslmode",
    "channel_binding",
    "target_session_attrs",
    "load_balance_hosts",
)
"""What a connection string of PostgreSQL may say: where it leads, and how well the connection is secured."""

_REMOTE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_SCP = re.compile(r"([A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!-|:|//)\S+")
_HOST = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9.:\]-]*")
_PAIR = re.compile(r"\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)(?=\s|$)")
_LONGEST = 1000


def check_remote(written: str, where: str) -> str:
    """The name of a remote, or a URL that git may be given. Raises `ConfigError`."""
    if _REMOTE.fullmatch(written) and ".." not in written:
        return written
    if not _is_plain(written) or not (_is_url(written) or _SCP.fullmatch(written)):
        text = f'{where}: remote "{shown(written)}" is neither a remote nor a URL that is taken'
        raise ConfigError(text, f"name a remote, such as origin, or a URL: {', '.join(SCHEMES)}, or git@HOST:PATH")
    return written


def check_database(written: str, where: str) -> str:
    """A connection string of PostgreSQL, as a URL or as pairs, without user and password. Raises `ConfigError`."""
    try:
        named = set(_named(written)) if _is_plain(written) else None
    except ValueError:
        named = None
    if not named:
        text = f"{where}: database is no connection string"
        raise ConfigError(text, 'such as "host=db.example.com dbname=tokenguard sslmode=verify-full"')
    secret = named & {"user", "password", "passfile", "service", "servicefile", "sslkey", "sslcert", "sslpassword"}
    if secret:
        text = f"{where}: database holds {_listed(secret)}, and everybody reads this file"
        raise ConfigError(text, "each member gives their own: tokenguard team join --login")
    strange = named - set(PLACES)
    if strange:
        raise ConfigError(f"{where}: database sets {_listed(strange)}", f"accepted are {', '.join(PLACES)}")
    return written


def _is_plain(text: str) -> bool:
    return text.isprintable() and len(text) <= _LONGEST


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if not text.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)) or " " in text or parts.password is not None:
        return False
    if parts.scheme == "file":
        return not parts.netloc and len(parts.path) > 1
    named_user = parts.username is None or (parts.scheme == "ssh" and re.fullmatch(r"\w[\w.-]*", parts.username))
    return bool(_HOST.fullmatch(host) and has_port and named_user and len(parts.path) > 1)


def _named(text: str) -> Iterator[str]:
    """What a connection string says something of. Raises `ValueError` if it is none."""
    if "://" not in text:
        at = 0
        while text[at:].strip():
            pair = _PAIR.match(text, at)
            if pair is None:
                raise ValueError("not a pair")
            yield pair[1].lower()
            at = pair.end()
        return
    parts = urlsplit(text)
    if parts.scheme not in ("postgres", "postgresql") or parts.fragment:
        raise ValueError("not a URL of PostgreSQL")
    users, at_sign, _ = parts.netloc.rpartition("@")
    if at_sign:
        yield "user"
        if ":" in users:
            yield "password"
    yield "host"
    for key, _ in parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)):
        yield key.lower()


def _listed(keys: Iterable[str]) -> str:
    return " and ".join(shown(key) for key in sorted(keys))
