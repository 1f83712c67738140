"""The editor of settings: what it puts in, and that all else stays as it was, comments included."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ides.documents import NAMES, comments, documents, said
from tokenguard.ides import jsonc
from tokenguard.ides.jsonc import (
    Edit,
    Item,
    edited,
    inverse,
    missing_at,
    names_at,
    put,
    remove,
    rewrite,
    text_at,
    written_at,
)
from tokenguard.ides.reading import NotUnderstood, parse

PATHS = st.one_of(
    st.just(("new",)),
    st.just(("new", "deep", "er")),
    st.just(("list", Item("NAME"))),
    st.tuples(NAMES),
    st.tuples(NAMES, NAMES),
)


@given(documents())
def test_it_reads_what_others_read(document: tuple[str, dict[str, Any]]) -> None:
    text, value = document
    assert said(text) == value
    assert names_at(text, ()) == list(value)
    for name, member in value.items():
        found = written_at(text, (name,))
        assert found is not None and said(f"[{found}]") == [member]


@given(documents(), PATHS, NAMES)
def test_what_is_put_in_is_there_and_all_else_is_as_it_was(
    document: tuple[str, dict[str, Any]], path: tuple[str, ...], new: str
) -> None:
    text, value = document
    try:
        edits = put(text, path, new)
    except NotUnderstood:
        return  # something else than an object is on the way
    changed = edited(text, edits)
    assert text_at(changed, path) == new
    assert comments(changed) == comments(text) or written_at(text, path) is not None
    if missing_at(text, path):
        assert all(edit.start == edit.end or not text[edit.start : edit.end].strip() for edit in edits), "only added"
    expected: Any = value
    for step in path[:-1]:
        expected = expected.setdefault(step, [] if isinstance(path[-1], Item) and step == path[-2] else {})
    if isinstance(path[-1], Item):
        expected.append({"name": path[-1], "value": new})
    else:
        expected[path[-1]] = new
    assert said(changed) == value


@given(documents(), PATHS, NAMES)
def test_to_put_it_in_twice_changes_nothing(
    document: tuple[str, dict[str, Any]], path: tuple[str, ...], new: str
) -> None:
    try:
        once = edited(document[0], put(document[0], path, new))
    except NotUnderstood:
        return
    assert put(once, path, new) == []


@given(documents(), PATHS, NAMES)
def test_the_inverse_makes_it_what_it_was(
    document: tuple[str, dict[str, Any]], path: tuple[str, ...], new: str
) -> None:
    text, _ = document
    try:
        edits = put(text, path, new)
    except NotUnderstood:
        return
    assert edited(edited(text, edits), inverse(text, edits)) == text


def test_the_inverse_of_edits_at_one_place() -> None:
    edits = [Edit(1, 1, "<"), Edit(1, 1, ">"), Edit(2, 4, ""), Edit(0, 1, "long")]
    assert edited("abcd", edits) == "long<>b"
    assert edited("long<>b", inverse("abcd", edits)) == "abcd"


def test_blanks_behind_what_is_taken_out_do_not_come_into_a_comment_before_it() -> None:
    for text in ('{// one\n"a":null \n}', '{"b":1, // one\n"a":null \t\n}'):
        assert comments(edited(text, remove(text, ("a",)))) == ["// one"]


@given(documents(), st.data())
def test_what_is_taken_out_takes_nothing_else_along(document: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    text, value = document
    if not value:
        assert remove(text, ("absent",)) == []
        return
    name = data.draw(st.sampled_from(sorted(value)))
    start, end = next((m.start, m.value.end) for m in parse(text).members or () if m.name == name)
    changed = edited(text, remove(text, (name,)))
    del value[name]
    assert said(changed) == value
    assert comments(changed) == comments(text[:start]) + comments(text[end:])


@given(documents(), st.sampled_from([("new",), ("new", "deep"), ("list", Item("NAME"))]))
def test_what_was_put_in_can_be_taken_out(document: tuple[str, dict[str, Any]], path: tuple[str, ...]) -> None:
    text, value = document
    changed = edited(text, put(text, path, "v"))
    for depth in range(len(path), 0, -1):
        changed = edited(changed, remove(changed, path[:depth]))
    assert said(changed) == value
    assert comments(changed) == comments(text)


@given(documents(), st.data(), NAMES)
def test_what_was_written_can_be_written_back(
    document: tuple[str, dict[str, Any]], data: st.DataObject, new: str
) -> None:
    text, value = document
    if not value:
        return
    path = (data.draw(st.sampled_from(sorted(value))),)
    before = written_at(text, path)
    assert before is not None
    changed = edited(text, put(text, path, new))
    assert edited(changed, rewrite(changed, path, before)) == text


SETTINGS = """\
// head
{
  "a": 1, // one
  "env": {"X": "y"} // behind
  /* end */
}
"""


def test_it_goes_to_the_end_behind_the_comments() -> None:
    changed = edited(SETTINGS, put(SETTINGS, ("list", Item("NAME")), "v"))
    assert changed == SETTINGS.replace('"y"} //', '"y"}, //').replace(
        "/* end */\n",
        '/* end */\n  "list": [\n    {\n      "name": "NAME",\n      "value": "v"\n    }\n  ]\n',
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", '{\n    "k": "v"\n}'),
        ("{ }", '{\n    "k": "v"\n}'),
        ('{"a":1}', '{"a":1, "k": "v"}'),
        ('{"a":1,}', '{"a":1, "k": "v"}'),
        ('{\r\n\t"a": 1\r\n}\r\n', '{\r\n\t"a": 1,\r\n\t"k": "v"\r\n}\r\n'),
        ('{\n  "a": 1,\n}', '{\n  "a": 1,\n  "k": "v"\n}'),
        ("\ufeff{\n}", '\ufeff{\n    "k": "v"\n}'),
    ],
)
def test_it_writes_as_the_file_does(before: str, after: str) -> None:
    assert edited(before, put(before, ("k",), "v")) == after


def test_an_item_of_a_list_is_changed_in_its_place() -> None:
    text = '{"list": [{"value": "1", "name": "A"}, {"name": "B", "value": "2"}, {"name": "C"}, 3, null]}'
    assert text_at(text, ("list", Item("B"))) == "2"
    assert edited(text, put(text, ("list", Item("A")), "x")) == text.replace('"1"', '"x"')
    assert edited(text, remove(text, ("list", Item("B")))) == text.replace(' {"name": "B", "value": "2"},', "")
    assert missing_at(text, ("list", Item("D"))) == 1


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"env": []}', ("env", "X")),
        ('{"env": "text"}', ("env", "X")),
        ('{"list": {}}', ("list", Item("A"))),
        ('{"list": null}', ("list", Item("A"))),
        ('{"a": "1", "a": "2"}', ("a",)),
        ('{"list": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}', ("list", Item("A"))),
    ],
)
def test_what_is_something_else_is_not_touched(text: str, path: tuple[str, ...]) -> None:
    with pytest.raises(NotUnderstood):
        put(text, path, "v")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  // only this",
        "[]",
        '"text"',
        "{",
        '{"a"}',
        '{"a": }',
        '{"a": 1 "b": 2}',
        "{'a': 1}",
        "{a: 1}",
        '{"a": 01x}',
    ]
    + ['{"a": 1}}', '{"a": 1} x', '{"a": "\n"}', '{"a": "\\x"}', '{"a": [1, 2}', "{/* open", "{,}", '{"a": tru}']
    + ['{"a": ' + "[" * 200 + "]" * 200 + "}", "\x00", "{}\x00"],
)
def test_what_is_no_json_is_not_understood(text: str) -> None:
    with pytest.raises(NotUnderstood):
        parse(text)


@given(st.text())
def test_nothing_makes_it_fail_otherwise(text: str) -> None:
    try:
        put(text, ("a", "b"), "v")
    except NotUnderstood:
        return
    said(edited(text, put(text, ("a", "b"), "v")))


def test_an_error_names_the_line() -> None:
    with pytest.raises(NotUnderstood, match="line 3"):
        parse('{\n  "a": 1,\n  b\n}')


def test_empty_is_what_holds_nothing_at_all() -> None:
    text = '{"a": {}, "b": { /* c */ }, "c": [ ], "d": "x"}'
    assert [jsonc.is_empty(text, (name,)) for name in "abcd"] == [True, False, True, False]
