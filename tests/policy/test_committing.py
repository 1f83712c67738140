from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenguard.policy.committing import Heritage, Span, Standing, span_at, spans
from tokenguard.records import Closing, Rewrite


def closing(hash: str, since_us: int = 0, until_us: int = 0, *, repeats: bool = False, twin: str = "") -> Closing:
    return Closing(hash, "/src/web", "/src/web", "main", since_us, until_us, repeats, twin)


def heritage(*rewrites: str, closings: Iterable[Closing] = ()) -> Heritage:
    """From `a>b` that b took the place of a."""
    return Heritage(closings, [Rewrite("rebase", *one.split(">")) for one in rewrites])


def test_each_time_belongs_to_the_first_commit_that_covers_it() -> None:
    made = [closing("a", 0, 10), closing("b", 10, 20), closing("c", 5, 30), closing("d", 40, 50), closing("e", 0, 60)]
    assert spans(made) == [
        Span(0, 10, "a"),
        Span(10, 20, "b"),
        Span(20, 30, "c"),
        Span(30, 40, "e"),
        Span(40, 50, "d"),
        Span(50, 60, "e"),
    ]


def test_a_span_that_ends_before_it_begins_is_none() -> None:
    assert spans([closing("a", 20, 10), closing("b", 0, 30)]) == [Span(0, 30, "b")]
    assert spans([]) == []


_TIMES = st.integers(0, 40)


@settings(deadline=None)
@given(st.lists(st.tuples(_TIMES, _TIMES), max_size=12))
def test_every_instant_has_one_commit_whatever_spans_there_are(times: list[tuple[int, int]]) -> None:
    made = [closing(str(number), since, until) for number, (since, until) in enumerate(times)]
    line = spans(made)
    assert all(one.since_us < one.until_us for one in line)
    assert all(one.until_us <= after.since_us for one, after in zip(line, line[1:], strict=False))
    for at in range(-1, 42):
        first = next((one.hash for one in made if one.since_us <= at < one.until_us), None)
        found = span_at(line, at)
        assert (found.hash if found else None) == first


@pytest.mark.parametrize(
    ("rewrites", "heirs"),
    [
        ([], "a"),
        (["a>b", "b>c"], "c b a"),
        (["a>b", "a>d", "b>c"], "c d b a"),
        (["a>b", "b>c", "a>d"], "d c b a"),
        (["a>s", "b>s", "s>t"], "t s a"),
        (["a>b", "b>a"], "a b"),
        (["a>a"], "a"),
    ],
)
def test_heirs_the_latest_first(rewrites: list[str], heirs: str) -> None:
    assert heritage(*rewrites).heirs("a") == tuple(heirs.split())


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=15))
def test_heirs_are_all_that_can_be_reached_and_nothing_twice(pairs: list[tuple[str, str]]) -> None:
    known = heritage(*(">".join(pair) for pair in pairs))
    reached, before = {"a"}, set[str]()
    while reached != before:
        before, reached = reached, reached | {new for old, new in pairs if old in reached}
    heirs = known.heirs("a")
    assert set(heirs) == reached
    assert len(heirs) == len(set(heirs))


def standing(known: Heritage, *commits: str) -> Standing:
    """Of commits as `HASH:TWIN`."""
    return Standing(known, {hash: twin for hash, _, twin in (one.partition(":") for one in commits)})


def test_the_latest_that_is_there_stands_for_a_commit() -> None:
    known = heritage("a>b", "b>c")
    assert standing(known, "b", "a").of("a") == "b"
    assert standing(known, "c", "a").of("a") == "c"
    assert standing(known, "x").of("a") is None
    assert standing(known, "b").of("c") is None


def test_a_copy_stands_for_it_where_neither_it_nor_its_heirs_do() -> None:
    made = [closing("a", twin="t"), closing("p", twin="t", repeats=True), closing("b", twin="u")]
    known = heritage("p>q", "b>a2", closings=made)
    assert standing(known, "q:t", "a:t").of("a") == "a"
    assert standing(known, "q:t").of("a") == "q"
    assert standing(known, "q:t").of("b") is None


def test_a_copy_that_was_made_elsewhere_is_known_by_its_twin() -> None:
    known = heritage("a>b", closings=[closing("a", twin="t"), closing("b", twin="u"), closing("c", twin="t")])
    assert standing(known, "x:t").of("a") == "x"
    assert standing(known, "x:u").of("a") == "x"
    # A commit of its own is nobody's copy, though it may look like it.
    assert standing(known, "c:t").of("a") is None
    assert standing(known, "x:", "y:").of("a") is None
