"""aider.

Its variables come from the process, then from `.env` files, the last of which is the one that `--env-file` names:
started with one of ours, which begins as the user's own. `set-env` and `openai-api-base`, of the command line or of
`.aider.conf.yml`, are put in after that. A refusal ends the prompt with exit code 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from tokenguard.agents import environment
from tokenguard.agents.litellm import SERVICES
from tokenguard.agents.options import take
from tokenguard.agents.settings import read_dotenv, read_flat_yaml, read_text
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.urls import Ways
from tokenguard.wire.shape import Refusal

NAME = "aider"
TITLE = "aider"
COMMANDS = ("aider",)
PROGRAMS = ("/aider-chat/",)
INSTALL = "install it with pipx install aider-chat"
LOGIN = "set ANTHROPIC_API_KEY, OPENAI_API_KEY or another provider's key"
MINIMUM = ""
DIALECTS = ("anthropic-messages", "openai-chat", "gemini")
HOLD_SECONDS = 300
"""It was seen to wait for 320 s."""
GUARDED = "a file of variables, given with --env-file"
NOT_COVERED = ("Bedrock, Vertex, Azure and other providers than those that tokenguard knows",)
LEAVES = ""


_KEY_OF = {url: service.key for service in SERVICES for url in service.urls}
_FLAGS = {
    "openai-api-base": "OPENAI_API_BASE",
    "openai-api-key": "OPENAI_API_KEY",
    "anthropic-api-key": "ANTHROPIC_API_KEY",
}
"""Settings that become variables."""
_MODELS = ("model", "weak-model", "editor-model")
_FILE = "aider.env"


class _Layer(Struct, frozen=True):
    """Variables of one place."""

    place: str
    values: Mapping[str, str]
    own: bool = True
    """Whether it is the user's and not the project's."""


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    given, rest = take(situation.args, "--env-file")
    bases, rest = take(rest, "--openai-api-base")
    passed, without = take(rest, "--set-env")
    confs = _confs(situation, rest)
    conf = {name: values for _, settings in confs for name, values in settings.items()}
    elsewhere = [situation.env.get("AIDER_ENV_FILE", ""), *conf.get("env-file", ())]
    file = next(filter(None, [*given[-1:], *elsewhere]), "")
    theirs = situation.cwd / file if file else None
    layers = [
        _Layer("", situation.env),
        *_dotenvs(situation),
        *([_Layer(file, read_dotenv(theirs), bool(given) or _is_own(theirs, situation))] if theirs else ()),
        *(_Layer(str(file), _variables(settings), _is_own(file, situation)) for file, settings in confs),
        _Layer("", _assignments((*passed, *(f"OPENAI_API_BASE={url}" for url in bases)))),
    ]
    env, notes = _merged(layers)
    ways = Ways(situation.base_url, situation.providers)
    ours, unguarded = _routes(ways, env)
    listed = passed or _listed(env.get("AIDER_SET_ENV", "")) or conf.get("set-env", ())
    if not _KEY_OF.keys().isdisjoint(_assignments(listed)):
        # Put in after the file, on top of it.
        rest = without
        ours["AIDER_SET_ENV"] = json.dumps([one for one in listed if _name(one) not in _KEY_OF])
    text = read_text(theirs) if theirs else ""
    return Recipe(
        args=("--env-file", str(situation.folder / _FILE), *rest),
        env=environment.direct_loopback(situation.env),
        files={_FILE: "\n".join([text, *(f"{name}={_quoted(value)}" for name, value in ours.items()), ""])},
        upstreams=ways.upstreams,
        network=environment.network(situation.env),
        notes=(*_elsewhere(rest, env, conf), *unguarded, *notes),
    )


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request. After a 402 it asks eight times more."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`. A `.env` file wins over the process environment."""
    env = {service.urls[0]: f"{base_url}/{service.provider}{service.path}" for service in SERVICES}
    return ByHand(settings=(("~/.env", "\n".join(f"{name}={value}" for name, value in env.items())),))


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`."""
    return Trial(
        before=("--yes-always", "--no-check-update", "--no-analytics", "--no-gitignore", "--message"),
        after=("--no-show-release-notes", "--no-show-model-warnings"),
        env={"ANTHROPIC_API_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        # Else it fetches the prices of models.
        files={".aider/caches/model_prices_and_context_window.json": '{"none": {}}'},
        stopped=0,
    )


def _confs(situation: Situation, args: tuple[str, ...]) -> list[tuple[Path, dict[str, tuple[str, ...]]]]:
    """Its settings files and what they say, the weakest first."""
    places = dict.fromkeys((situation.home, _top(situation.cwd), situation.cwd))
    files = [place / ".aider.conf.yml" for place in places]
    chosen, _ = take(args, "-c", "--config")
    return [(file, read_flat_yaml(file)) for file in (*files, *(situation.cwd / name for name in chosen))]


def _dotenvs(situation: Situation) -> list[_Layer]:
    """The files of variables that it always reads, the weakest first."""
    home, cwd = situation.home, situation.cwd
    files = [home / ".aider" / "oauth-keys.env", *(place / ".env" for place in dict.fromkeys((home, _top(cwd), cwd)))]
    return [_Layer(str(file), read_dotenv(file), _is_own(file, situation)) for file in files]


def _is_own(file: Path, situation: Situation) -> bool:
    """Whether a file is the user's: what lies in the folder of a project may be another's."""
    return file.parent in (situation.home, situation.home / ".aider") or not file.is_relative_to(_top(situation.cwd))


def _top(cwd: Path) -> Path:
    """The working tree that a folder belongs to; the folder itself without one."""
    return next((folder for folder in (cwd, *cwd.parents) if (folder / ".git").exists()), cwd)


def _variables(conf: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The variables that a settings file sets."""
    flags = {variable: conf[name][-1] for name, variable in _FLAGS.items() if conf.get(name)}
    return _assignments(conf.get("set-env", ())) | flags


def _merged(layers: Iterable[_Layer]) -> tuple[dict[str, str], list[str]]:
    """(variables, what to say of those that are left out).

    A base URL in a file of the project's counts only where the file has the key too: it must not get the user's own.
    """
    env: dict[str, str] = {}
    notes: list[str] = []
    for layer in layers:
        values = dict(layer.values)
        if base := values.get("AIDER_OPENAI_API_BASE"):
            values["OPENAI_API_BASE"] = base
        for name in [] if layer.own else [name for name in values if _KEY_OF.get(name, name) not in values]:
            if env.get(name) != values[name]:
                notes.append(f"{name} of {layer.place} is not used: the key that goes there is not in that file")
            del values[name]
        env |= values
    return env, notes


def _routes(ways: Ways, env: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """(variables with base URLs, what to say of addresses that do not come to us)."""
    ours: dict[str, str] = {}
    notes: list[str] = []
    for service in SERVICES:
        given = next((name for name in service.urls if env.get(name)), service.urls[0])
        url = ways.to(service.provider, service.path, env.get(given))
        if url is None:
            notes.append(f"{given} names another address than the variables before it: its calls are not guarded")
        else:
            ours |= dict.fromkeys(service.urls, url)
    if "OPENAI_API_BASE" in ours:
        ours["AIDER_OPENAI_API_BASE"] = ours["OPENAI_API_BASE"]
    return ours, notes


def _elsewhere(args: Sequence[str], env: Mapping[str, str], conf: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """What to say of models that other providers serve."""
    known = {service.prefix for service in SERVICES}
    for option in _MODELS:
        variable = f"AIDER_{option.upper().replace('-', '_')}"
        model = (*conf.get(option, ()), *filter(None, [env.get(variable)]), *take(args, f"--{option}")[0])[-1:]
        if model and "/" in model[0] and model[0].partition("/")[0] not in known:
            yield f"aider's model {model[0]} is served by a provider that is not known: its calls are not guarded"


def _listed(text: str) -> tuple[str, ...]:
    """The elements of a list in a variable: JSON, or a single one."""
    try:
        return tuple(str(one) for one in json.loads(text)) if text.startswith("[") else (text,) * bool(text)
    except ValueError:
        return tuple(one.strip() for one in text[1:-1].split(","))


def _assignments(listed: Iterable[str]) -> dict[str, str]:
    return {_name(one): one.partition("=")[2].strip() for one in listed}


def _name(assignment: str) -> str:
    return assignment.partition("=")[0].strip()


def _quoted(value: str) -> str:
    """A value as `.env` files have it, in which nothing is replaced."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
