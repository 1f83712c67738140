"""Codex's recipe: one override, in front, whatever the user's configuration says."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path

import pytest

from tests.agents_modules.support import BASE, NO_PROXY, Machine
from tokenguard.agents import codex, hooks

TOLD = 'notify = ["say", "it\'s $done"]\n'
"""What a user may have in `config.toml` to be told of turns."""


def override(args: tuple[str, ...]) -> object:
    """What the first override sets, as Codex reads it."""
    assert args[0] == "-c"
    return tomllib.loads(args[1])


def test_without_settings(machine: Machine) -> None:
    recipe = machine.recipe(codex, "exec", "hi")
    assert override(recipe.args) == {"openai_base_url": f"{BASE}/openai/v1"}
    assert recipe.args[2:] == ("exec", "hi")
    assert (recipe.env, recipe.upstreams, recipe.notes) == (NO_PROXY, {}, ())


def test_the_users_own_address_becomes_the_upstream(machine: Machine) -> None:
    machine.write("~/.codex/config.toml", 'openai_base_url = "https://llm.corp/v1/"')
    recipe = machine.recipe(codex)
    assert override(recipe.args) == {"openai_base_url": f"{BASE}/openai/v1"}
    assert recipe.upstreams == {"openai": "https://llm.corp"}


@pytest.mark.parametrize(
    "given",
    [
        ("-c", 'openai_base_url="https://llm.corp/v1"'),
        ("-c", "openai_base_url=https://llm.corp/v1"),
        ("--config", "openai_base_url = 'https://llm.corp/v1'"),
        ('--config=openai_base_url="https://llm.corp/v1"',),
        ('-copenai_base_url="https://llm.corp/v1"',),
    ],
)
def test_an_address_on_the_command_line_is_taken_out(machine: Machine, given: tuple[str, ...]) -> None:
    """A later override would win over ours."""
    recipe = machine.recipe(codex, "exec", *given, "-c", 'model="o3"', "hi")
    assert override(recipe.args) == {"openai_base_url": f"{BASE}/openai/v1"}
    assert recipe.args[2:] == ("exec", "-c", 'model="o3"', "hi")
    assert recipe.upstreams == {"openai": "https://llm.corp"}


@pytest.mark.parametrize("given", [("--oss",), ("-c", "model_provider=ollama"), ("-c", 'model_provider="a b"')])
def test_what_cannot_be_guarded_is_told(machine: Machine, given: tuple[str, ...]) -> None:
    recipe = machine.recipe(codex, *given)
    assert recipe.args == given
    (note,) = recipe.notes
    assert note.endswith("not guarded")


def test_a_refusal() -> None:
    refusal = codex.refuse("openai-responses", "stopped: Zürich")
    assert refusal is not None
    assert (refusal.status, refusal.body.decode()) == (400, "stopped: Zürich")
    assert refusal.content_type.startswith("text/plain")
    assert codex.refuse("openai-chat", "stopped") is None


def notified(machine: Machine, *args: str) -> tuple[object, tuple[str, ...], list[str]]:
    """What is notified, the other arguments behind the address, and the user's own command in our script."""
    recipe = machine.recipe(codex, *args)
    *lines, last = recipe.files[hooks.TURN].splitlines()
    if "\n".join([*lines, last, ""]) == hooks.script(hooks.TURN):
        return override(recipe.args), recipe.args[4:], []
    assert "\n".join([*lines, ""]) == hooks.script(hooks.TURN)
    return override(recipe.args), recipe.args[4:], shlex.split(last)


def test_our_script_is_told_of_turns(attended: Machine) -> None:
    ours = {"notify": ["/bin/sh", str(attended.private / "turn.sh")]}
    assert notified(attended, "say hello") == (ours, ("say hello",), [])
    assert "openai_base_url" in attended.recipe(codex).args[3]


def test_without_a_terminal_nobody_is_waited_for(machine: Machine) -> None:
    recipe = machine.recipe(codex, "exec", "hi")
    assert (recipe.files, "notify" in " ".join(recipe.args)) == ({}, False)


def test_the_users_own_program_is_told_too_and_stands_in_no_argument(attended: Machine) -> None:
    attended.write("~/.codex/config.toml", TOLD)
    told, rest, theirs = notified(attended)
    assert theirs == ["exec", "say", "it's $done", "$@"]
    assert "it's" not in f"{told} {rest}"


@pytest.mark.parametrize("place", ["profile", "argument", "system"])
def test_wherever_it_is_named(attended: Machine, codex_system: Path, place: str) -> None:
    args: tuple[str, ...] = ()
    if place == "profile":
        attended.write("~/.codex/work.config.toml", TOLD)
        args = ("-p", "work")
    elif place == "argument":
        args = ("-c", TOLD.strip().replace(" = ", "="))
    else:
        codex_system.write_text(TOLD)
    _, rest, theirs = notified(attended, *args)
    assert theirs == ["exec", "say", "it's $done", "$@"]
    assert rest == (args if place == "profile" else ())


def test_who_wants_no_program_gets_only_ours(attended: Machine) -> None:
    attended.write("~/.codex/config.toml", TOLD)
    assert notified(attended, "-c", "notify=[]")[2] == []


@pytest.mark.parametrize("broken", ['notify = "say"', "notify = [1]", "notify = 5"])
def test_a_program_that_codex_will_not_take_is_left_to_it(attended: Machine, broken: str) -> None:
    attended.write("~/.codex/config.toml", broken)
    recipe = attended.recipe(codex)
    assert (recipe.files, "notify" in " ".join(recipe.args)) == ({}, False)


def test_also_where_calls_are_not_guarded(attended: Machine) -> None:
    assert notified(attended, "--oss")[0] == {"notify": ["/bin/sh", str(attended.private / "turn.sh")]}
