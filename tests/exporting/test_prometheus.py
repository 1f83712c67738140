"""Prometheus' text, read by Prometheus' own parser."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tests.exporting.telling import NOON, budget, refused, settled, started, status
from tokenguard.exporting.calls import Calls
from tokenguard.exporting.counts import Counts
from tokenguard.exporting.prometheus import text
from tokenguard.records import Event

Found = dict[str, dict[tuple[tuple[str, str], ...], float]]

OF = (("agent", "claude"), ("billing", "metered"), ("model", "claude-opus-5-5"), ("provider", "anthropic"))


def read(told: str) -> Found:
    """Sample -> its labels, in their order -> its value. None is there twice."""
    found: Found = {}
    for family in text_string_to_metric_families(told):
        assert family.documentation and family.type != "unknown", family.name
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in found.setdefault(sample.name, {}), (sample.name, labels)
            found[sample.name][labels] = sample.value
    return found


def exported(*events: Event, repositories: bool = False, **changes: Any) -> Found:
    calls, counts = Calls(repositories=repositories), Counts()
    for event in events:
        if (ended := calls.hear(event)) is not None:
            counts.add(ended)
    return read(text(counts, status(**changes), repositories=repositories))


def test_a_call_is_in_every_counter() -> None:
    found = exported(started(), settled(at_us=NOON + 2_000_000), refused())
    assert found["tokenguard_calls_total"] == {
        tuple(sorted((*OF, ("outcome", "ok")))): 1,
        tuple(sorted((*OF, ("outcome", "refused")))): 1,
    }
    kinds = {dict(labels)["kind"]: value for labels, value in found["tokenguard_tokens_total"].items()}
    assert kinds == {"input": 100, "cache_read": 2_000, "cache_write_5m": 300, "cache_write_1h": 0, "output": 40}
    assert found["tokenguard_cost_dollars_total"] == {OF: 0.041500001}
    buckets = {dict(labels)["le"]: value for labels, value in found["tokenguard_call_duration_seconds_bucket"].items()}
    assert (buckets["1"], buckets["2.5"], buckets["+Inf"]) == (0, 1, 1)
    assert list(found["tokenguard_call_duration_seconds_sum"].values()) == [2.0]
    assert list(found["tokenguard_call_duration_seconds_count"].values()) == [1]


def test_what_is_on_no_bill_is_a_counter_of_its_own() -> None:
    found = exported(settled(billing="subscription"))
    assert "tokenguard_cost_dollars_total" not in found
    assert list(found["tokenguard_notional_dollars_total"].values()) == [0.041500001]


def test_no_nanodollar_is_lost() -> None:
    told = text(
        Counts(),
        status(totals={"today": {"cost_nanos": 12_345_678_901_000_000_007, "notional_nanos": 0}}),
        repositories=False,
    )
    assert "tokenguard_spent_today_dollars 12345678901.000000007\n" in told


def test_how_things_stand() -> None:
    found = exported(
        sessions=[{"agent": "claude", "in_flight": 2}, {"agent": "claude", "in_flight": 1}],
        holds=[{"id": "7f2c"}],
        windows=[{"provider": "anthropic", "name": "five_hour", "used_percent": 71.5}],
        ledger={"failing": "the disk is full"},
    )
    assert found["tokenguard_sessions"] == {(("agent", "claude"),): 2}
    assert found["tokenguard_calls_in_flight"] == {(): 3}
    assert found["tokenguard_calls_waiting"] == {(): 1}
    assert found["tokenguard_window_used_ratio"] == {(("provider", "anthropic"), ("window", "five_hour")): 0.715}
    assert found["tokenguard_ledger_failing"] == {(): 1}
    assert found["tokenguard_spent_today_dollars"] == {(): 14.82}


def test_a_budget_in_its_unit() -> None:
    found = exported(
        budgets=[budget(), budget("few", scope="global", unit="calls", limit=300, spent=3, reserved=0, level="ok")]
    )
    day = (("budget", "day"), ("scope", "repo"), ("unit", "usd"), ("window", "day"))
    few = (("budget", "few"), ("scope", "global"), ("unit", "calls"), ("window", "day"))
    assert found["tokenguard_budget_limit"] == {day: 20, few: 300}
    assert found["tokenguard_budget_spent"] == {day: 16.4, few: 3}
    assert found["tokenguard_budget_reserved"] == {day: 0.5, few: 0}
    assert found["tokenguard_budget_level"] == {day: 2, few: 0}


def test_of_a_budget_in_several_repositories_the_fullest_is_told_unless_they_are_named() -> None:
    budgets = [budget(label="web/day"), budget(label="api/day", spent=1, level="ok")]
    assert list(exported(budgets=budgets)["tokenguard_budget_spent"].values()) == [16.4]
    named = exported(budgets=budgets, repositories=True)["tokenguard_budget_spent"]
    assert {dict(labels)["budget"]: value for labels, value in named.items()} == {"web/day": 16.4, "api/day": 1e-9}


@pytest.mark.parametrize("scope", ["session", "user", "branch", "task", "team"])
def test_nobody_and_nothing_but_repositories_is_named(scope: str) -> None:
    budgets = [budget(scope=scope, label="bcdfghj/day")]
    for repositories in (False, True):
        ((labels, _),) = exported(budgets=budgets, repositories=repositories)["tokenguard_budget_spent"].items()
        assert dict(labels)["budget"] == "day"


def test_no_path_is_in_it() -> None:
    budgets = [
        budget("/home/ann/src/web:day", label="/home/ann/src/web/day"),
        budget("/home/ann/x", label="/home/ann/x"),
    ]
    for repositories in (False, True):
        calls, counts = Calls(repositories=repositories), Counts()
        ended = calls.hear(settled())
        assert ended is not None
        counts.add(ended)
        told = text(counts, status(budgets=budgets), repositories=repositories)
        assert "/home" not in told and "/ann" not in told
        assert ('repo="web"' in told) == repositories


@given(st.text(), st.text(), st.text())
def test_whatever_names_are_made_of_it_can_be_read(agent: str, model: str, name: str) -> None:
    found = exported(settled(agent=agent, model=model), budgets=[budget(name)])
    assert sum(found["tokenguard_calls_total"].values()) == 1
    assert list(found["tokenguard_budget_spent"].values()) == [16.4]
