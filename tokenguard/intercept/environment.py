"""The environment of a program whose connections are intercepted, and how it was before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, MutableMapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

from tokenguard.intercept.hosts import covered

BEFORE = "TOKENGUARD_NETWORK"
"""Variable that keeps, as JSON, what was there before: for runs within the run, and for the daemon."""

_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
_NOT_PROXIED = ("NO_PROXY", "no_proxy")
_INSTEAD = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")
"""Files of authorities in place of the built-in ones: OpenSSL, Go, Bun, Rust; Python's requests; curl; the AWS SDKs."""
_BESIDES = "NODE_EXTRA_CA_CERTS"
"""A file of authorities besides the built-in ones: Node.js, Bun."""
_NODE_HEEDS = "NODE_USE_ENV_PROXY"
"""Without it Node.js itself (24 and later) heeds no proxy, though many programs that are made with it do."""

_OURS = "127.0.0.1,localhost"


class Surroundings(NamedTuple):
    """What a program gets besides what it has."""

    env: dict[str, str]
    files: dict[str, str]
    """Name in the private folder -> text."""


def surroundings(
    env: Mapping[str, str], proxy: str, authority: str, names: Iterable[str], system: str, folder: Path
) -> Surroundings:
    """Variables and files that lead a program's connections to our proxy, and let it trust our authority too.

    `authority` and `system` are authorities in PEM: ours, and those that the program trusts where its environment names
    no others. `names` are the providers' hosts; files are for a private `folder`.
    """
    files: dict[str, str] = {}

    def with_ours(name: str, usual: str) -> str:
        given = _text(env.get(name)) or usual
        whole = f"{given.rstrip()}\n{authority}".lstrip()
        file = next((known for known, text in files.items() if text == whole), f"authorities-{len(files) + 1}.pem")
        files[file] = whole
        return str(folder / file)

    changed = {name: with_ours(name, system) for name in _INSTEAD}
    changed[_BESIDES] = with_ours(_BESIDES, "")
    changed |= dict.fromkeys(_PROXIES, proxy)
    not_proxied = env.get("NO_PROXY") or env.get("no_proxy") or ""
    changed |= dict.fromkeys(_NOT_PROXIED, _direct(not_proxied, tuple(names)))
    changed[_NODE_HEEDS] = env.get(_NODE_HEEDS) or "1"
    changed[BEFORE] = json.dumps({name: env.get(name) for name in changed})
    return Surroundings(changed, files)


def undo(env: MutableMapping[str, str]) -> bool:
    """Make an environment what it was before `surroundings`; whether it was another."""
    kept = env.pop(BEFORE, None)
    if kept is None:
        return False
    try:
        before: dict[str, object] = json.loads(kept)
        for name, value in before.items():
            env.pop(name, None)
            if isinstance(value, str):
                env[name] = value
    except (ValueError, AttributeError):
        pass  # somebody else's variable of that name
    return True


def _direct(no_proxy: str, names: tuple[str, ...]) -> str:
    """The hosts that are reached directly: loopback, and those that the user names unless they are providers'.

    Our proxy heeds what the user wrote when it goes on to the provider.
    """
    kept = [entry for entry in no_proxy.replace(",", " ").split() if not _meets(entry.lower(), names)]
    return ",".join([*kept, _OURS])


def _meets(entry: str, names: tuple[str, ...]) -> bool:
    """Whether an entry of `NO_PROXY` names a provider, or something above or below one."""
    if "/" in entry:
        return any(_is_within(name, entry) for name in names)
    host = entry.removeprefix("*").removeprefix(".").partition(":")[0]
    return not host or covered(host, names) or any(covered(name, (host,)) for name in names)


def _is_within(name: str, network: str) -> bool:
    try:
        return ip_address(name) in ip_network(network, strict=False)
    except ValueError:
        return False


def _text(file: str | None) -> str:
    try:
        return Path(file).read_text("utf-8", "replace") if file else ""
    except OSError:
        return ""
