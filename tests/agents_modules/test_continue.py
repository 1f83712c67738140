"""Continue's recipe: a copy of the user's settings, in which the addresses are ours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agents_modules.support import BASE, Machine, environment, json_file
from tokenguard.agents import continue_
from tokenguard.agents.shape import Recipe

MAIN = "~/.continue/config.yaml"
CLAUDE = {"name": "claude", "provider": "anthropic", "model": "claude-opus-5-5", "apiKey": "k"}
GPT = {"name": "gpt", "provider": "openai", "model": "gpt-6.1-sol", "apiKey": "k"}


def settings(recipe: Recipe) -> Any:
    return json_file(recipe, "continue.yaml")


def addresses(recipe: Recipe) -> list[str | None]:
    return [model.get("apiBase") for model in settings(recipe)["models"]]


def models(machine: Machine, *entries: dict[str, Any]) -> None:
    machine.write(MAIN, {"name": "main", "version": "1.0.0", "models": entries})


def test_every_model_gets_our_address_and_nothing_else_changes(machine: Machine) -> None:
    machine.write(
        MAIN,
        "name: main\nversion: 1.0.0 # why\nrules: [be brief, yes]\nmodels:\n"
        "  - name: claude\n    provider: anthropic\n    model: claude-opus-5-5\n    apiKey: ${{ secrets.KEY }}\n"
        "    defaultCompletionOptions: &few {maxTokens: 100, temperature: .5}\n"
        "  - {name: gpt, provider: openai, model: gpt-6.1-sol, defaultCompletionOptions: *few}\n",
    )
    recipe = machine.recipe(continue_, "-p", "hi")
    few = {"maxTokens": 100, "temperature": 0.5}
    assert recipe.args == ("--config", str(machine.private / "continue.yaml"), "-p", "hi")
    assert settings(recipe) == {
        "name": "main",
        "version": "1.0.0",
        "rules": ["be brief", "yes"],
        "models": [
            {
                **{**CLAUDE, "apiKey": "${{ secrets.KEY }}"},
                "defaultCompletionOptions": few,
                "apiBase": f"{BASE}/anthropic/v1/",
            },
            {
                "name": "gpt",
                "provider": "openai",
                "model": "gpt-6.1-sol",
                "defaultCompletionOptions": few,
                "apiBase": f"{BASE}/openai/v1/",
            },
        ],
    }
    assert (environment(recipe), recipe.upstreams, recipe.notes) == ({}, {}, ())


def test_the_token_is_in_no_argument(machine: Machine) -> None:
    models(machine, CLAUDE)
    assert BASE not in " ".join(machine.recipe(continue_, "hi").args)


def test_the_users_own_addresses_become_the_upstreams(machine: Machine) -> None:
    models(
        machine,
        {**CLAUDE, "apiBase": "https://claude.corp/v1/"},
        {**GPT, "apiBase": "https://openrouter.ai/api/v1"},
        {**GPT, "apiBase": "https://llm.corp/openai"},
    )
    recipe = machine.recipe(continue_)
    assert addresses(recipe) == [f"{BASE}/anthropic/v1/", f"{BASE}/openrouter/api/v1/", f"{BASE}/openai/"]
    assert recipe.upstreams == {"anthropic": "https://claude.corp", "openai": "https://llm.corp/openai"}


def test_a_second_address_for_one_provider_is_told(machine: Machine) -> None:
    """Its key must not go to the first one's host."""
    models(machine, GPT, {**GPT, "name": "local", "apiBase": "http://gpu:8000/v1"})
    recipe = machine.recipe(continue_)
    assert addresses(recipe) == [f"{BASE}/openai/v1/", "http://gpu:8000/v1"]
    assert recipe.upstreams == {}
    assert recipe.notes == ("Continue's model local is at http://gpu:8000/v1: its calls are not guarded",)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"provider": "bedrock"}, "bedrock"),
        ({"provider": "ollama", "apiBase": "http://gpu:11434"}, "http://gpu:11434"),
        ({"apiBase": "${{ secrets.BASE }}"}, "${{ secrets.BASE }}"),
        ({"provider": 5}, "a provider without a name"),
    ],
)
def test_what_we_know_no_way_to_is_told(machine: Machine, changes: dict[str, Any], where: str) -> None:
    models(machine, {**GPT, **changes})
    recipe = machine.recipe(continue_)
    assert recipe.notes == (f"Continue's model gpt is at {where}: its calls are not guarded",)
    assert settings(recipe)["models"] == [{**GPT, **changes}]


def test_a_provider_by_its_address(machine: Machine) -> None:
    models(machine, {**GPT, "provider": "nobody-knows", "apiBase": "https://api.x.ai/v1"})
    recipe = machine.recipe(continue_)
    assert (addresses(recipe), recipe.notes) == ([f"{BASE}/xai/v1/"], ())


def test_models_for_editors_are_not_told(machine: Machine) -> None:
    models(machine, CLAUDE, {**GPT, "provider": "ollama", "roles": ["autocomplete"]})
    assert machine.recipe(continue_).notes == ()


def test_gemini_goes_by_a_variable(machine: Machine) -> None:
    models(machine, {"name": "flash", "provider": "gemini", "model": "gemini-3.8-flash"})
    assert environment(machine.recipe(continue_)) == {"GOOGLE_GEMINI_BASE_URL": f"{BASE}/gemini"}
    recipe = machine.recipe(continue_, GOOGLE_GEMINI_BASE_URL="https://gemini.corp")
    assert environment(recipe) == {"GOOGLE_GEMINI_BASE_URL": f"{BASE}/gemini"}
    assert recipe.upstreams == {"gemini": "https://gemini.corp"}


@pytest.mark.parametrize("given", [("--config", "mine.yaml"), ("--config=mine.yaml",)])
def test_settings_that_the_user_passes(machine: Machine, given: tuple[str, ...]) -> None:
    models(machine, CLAUDE)
    machine.write("mine.yaml", {"models": [GPT]})
    recipe = machine.recipe(continue_, "-p", *given, "hi")
    assert recipe.args[2:] == ("-p", "hi")
    assert addresses(recipe) == [f"{BASE}/openai/v1/"]


def test_another_home(machine: Machine) -> None:
    machine.write("~/elsewhere/config.yaml", {"models": [GPT]})
    recipe = machine.recipe(continue_, CONTINUE_GLOBAL_DIR=str(machine.home / "elsewhere"))
    assert addresses(recipe) == [f"{BASE}/openai/v1/"]


@pytest.mark.parametrize("used", ["./parts/gpt.yaml", "file://parts/gpt.yaml", "~/.continue/parts/gpt.yaml"])
def test_a_model_in_a_file_of_its_own(machine: Machine, used: str) -> None:
    machine.write("~/.continue/parts/gpt.yaml", {"models": [{**GPT, "apiBase": "https://llm.corp/v1"}]})
    machine.write("~/.continue/rule.yaml", "rules: [x]")
    rules = [{"uses": "./rule.yaml"}, {"uses": "owner/slug"}, "be brief"]
    machine.write(MAIN, {"models": [{"uses": used, "override": {"name": "mine"}}], "rules": rules})
    recipe = machine.recipe(continue_)
    (model,) = settings(recipe)["models"]
    assert (machine.home / ".continue/parts/gpt.yaml").samefile(model["uses"])
    assert model["override"] == {"name": "mine", "apiBase": f"{BASE}/openai/v1/"}
    assert recipe.upstreams == {"openai": "https://llm.corp"}
    assert settings(recipe)["rules"] == [
        {"uses": str(machine.home / ".continue/rule.yaml")},
        {"uses": "owner/slug"},
        "be brief",
    ]


def test_a_file_in_the_working_folder_comes_first(machine: Machine) -> None:
    machine.write("gpt.yaml", {"models": [CLAUDE]})
    machine.write("~/.continue/gpt.yaml", {"models": [GPT]})
    machine.write(MAIN, {"models": [{"uses": "./gpt.yaml"}]})
    (model,) = settings(machine.recipe(continue_))["models"]
    assert model["override"] == {"apiBase": f"{BASE}/anthropic/v1/"}


def test_the_proxy_of_a_model_is_how_its_provider_is_reached(machine: Machine) -> None:
    options = {"proxy": "http://corp:3128", "caBundlePath": "/etc/corp.pem"}
    models(machine, {**CLAUDE, "requestOptions": options})
    recipe = machine.recipe(continue_, HTTPS_PROXY="http://other:3128", NO_PROXY="corp")
    assert recipe.network == {
        "HTTPS_PROXY": "http://corp:3128",
        "HTTP_PROXY": "http://corp:3128",
        "NODE_EXTRA_CA_CERTS": "/etc/corp.pem",
        "NO_PROXY": "corp",
    }
    assert settings(recipe)["models"][0]["requestOptions"] == options


@pytest.mark.parametrize("args", [("--model", "./x.yaml"), ("--agent=x.md",), ("review",)])
def test_models_from_elsewhere_are_told(machine: Machine, args: tuple[str, ...]) -> None:
    models(machine, CLAUDE)
    (note,) = machine.recipe(continue_, *args).notes
    assert note.endswith("not guarded")


@pytest.mark.parametrize("broken", ["[", "- 1", "", "\0\xff", "a: &a [*a]", "a: !x 1"])
def test_settings_that_cannot_be_read_are_left_to_continue(machine: Machine, broken: str) -> None:
    machine.write(MAIN, broken)
    recipe = machine.recipe(continue_, "-p", "hi")
    assert (recipe.args, recipe.files) == (("-p", "hi"), {})
    assert recipe.notes == (
        f"Continue finds no settings in {machine.home / '.continue/config.yaml'}: its calls are not guarded",
    )


@pytest.mark.parametrize("broken", ["models: x", "models: [1, x, {}]", "models:\n", "models: [{uses: [1]}]"])
def test_settings_of_another_shape_do_no_harm(machine: Machine, broken: str) -> None:
    machine.write(MAIN, broken)
    assert machine.recipe(continue_).upstreams == {}


def test_the_dialects_own_refusal_serves() -> None:
    assert continue_.refuse("anthropic-messages", "stopped") is None
