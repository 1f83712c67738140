"""Continue: its extensions in VS Code and JetBrains, and its command line, read the same file.

Each model in it has an address of its own. Of Gemini that is a variable of the editor's own environment, and models
that come from elsewhere (`uses`) have theirs there.
"""

from __future__ import annotations

from pathlib import Path

from tokenguard.agents.continue_ import SERVICES
from tokenguard.ides.jsonc import Item
from tokenguard.ides.reading import NotUnderstood
from tokenguard.ides.shape import Address, Addresses, Language, Machine, Setting

NAME = "continue"
TITLE = "Continue"
HOLDS_KEYS = True
NOTES = (
    "models that it takes from elsewhere (uses): there, apiBase: {url}/anthropic/v1/ or {url}/openai/v1/",
    "models of Gemini take GOOGLE_GEMINI_BASE_URL={url}/gemini from the environment in which the editor is started",
)


def language() -> Language:
    """See `Ide.language`."""
    from tokenguard.ides import yamlc  # costs some milliseconds, needed for these settings only

    return yamlc


def file(machine: Machine) -> Path:
    """See `Ide.file`."""
    return machine.home / ".continue" / "config.yaml"


def workspace_file(folder: Path) -> Path | None:
    """See `Ide.workspace_file`."""
    return None


def settings(text: str, addresses: Addresses, machine: Machine) -> list[Setting]:
    """See `Ide.settings`."""
    from tokenguard.ides import yamlc

    found: list[Setting] = []
    for name in yamlc.names_at(text, ("models",)):
        model = ("models", Item(name))
        provider, path = SERVICES.get(yamlc.text_at(text, (*model, "provider")) or "", ("", ""))
        if provider in addresses.providers:
            address = addresses.providers[provider].below(path)
            usual = (*address.instead_of, *(f"{url}/" for url in address.instead_of), address.value)
            found.append(Setting((*model, "apiBase"), Address(f"{address.value}/", usual)))
    if not found:
        raise NotUnderstood("it lists no model of a provider that tokenguard knows")
    return found
