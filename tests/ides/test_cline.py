"""Cline's settings of providers: which of them get an address."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tokenguard.ides import Address, Addresses, Machine, cline
from tokenguard.ides.keeping import Keeper
from tokenguard.ides.reading import NotUnderstood

URL = "http://127.0.0.1:4747"
KEY = "sk-of-the-user"
KNOWN = {
    "anthropic": "https://api.anthropic.com",
    "openai": "https://api.openai.com",
    "kimi": "https://api.moonshot.ai",
}
ADDRESSES = Addresses({}, {}, {name: Address(f"{URL}/{name}", (base,)) for name, base in KNOWN.items()})


def entry(provider: str, **settings: object) -> dict[str, Any]:
    return {
        "settings": {"provider": provider, "apiKey": KEY, **settings},
        "updatedAt": "2026-11-01T00:00:00.000Z",
        "tokenSource": "manual",
    }


def document(*entries: dict[str, Any]) -> str:
    """As Cline itself writes it."""
    providers = {one["settings"]["provider"]: one for one in entries}
    return (
        json.dumps({"version": 1, "lastUsedProvider": "anthropic", "modes": {}, "providers": providers}, indent=2)
        + "\n"
    )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, tmp_path / ".config", "linux")


def addresses(text: str, machine: Machine) -> dict[str, str]:
    """Provider -> address that it gets."""
    return {one.path[1]: one.address.value for one in cline.settings(text, ADDRESSES, machine)}


@pytest.mark.parametrize(
    ("env", "below"),
    [
        ({}, ".cline/data/settings/providers.json"),
        ({"CLINE_DIR": "/c"}, "/c/data/settings/providers.json"),
        ({"CLINE_DIR": "/c", "CLINE_DATA_DIR": "/d"}, "/d/settings/providers.json"),
        ({"CLINE_PROVIDER_SETTINGS_PATH": "/p.json"}, "/p.json"),
    ],
)
def test_where_it_is(machine: Machine, env: dict[str, str], below: str) -> None:
    assert cline.file(Machine(machine.home, machine.settings, "osx", env)) == machine.home / below


def test_providers_with_a_key_get_an_address(machine: Machine) -> None:
    text = document(entry("anthropic"), entry("openai-native"), entry("openai-compatible"), entry("bedrock"))
    assert addresses(text, machine) == {
        "anthropic": f"{URL}/anthropic/v1",
        "openai-native": f"{URL}/openai/v1",
        "openai-compatible": f"{URL}/openai/v1",
    }


def test_logins_and_other_regions_do_not(machine: Machine) -> None:
    login = entry("anthropic", auth={"refreshToken": "t"})
    assert addresses(document(login, entry("openai-native"), entry("moonshot", apiLine="china")), machine) == {
        "openai-native": f"{URL}/openai/v1"
    }


def test_where_nothing_can_be_led_nothing_is_written(machine: Machine) -> None:
    for text in ("{}", document(entry("cline")), document(entry("anthropic", auth={"refreshToken": "t"}))):
        with pytest.raises(NotUnderstood, match="no provider with a key"):
            addresses(text, machine)


def test_what_wins_in_an_editor_is_told(machine: Machine) -> None:
    state = cline.file(machine).parent.parent / "globalState.json"
    state.parent.mkdir(parents=True)
    state.write_text('{"anthropicBaseUrl": "https://llm.corp"}')
    with pytest.raises(NotUnderstood, match="globalState.json has anthropicBaseUrl, which wins"):
        addresses(document(entry("anthropic")), machine)
    assert addresses(document(entry("openai-native")), machine) == {"openai-native": f"{URL}/openai/v1"}
    state.write_text(json.dumps({"anthropicBaseUrl": f"{URL}/anthropic/v1"}))
    assert addresses(document(entry("anthropic")), machine) == {"anthropic": f"{URL}/anthropic/v1"}


def kept(tmp_path: Path, machine: Machine, text: str) -> tuple[Keeper, Path]:
    """The settings, written."""
    file = cline.file(machine)
    file.parent.mkdir(parents=True)
    file.write_text(text)
    file.chmod(0o600)
    keeper = Keeper(tmp_path / "state", file, cline.language(), holds_keys=cline.HOLDS_KEYS)
    assert keeper.write(cline.settings(keeper.text(), ADDRESSES, machine)).changed
    return keeper, file


def test_it_is_put_back_byte_for_byte_and_no_key_is_copied(tmp_path: Path, machine: Machine) -> None:
    before = document(entry("anthropic"), entry("openai-native", baseUrl="https://api.openai.com/v1/"))
    keeper, file = kept(tmp_path, machine, before)
    providers = json.loads(file.read_text())["providers"]
    assert providers["anthropic"]["settings"]["baseUrl"] == f"{URL}/anthropic/v1"
    assert providers["openai-native"]["settings"]["baseUrl"] == f"{URL}/openai/v1"
    assert not any(KEY in one.read_text() for one in (tmp_path / "state").rglob("*") if one.is_file())
    assert keeper.undo().restored
    assert file.read_text() == before


def test_after_cline_has_written_it_anew_only_ours_goes(tmp_path: Path, machine: Machine) -> None:
    keeper, file = kept(tmp_path, machine, document(entry("anthropic")))
    since = json.loads(file.read_text())
    since["providers"]["anthropic"]["updatedAt"] = "2026-11-21T00:00:00.000Z"
    since["providers"]["gemini"] = entry("gemini")
    file.write_text(json.dumps(since, indent=2) + "\n")
    assert not keeper.undo().restored
    del since["providers"]["anthropic"]["settings"]["baseUrl"]
    assert file.read_text() == json.dumps(since, indent=2) + "\n"
