"""YAML that is edited where it has to be, and is the same everywhere else."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.ides import yamlc
from tokenguard.ides.jsonc import Item, edited
from tokenguard.ides.reading import NotUnderstood

URL = "http://127.0.0.1:4747/anthropic/v1/"
OPUS = ("models", Item("Opus"), "apiBase")
NAMES = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=8)


def with_url(text: str) -> str:
    new = edited(text, yamlc.put(text, OPUS, URL))
    assert yamlc.text_at(new, OPUS) == URL
    return new


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("models:\n- name: Opus\n  model: x\n", f'models:\n- name: Opus\n  apiBase: "{URL}"\n  model: x\n'),
        ("models:\n  - name: Opus # dear", f'models:\n  - name: Opus # dear\n    apiBase: "{URL}"'),
        ("models:\r\n- name: Opus\r\n", f'models:\r\n- name: Opus\r\n  apiBase: "{URL}"\r\n'),
        (
            "models:\n- roles:\n    - chat\n  name: Opus\n",
            f'models:\n- roles:\n    - chat\n  name: Opus\n  apiBase: "{URL}"\n',
        ),
        ("models: [{name: Opus}]\n", f'models: [{{"apiBase": "{URL}", name: Opus}}]\n'),
        ('{"models": [{"name": "Opus"}]}', f'{{"models": [{{"apiBase": "{URL}", "name": "Opus"}}]}}'),
    ],
)
def test_what_is_new_is_put_in_and_taken_out(text: str, new: str) -> None:
    assert with_url(text) == new
    assert edited(new, yamlc.remove(new, OPUS)) == text


@pytest.mark.parametrize("old", ["https://x/", "'https://x/'", '"https://x/"', "3", "null"])
def test_what_is_there_is_replaced_and_rewritten(old: str) -> None:
    text = f"models:\n- name: Opus\n  apiBase: {old} # mine\n  model: x\n"
    was = yamlc.written_at(text, OPUS)
    assert was is not None
    new = with_url(text)
    assert yaml.safe_load(new)["models"][0] == {"name": "Opus", "apiBase": URL, "model": "x"}
    assert edited(new, yamlc.rewrite(new, OPUS, was)) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "line 1 is not YAML"),
        ("- a", "no mapping"),
        ("", "no mapping"),
        ("a: 1\n---\nb: 2\n", "no mapping"),
        ("a: &b 1\nc: *b\n", "anchors"),
        ("a: \x00", "not YAML"),
        ("a: " + "[" * 3_000, "not YAML"),
    ],
)
def test_what_is_not_understood(text: str, told: str) -> None:
    with pytest.raises(NotUnderstood, match=told):
        yamlc.checked(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("models:\n- name: Opus\n- name: Opus\n", "more than once"),
        ("models:\n- name: Opus\n  apiBase: a\n  apiBase: b\n", "more than once"),
        ("models: Opus\n", "not what it should be"),
        ("models:\n- name: >-\n    Opus\n", "line 2 is not understood"),
        ("models:\n- name: Opus\n  apiBase: >-\n    https://x/\n", "line 3 is not understood"),
        ("models:\n- name: Opus\n  apiBase: [x]\n", "line 3 is not understood"),
    ],
)
def test_where_nothing_can_be_put(text: str, told: str) -> None:
    with pytest.raises(NotUnderstood, match=told):
        yamlc.put(text, OPUS, URL)


def test_only_a_line_of_its_own_is_taken_out() -> None:
    with pytest.raises(NotUnderstood, match="holds more"):
        yamlc.remove(f"models:\n- apiBase: {URL}\n  name: Opus\n", OPUS)
    assert yamlc.remove("models:\n- name: Opus\n", OPUS) == []
    assert yamlc.remove("models: []\n", OPUS) == []


def test_names() -> None:
    text = "models:\n- name: Opus\n- uses: x/y\n- {name: Small}\n- 3\n"
    assert yamlc.names_at(text, ("models",)) == ["Opus", "Small"]
    assert yamlc.names_at(text, ("rules",)) == []
    assert yamlc.text_at("models:\n- name: Opus\n  apiBase: 3\n", OPUS) is None, "that is a number"


@st.composite
def settings(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """Settings as PyYAML writes them, in its styles, with comments between them."""
    names = draw(st.lists(NAMES, unique=True, min_size=1, max_size=3))
    models = [{"name": name, "provider": "anthropic", "roles": draw(st.lists(NAMES, max_size=2))} for name in names]
    style, indent = draw(st.sampled_from([None, False, True])), draw(st.sampled_from([2, 4]))
    text = yaml.safe_dump(
        {"models": models}, default_flow_style=style, indent=indent, allow_unicode=True, sort_keys=draw(st.booleans())
    )
    ends = ["", "# end\n", *(["rules: []\n"] if style is False else [])]
    return draw(st.sampled_from(["", "# mine\n"])) + text + draw(st.sampled_from(ends)), models


@given(settings())
def test_nothing_else_changes_whatever_it_looks_like(given_: tuple[str, list[dict[str, Any]]]) -> None:
    text, models = given_
    path = ("models", Item(models[0]["name"]), "apiBase")
    new = edited(text, yamlc.put(text, path, URL))
    found = {model["name"]: model for model in yaml.safe_load(new)["models"]}
    assert found.pop(models[0]["name"]) == {**models[0], "apiBase": URL}
    assert list(found.values()) == models[1:]
    assert edited(new, yamlc.remove(new, path)) == text
