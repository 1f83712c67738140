"""Kilo Code's settings: which of its files, and which providers get an address."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ides.documents import said
from tokenguard.ides import Address, Addresses, Machine, kilo
from tokenguard.ides.keeping import Keeper
from tokenguard.ides.reading import NotUnderstood

URL = "http://127.0.0.1:4747"
KNOWN = {
    "anthropic": "https://api.anthropic.com",
    "openai": "https://api.openai.com",
    "chatgpt": "https://chatgpt.com/x",
}
ADDRESSES = Addresses({}, {}, {name: Address(f"{URL}/{name}", (base,)) for name, base in KNOWN.items()})
NAMED = '{"provider": {"anthropic": {}}}'


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine on which Kilo has been started."""
    folder = tmp_path / ".config" / "kilo"
    folder.mkdir(parents=True)
    (folder / ".bash-permission-migrated").touch()
    return Machine(tmp_path, tmp_path / ".config", "linux")


def addresses(text: str, machine: Machine) -> dict[str, str]:
    """Setting -> address that it gets."""
    return {" ".join(one.path[1:]): one.address.value for one in kilo.settings(text, ADDRESSES, machine)}


def log_in(machine: Machine, **kinds: str) -> None:
    file = machine.home / ".local" / "share" / "kilo" / "auth.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({name: {"type": kind, "key": "sk-secret"} for name, kind in kinds.items()}))


def test_it_is_at_the_same_place_on_every_system(machine: Machine) -> None:
    folder = machine.home / ".config" / "kilo"
    assert kilo.file(machine) == folder / "kilo.jsonc"
    assert kilo.file(Machine(machine.home, machine.home / "Library", "osx")) == folder / "kilo.jsonc"
    assert kilo.workspace_file(machine.home) is None


def test_the_file_that_kilo_itself_writes(machine: Machine) -> None:
    folder = machine.home / ".config" / "kilo"
    for name in ("config.json", "opencode.json", "opencode.jsonc", "kilo.json", "kilo.jsonc"):
        (folder / name).write_text("{}")
        assert kilo.file(machine) == folder / name


def test_what_is_set_up_gets_an_address(machine: Machine) -> None:
    log_in(machine, openai="api", kilo="oauth", wellknown="wellknown")
    text = '{"provider": {"anthropic": {"options": {"timeout": 1}}, "zai": {}, "mine": {"options": {"baseURL": "%s"}}}}'
    assert addresses(text % "https://api.openai.com/v1/", machine) == {
        "anthropic options baseURL": f"{URL}/anthropic/v1",
        "openai options baseURL": f"{URL}/openai/v1",
        "mine options baseURL": f"{URL}/openai/v1",
    }
    assert "mine options baseURL" not in addresses(text % "http://127.0.0.1:8080/v1", machine)


def test_a_chatgpt_login_goes_to_chatgpt(machine: Machine) -> None:
    log_in(machine, openai="oauth")
    assert addresses("{}", machine) == {"openai options baseURL": f"{URL}/chatgpt"}


def test_an_address_at_the_older_place_is_that_of_the_user(machine: Machine) -> None:
    (one,) = kilo.settings('{"provider": {"anthropic": {"api": "https://llm.corp/v1"}}}', ADDRESSES, machine)
    assert one.path == ("provider", "anthropic", "api")


def test_where_nothing_is_set_up_nothing_is_written(machine: Machine) -> None:
    for text in ("{}", '{"provider": {}}', '{"provider": {"zai": {}}}'):
        with pytest.raises(NotUnderstood, match="no provider that tokenguard knows is set up"):
            addresses(text, machine)


@pytest.mark.parametrize("other", [".config/kilo/opencode.json", ".kilo/kilo.json", ".kilocode/kilo.jsonc"])
def test_providers_in_two_files_are_put_into_one_by_their_user(machine: Machine, other: str) -> None:
    kilo.file(machine).write_text(NAMED)
    file = machine.home / other
    file.parent.mkdir(exist_ok=True)
    file.write_text('{"model": "x/y"} // no provider')
    assert addresses(NAMED, machine)
    file.write_text('{"provider": {"openai": {}}}')
    with pytest.raises(NotUnderstood, match="names providers, too"):
        addresses(NAMED, machine)


def test_kilo_is_not_made_to_allow_what_it_would_have_asked_for(machine: Machine) -> None:
    log_in(machine, anthropic="api")
    (machine.home / ".config" / "kilo" / ".bash-permission-migrated").unlink()
    for text in ("{}", '{"$schema": "https://app.kilo.ai/config.json"}'):
        with pytest.raises(NotUnderstood, match="would then allow all commands"):
            addresses(text, machine)
    assert addresses('{"permission": {"bash": "ask"}}', machine)


def test_it_is_merged_and_put_back_byte_for_byte(tmp_path: Path, machine: Machine) -> None:
    log_in(machine, openai="api")
    before = (
        '{\n  // mine\n  "$schema": "https://app.kilo.ai/config.json",\n  "provider": {\n'
        '    "anthropic": { "options": { "apiKey": "sk-secret" } }, // the dear one\n  },\n}\n'
    )
    file = kilo.file(machine)
    file.write_text(before)
    keeper = Keeper(tmp_path / "state", file, kilo.language(), holds_keys=kilo.HOLDS_KEYS)
    keeper.write(kilo.settings(keeper.text(), ADDRESSES, machine))
    text = file.read_text()
    assert "// mine" in text and "// the dear one" in text
    assert said(text)["provider"] == {
        "anthropic": {"options": {"apiKey": "sk-secret", "baseURL": f"{URL}/anthropic/v1"}},
        "openai": {"options": {"baseURL": f"{URL}/openai/v1"}},
    }
    assert not any("sk-secret" in one.read_text() for one in (tmp_path / "state").rglob("*") if one.is_file())
    assert keeper.undo().restored
    assert file.read_text() == before


def test_after_kilo_has_changed_it_only_ours_goes(tmp_path: Path, machine: Machine) -> None:
    file = kilo.file(machine)
    file.write_text(NAMED)
    keeper = Keeper(tmp_path / "state", file, kilo.language(), holds_keys=kilo.HOLDS_KEYS)
    keeper.write(kilo.settings(keeper.text(), ADDRESSES, machine))
    file.write_text(json.dumps({"$schema": "x", **said(file.read_text()), "model": "a/b"}, indent=2))
    assert not keeper.undo().restored
    assert said(file.read_text()) == {"$schema": "x", **json.loads(NAMED), "model": "a/b"}
