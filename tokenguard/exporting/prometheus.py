"""Prometheus' text format (0.0.4): what was counted, and how budgets stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from tokenguard import __version__
from tokenguard.exporting.calls import Source
from tokenguard.exporting.counts import BUCKETS, Counts
from tokenguard.policy.budgets import LEVELS
from tokenguard.policy.money import NANOS
from tokenguard.policy.naming import printable
from tokenguard.records import Unit

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]
Sample = tuple[Labels, str]
"""Labels, and the number as it is written."""

_NONE: Labels = {}
_KINDS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def text(counts: Counts, status: Mapping[str, Any], *, repositories: bool) -> str:
    """All of it; `status` is the daemon's, `repositories` also tells budgets apart by them."""
    families = [*_counted(counts), *_durations(counts), *_now(status), *_budgets(status["budgets"], repositories)]
    return "".join(f"{line}\n" for family in families for line in family)


def _counted(counts: Counts) -> Iterator[list[str]]:
    calls = [(_of(one, outcome=outcome), str(count)) for (one, outcome), count in counts.calls.items()]
    yield _family("calls_total", "counter", "Calls that have ended or were refused, by outcome.", calls)
    used = [(_of(one, kind=kind), str(getattr(usage, kind))) for one, usage in counts.usage.items() for kind in _KINDS]
    yield _family("tokens_total", "counter", "Tokens, each of one kind only.", used)
    cost = [(_of(one), _dollars(nanos)) for one, nanos in counts.cost.items()]
    yield _family("cost_dollars_total", "counter", "Dollars that are billed.", cost)
    notional = [(_of(one), _dollars(nanos)) for one, nanos in counts.notional.items()]
    about = "What calls that a subscription covers, or that ran locally, would have cost in dollars."
    yield _family("notional_dollars_total", "counter", about, notional)


def _durations(counts: Counts) -> Iterator[list[str]]:
    name, lines = "tokenguard_call_duration_seconds", list[str]()
    for (provider, model), durations in counts.durations.items():
        labels = {"provider": provider, "model": model}
        totals = list(accumulate(durations.counts))
        bounds = (*(f"{bound:g}" for bound in BUCKETS), "+Inf")
        lines += [
            _line(f"{name}_bucket", {**labels, "le": le}, str(count)) for le, count in zip(bounds, totals, strict=True)
        ]
        lines += [
            _line(f"{name}_sum", labels, repr(durations.seconds)),
            _line(f"{name}_count", labels, str(totals[-1])),
        ]
    yield _head("call_duration_seconds", "histogram", "From a call's being let go on to its end.") + lines


def _now(status: Mapping[str, Any]) -> Iterator[list[str]]:
    yield _family("info", "gauge", "The daemon's version.", [({"version": __version__}, "1")])
    today = status["totals"]["today"]
    about = "Dollars since midnight, also what only agents' logs tell of."
    yield _family("spent_today_dollars", "gauge", about, [(_NONE, _dollars(today["cost_nanos"]))])
    about = "The same of what is on no bill."
    yield _family("notional_today_dollars", "gauge", about, [(_NONE, _dollars(today["notional_nanos"]))])
    running: dict[str, int] = {}
    for one in status["sessions"]:
        running[one["agent"]] = running.get(one["agent"], 0) + 1
    sessions = [({"agent": agent}, str(count)) for agent, count in running.items()]
    yield _family("sessions", "gauge", "Sessions that run.", sessions)
    flying = sum(one["in_flight"] for one in status["sessions"])
    yield _family("calls_in_flight", "gauge", "Calls that have not ended.", [(_NONE, str(flying))])
    yield _family("calls_waiting", "gauge", "Calls that wait for a person.", [(_NONE, str(len(status["holds"])))])
    windows = [
        ({"provider": one["provider"], "window": one["name"]}, repr(one["used_percent"] / 100))
        for one in status["windows"]
    ]
    yield _family("window_used_ratio", "gauge", "How far a provider's own window is used; 1 is all of it.", windows)
    failing = int(bool(status["ledger"]["failing"]))
    yield _family("ledger_failing", "gauge", "1 while the ledger cannot be written.", [(_NONE, str(failing))])


def _budgets(budgets: Iterable[Mapping[str, Any]], repositories: bool) -> Iterator[list[str]]:
    shown: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for one in sorted(budgets, key=lambda one: one["spent"] / one["limit"] if one["limit"] else 1.0):
        shown[_names(one, repositories)] = one  # of those that have no name of their own, the one that is used most
    about = {
        "limit": "What a budget allows, in its unit (usd: dollars).",
        "spent": "What is spent of it.",
        "reserved": "What calls in flight may take of it.",
    }
    for key, words in about.items():
        samples = [(_budget_labels(names), _amount(one[key], one["unit"])) for names, one in shown.items()]
        yield _family(f"budget_{key}", "gauge", words, samples)
    levels = [(_budget_labels(names), str(LEVELS.index(one["level"]))) for names, one in shown.items()]
    yield _family("budget_level", "gauge", "0 ok, 1 info, 2 warn, 3 soft, 4 hard.", levels)


def _names(budget: Mapping[str, Any], repositories: bool) -> tuple[str, ...]:
    # Other keys are sessions, branches, people.
    named = repositories and budget["scope"] == "repo"
    name = str(budget["label"] if named else budget["name"])
    if name.startswith("/"):  # a repository's own, or one of two repositories of the same name
        name = "/".join(name.rpartition(":")[2].split("/")[-2 if named else -1 :])
    return printable(name), budget["scope"], budget["window"], budget["unit"]


def _budget_labels(names: tuple[str, ...]) -> Labels:
    return dict(zip(("budget", "scope", "window", "unit"), names, strict=True))


def _amount(value: int, unit: str) -> str:
    return _dollars(value) if unit == Unit.USD else str(value)


def _dollars(nanos: int) -> str:
    """All nine decimals: no nanodollar is lost."""
    whole, part = divmod(abs(nanos), NANOS)
    return f"{'-' if nanos < 0 else ''}{whole}.{part:09d}"


def _of(source: Source, **more: str) -> Labels:
    labels = {"agent": source.agent, "provider": source.provider, "model": source.model, "billing": source.billing}
    return {**labels, **({"repo": source.repo} if source.repo else {}), **more}


def _family(name: str, kind: str, about: str, samples: Iterable[Sample]) -> list[str]:
    return _head(name, kind, about) + [_line(f"tokenguard_{name}", labels, value) for labels, value in samples]


def _head(name: str, kind: str, about: str) -> list[str]:
    return [f"# HELP tokenguard_{name} {about}", f"# TYPE tokenguard_{name} {kind}"]


def _line(name: str, labels: Labels, value: str) -> str:
    told = ",".join(f'{key}="{label.translate(_ESCAPED)}"' for key, label in labels.items())
    return f"{name}{{{told}}} {value}" if told else f"{name} {value}"
