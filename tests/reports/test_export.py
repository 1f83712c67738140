from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import json, to_builtins

from tests.reports.made import made
from tokenguard.records import Usage
from tokenguard.reports.export import as_csv, as_json, plain

NAMES = "id started_at session agent provider model repo branch task request_class billing origin outcome turn"
CALL: dict[str, Any] = {
    **dict.fromkeys(NAMES.split(), "x"),
    "usage": to_builtins(Usage(1, output=2)),
    "list_nanos": 1_000_000_001,
    "confidence": "exact",
    "why": [{"reason": "output", "text": "a"}, {"reason": "fast", "text": "b"}],
}


def answer(**row: Any) -> dict[str, Any]:
    sums = {"calls": 2, "usage": to_builtins(Usage(1, 2, 3, 4, 5, 1)), "cost_nanos": 12_000_000_034}
    sums |= {"notional_nanos": 7, "confidence": "estimated", "unpriced": 0}
    sums |= {"hit_rate": 0.142857, "saved_nanos": 5, "notional_saved_nanos": 0}
    whole = {**row, **sums, "token_share": 1.0, "spend_share": 1.0, "list_share": 1.0}
    return {"by": list(row), "since": None, "until": None, "rows": made([whole]), "total": sums}


def test_csv_has_a_column_for_every_key_and_number() -> None:
    (line,) = csv.DictReader(io.StringIO("".join(as_csv(answer(repo="/src/a, b", branch=None)))))
    assert line == {
        "repo": "/src/a, b",
        "branch": "",
        "calls": "2",
        "input": "1",
        "cache_read": "2",
        "cache_write_5m": "3",
        "cache_write_1h": "4",
        "output": "5",
        "reasoning": "1",
        "cost_nanos": "12000000034",
        "cost_usd": "12.000000034",
        "notional_nanos": "7",
        "token_share": "1.0",
        "spend_share": "1.0",
        "confidence": "estimated",
        "unpriced": "0",
        "list_share": "1.0",
        "hit_rate": "0.142857",
        "saved_nanos": "5",
        "notional_saved_nanos": "0",
    }


def test_csv_by_confidence_has_it_as_a_key_and_as_a_number() -> None:
    header, line = "".join(as_csv(answer(confidence="exact") | {"by": ["confidence"]})).splitlines()
    assert [name for name in header.split(",") if name == "confidence"] == ["confidence"] * 2
    assert len(line.split(",")) == len(header.split(","))


def test_csv_of_commits_and_lengths_has_what_belongs_to_them() -> None:
    report = answer(commit="abc", model="opus")
    about = {"subject": "Fix, and more", "committed_at": "2026-11-21T10:00:00+01:00"}
    report["rows"] = made([report["rows"][0] | about])
    (line,) = csv.DictReader(io.StringIO("".join(as_csv(report))))
    assert (line["commit"], line["subject"], line["committed_at"][:10]) == ("abc", "Fix, and more", "2026-11-21")
    report = answer(length="1-5")
    growth = {"first_nanos": 1, "last_nanos": 2, "per_turn_nanos": 3, "first_prompt": 4, "last_prompt": 5}
    report["rows"] = made([report["rows"][0] | {"sessions": 7, "turns": 9, "growth": growth}])
    (line,) = csv.DictReader(io.StringIO("".join(as_csv(report))))
    assert (line["sessions"], line["turns"], line["growth_last_prompt"]) == ("7", "9", "5")
    report["rows"] = made([report["rows"][0] | {"growth": None}])
    (line,) = csv.DictReader(io.StringIO("".join(as_csv(report))))
    assert line["growth_last_prompt"] == ""


def test_csv_of_the_dearest_calls_has_a_line_for_each() -> None:
    (line,) = csv.DictReader(io.StringIO("".join(as_csv({"since": None, "until": None, "calls": [CALL]}))))
    assert (line["list_usd"], line["why"], line["input"], line["output"]) == ("1.000000001", "a; b", "1", "2")


@given(st.text(st.characters(codec="utf-8") | st.sampled_from('\r\n",;| ')))
@example("a\rb")
@example("a\nb")
@example("\r")
def test_csv_has_names_as_they_are(name: str) -> None:
    given = answer(branch=name or None)
    (line,) = csv.DictReader(io.StringIO("".join(as_csv(given)), newline=""))
    assert line["branch"] == name
    call = {**CALL, "model": name or None}
    (line,) = csv.DictReader(io.StringIO("".join(as_csv({"since": None, "until": None, "calls": [call]})), newline=""))
    assert line["model"] == name


def test_csv_of_nothing_is_its_header() -> None:
    report = answer(day="x")
    assert "".join(as_csv(report | {"rows": report["rows"].at([])})).count("\n") == 1


def test_json_is_the_answer_itself() -> None:
    given = answer(task=None)
    assert json.decode(json.encode(plain(given))) == {**given, "rows": list(given["rows"])}
    assert plain({"calls": []}) == {"calls": []}


@pytest.mark.parametrize("rate", [None, 0.0, 0.000001, 0.000099, 0.0001, 0.5, 0.999999, 1.0])
@pytest.mark.parametrize(("nanos", "dollars"), [(0, "0.000000000"), (7, "0.000000007"), (10**9 - 1, "0.999999999")])
def test_csv_tells_numbers_as_python_does(rate: float | None, nanos: int, dollars: str) -> None:
    report = answer(model='"a"\n')
    report["rows"] = made([report["rows"][0] | {"hit_rate": rate, "cost_nanos": nanos, "token_share": rate}])
    (line,) = csv.DictReader(io.StringIO("".join(as_csv(report)), newline=""))
    told = "" if rate is None else str(rate)
    assert (line["hit_rate"], line["token_share"], line["cost_usd"]) == (told, told, dollars)
    assert line["model"] == '"a"\n'


@pytest.mark.parametrize("rows", [0, 1, 2_001])
def test_pieces_are_those_of_one_document(rows: int) -> None:
    given = answer(repo='/src/"rows": []', branch=None)
    given |= {"rows": given["rows"].at([0] * rows), "by": ["repo", "branch"]}
    assert b"".join(as_json(given)) == json.format(json.encode(plain(given)), indent=2)
    header, *lines = "".join(as_csv(given)).splitlines()
    (alone,) = "".join(as_csv(given | {"rows": given["rows"].at([0])})).splitlines()[1:] if rows else [""]
    assert header.startswith("repo,branch,calls,")
    assert lines == [alone] * rows


def test_the_dearest_calls_are_a_document_in_one_piece() -> None:
    assert b"".join(as_json({"calls": [{"id": 1}]})) == json.format(b'{"calls":[{"id":1}]}', indent=2)
