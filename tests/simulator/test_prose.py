from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tokenguard.simulator.prose import pieces, prose
from tokenguard.simulator.values import tokens


@given(st.integers(0, 5_000), st.text(max_size=60), st.integers())
def test_a_text_has_exactly_the_tokens_asked_for(size: int, opening: str, seed: int) -> None:
    assert tokens(prose(Random(seed), size, opening)) == size


@given(st.text(max_size=3_000), st.text(max_size=5))
def test_pieces_add_up(content: str, key: str) -> None:
    parts = list(pieces(content, key))
    assert "".join(piece for piece, _ in parts) == content
    counts = [count for _, count in parts]
    assert counts == sorted(counts)
    assert not parts or counts[-1] == tokens(content)


def test_a_long_text_does_not_make_endless_streams() -> None:
    assert len(list(pieces("x" * 4_000_000, "k"))) < 2_000
