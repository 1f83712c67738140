from __future__ import annotations

from tokenguard.reports.naming import commits_of, names_of


def test_folders_have_their_parents_name_where_two_are_called_the_same() -> None:
    paths = ["/home/ann/web", "/home/ann/old/web", "/home/ann/api", None]
    named = names_of("repo", paths)
    assert [named[path] for path in paths] == ["ann/web", "old/web", "api", "-"]


def test_hours_are_told_by_their_beginning_and_blocks_by_both_ends() -> None:
    label = "2026-10-24T22:00+02:00"
    assert names_of("hour", [label, None]) == {label: "2026-10-24 22:00", None: "-"}
    assert names_of("block", [label]) == {label: "2026-10-24 22:00-03:00"}


def test_commits_are_told_with_their_subject_and_what_a_terminal_would_obey_is_not_printed() -> None:
    hash = "0123456789abcdef"
    assert names_of("commit", [hash, None]) == {hash: "01234567", None: "-"}
    assert commits_of([hash, None], ["Fix \x1b[31mit", None]) == {hash: "01234567 Fix �[31mit", None: "(not committed)"}
    assert names_of("branch", ["a\nb"]) == {"a\nb": "a�b"}
