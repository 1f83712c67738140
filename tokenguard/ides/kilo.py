"""Kilo Code: its extension starts its command line, and both read `~/.config/kilo`, on every system.

`XDG_CONFIG_HOME` names another place of that. Of the files there, each is merged over those before it: `config.json`,
`kilo.json`, `kilo.jsonc`, `opencode.json`, `opencode.jsonc`; then come those in `~/.kilocode` and `~/.kilo`. Kilo
itself writes into the first one of `_OWN_ORDER` that is there. A provider that is named counts as one that is set up,
so only those that are get an address: keys are in `~/.local/share/kilo/auth.json`, of which only the names are looked
at, and the kinds of logins.

On its first start Kilo notes that its user is new. Where it finds settings without that note, it takes them for those
of an old user, and allows all commands of the shell.

Source: Kilo 7.7.7, and its own reference of its settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tokenguard.agents.kilo import KIN
from tokenguard.agents.opencode_kin import SERVICES, service_of
from tokenguard.agents.opencode_settings import logins
from tokenguard.agents.settings import object_at, read_json
from tokenguard.ides import jsonc
from tokenguard.ides.reading import NotUnderstood
from tokenguard.ides.shape import Address, Addresses, Language, Machine, Setting

NAME = "kilo"
TITLE = "Kilo Code"
NOTES = (
    "it takes effect when Kilo or the editor is started again",
    "a provider that you set up later, a Kilo account and the models that Kilo itself offers are not guarded",
    "settings of a project (.kilo), and those that KILO_CONFIG and KILO_CONFIG_DIR name, win over this",
    "before version 7 the extension keeps its settings in the editor: there, provider Anthropic, tick Use custom base "
    "URL: {url}/anthropic",
)
HOLDS_KEYS = True

_OWN_ORDER = ("kilo.jsonc", "kilo.json", "opencode.jsonc", "opencode.json", "config.json")
_NOT_NEW = ".bash-permission-migrated"


def language() -> Language:
    """See `Ide.language`."""
    return jsonc


def file(machine: Machine) -> Path:
    """See `Ide.file`."""
    found = (_folder(machine) / name for name in _OWN_ORDER)
    return next((file for file in found if file.exists()), _folder(machine) / _OWN_ORDER[0])


def workspace_file(folder: Path) -> Path | None:
    """See `Ide.workspace_file`: who has set up which provider is not a matter of a project."""
    return None


def settings(text: str, addresses: Addresses, machine: Machine) -> list[Setting]:
    """See `Ide.settings`."""
    for other in _others(machine):
        if object_at(read_json(other), "provider"):
            raise NotUnderstood(f"{other} names providers, too: put them into one file")
    if set(jsonc.names_at(text, ())) <= {"$schema"} and not (_folder(machine) / _NOT_NEW).exists():
        raise NotUnderstood('Kilo would then allow all commands of the shell: put "permission": {"bash": "ask"} there')
    kinds = logins(KIN, machine.env, machine.home)
    named = jsonc.names_at(text, ("provider",))
    found = [
        setting
        for name in dict.fromkeys((*named, *(name for name in SERVICES if name in kinds)))
        if (setting := _setting(text, name, addresses, kinds)) is not None
    ]
    if not found:
        raise NotUnderstood("no provider that tokenguard knows is set up, by kilo auth login or in this file")
    return found


def _setting(text: str, name: str, addresses: Addresses, kinds: dict[str, str]) -> Setting | None:
    """None for a provider that leads to none that tokenguard knows."""
    older: jsonc.Path = ("provider", name, "api")
    path: jsonc.Path = ("provider", name, "options", "baseURL")
    if jsonc.text_at(text, path) is None and jsonc.text_at(text, older) is not None:
        path = older
    if name in SERVICES:
        service = service_of(name, kinds)
        known = service.provider in addresses.providers
        return Setting(path, _address(addresses, service.provider, service.path)) if known else None
    there = (jsonc.text_at(text, path) or "").rstrip("/")
    for service in SERVICES.values():
        if service.provider in addresses.providers:
            address = _address(addresses, service.provider, service.path)
            if there in (address.value, *address.instead_of):
                return Setting(path, address)
    return None


def _address(addresses: Addresses, provider: str, path: str) -> Address:
    address = addresses.providers[provider].below(path)
    return Address(address.value, (*address.instead_of, *(f"{url}/" for url in address.instead_of)))


def _others(machine: Machine) -> Iterator[Path]:
    """The other files of the user's that are merged with the one that is written."""
    ours, folder = file(machine), _folder(machine)
    yield from (folder / name for name in _OWN_ORDER if folder / name != ours)
    yield from (machine.home / dotted / name for dotted in KIN.dotted for name in KIN.names)


def _folder(machine: Machine) -> Path:
    own = machine.settings if machine.system == "linux" else machine.home / ".config"
    return own / KIN.folder
