"""Cline: its extension in VS Code, that in JetBrains and its command line share the settings of providers.

They are `~/.cline/data/settings/providers.json` on every system, `CLINE_PROVIDER_SETTINGS_PATH`, `CLINE_DATA_DIR` and
`CLINE_DIR` name others. Cline reads them anew for every task and writes back what it has read, with its own change: so
nothing has to be closed. The keys stand beside the addresses. What `globalState.json` in the folder above says of the
same provider wins in an editor, which keeps that in memory; it is left alone.

Source: `provider-settings-manager.ts`, `cline-session-factory.ts` of the extension 4.1.13, and the command line 3.0.65.
"""

from __future__ import annotations

from pathlib import Path

from tokenguard.agents.cline import SERVICES, is_elsewhere, settings_file
from tokenguard.agents.settings import parse_json, read_json, text_at
from tokenguard.ides import jsonc
from tokenguard.ides.reading import NotUnderstood
from tokenguard.ides.shape import Address, Addresses, Language, Machine, Setting

NAME = "cline"
TITLE = "Cline"
NOTES = (
    "tasks that are open keep what they have",
    "a provider that you set up later, or with a Cline account or another login, is not guarded",
    "its command line lets a hub make the calls, which count where that was started: tokenguard env cline tells how to "
    "do without, or use tokenguard run cline",
    "before version 4 the extension keeps its settings in the editor: there, provider Anthropic, tick Use custom base "
    "URL: {url}/anthropic",
)
HOLDS_KEYS = True

_IN_EDITORS = {"anthropic": "anthropicBaseUrl", "openai-compatible": "openAiBaseUrl", "gemini": "geminiBaseUrl"}
"""Provider -> its address in `globalState.json`."""


def language() -> Language:
    """See `Ide.language`."""
    return jsonc


def file(machine: Machine) -> Path:
    """See `Ide.file`."""
    return settings_file(machine.env, machine.home)


def workspace_file(folder: Path) -> Path | None:
    """See `Ide.workspace_file`."""
    return None


def settings(text: str, addresses: Addresses, machine: Machine) -> list[Setting]:
    """See `Ide.settings`."""
    providers = parse_json(text) or {}
    state_file = file(machine).parent.parent / "globalState.json"
    state = read_json(state_file)
    found: list[Setting] = []
    for name in jsonc.names_at(text, ("providers",)):
        service = SERVICES.get(name)
        if service is None or service.provider not in addresses.providers or is_elsewhere(providers, name):
            continue
        address = _address(addresses, name)
        there = text_at(state, _IN_EDITORS.get(name, ""))
        if there is not None and there.rstrip("/") != address.value:
            raise NotUnderstood(
                f"{state_file} has {_IN_EDITORS[name]}, which wins in an editor: untick Use custom base URL in Cline's "
                "settings first"
            )
        found.append(Setting(("providers", name, "settings", "baseUrl"), address))
    if not found:
        raise NotUnderstood("it lists no provider with a key that tokenguard knows")
    return found


def _address(addresses: Addresses, name: str) -> Address:
    service = SERVICES[name]
    address = addresses.providers[service.provider].below(service.path)
    return Address(address.value, (*address.instead_of, *(f"{url}/" for url in address.instead_of)))
