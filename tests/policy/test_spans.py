from __future__ import annotations

import pytest

from tokenguard.policy.spans import span_us


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1_800), (" 4 h ", 14_400), ("2d", 172_800)])
def test_spans(text: str, seconds: int) -> None:
    assert span_us(text) == seconds * 1_000_000


@pytest.mark.parametrize("text", ["", "0h", "4", "h", "4x", "-4h", "4hh", "1.5h", "9" * 50 + "d"])
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        span_us(text)
