"""What the counts of a rollout come to."""

from __future__ import annotations

from tests.agents_logs.rollouts import THREAD, counts, event, meta, read, record, turn
from tokenguard.records import Usage


def test_cached_is_inside_the_input_and_reasoning_inside_the_output() -> None:
    (one,) = read(meta(), turn(), event(counts(1_000, 600, 200, 150), counts(1_000, 600, 200, 150)))
    assert one.usage == Usage(input=400, cache_read=600, output=200, reasoning=150)
    assert (one.session, one.model, one.folder, one.branch) == (THREAD, "gpt-5.1-codex", "/src/web/api", "main")
    assert one.provider == "openai"


def test_writes_to_the_cache_are_inside_the_input_too() -> None:
    usage = counts(1_000, 600, 200) | {"cache_write_input_tokens": 300}
    (one,) = read(meta(), turn(), record("resp_1", usage))
    assert one.usage == Usage(input=100, cache_read=600, cache_write_5m=300, output=200)


def test_without_a_last_one_the_difference_counts() -> None:
    found = read(meta(), turn(), event(counts(100, 0, 10)), event(counts(300, 50, 40, 8)))
    assert [one.usage for one in found] == [Usage(100, output=10), Usage(150, 50, output=30, reasoning=8)]
