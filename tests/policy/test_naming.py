"""Names as people say them."""

from __future__ import annotations

import pytest

from tokenguard.policy.naming import folder_name, printable, short_model, window_name


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("claude-opus-5-5", "opus-5.5"),
        ("claude-sonnet-5", "sonnet-5"),
        ("claude-haiku-5-5-20260901", "haiku-5.5"),
        ("gpt-6.1-sol", "gpt-6.1-sol"),
        ("models/gemini-3.8-flash", "gemini-3.8-flash"),
        ("anthropic/claude-3-5-sonnet", "3.5-sonnet"),
        ("us.anthropic.claude-opus-5-5@20260901", "opus-5.5"),
        ("gpt-5-2025-08-07", "gpt-5"),
        ("deepseek-r1-0528", "deepseek-r1-0528"),
    ],
)
def test_short_names_of_models(name: str, short: str) -> None:
    assert short_model(name) == short


@pytest.mark.parametrize(("path", "name"), [("/src/web", "web"), ("/src/web/", "web"), ("/", ""), ("", ""), (None, "")])
def test_the_name_of_a_repository(path: str | None, name: str) -> None:
    assert folder_name(path) == name


@pytest.mark.parametrize(
    ("provider", "name", "said"),
    [
        ("anthropic", "five_hour", "Claude 5 h"),
        ("anthropic", "seven_day_overage_included", "Claude 7 d overage included"),
        ("chatgpt", "thirty_day", "Codex 30 d"),
        ("chatgpt", "spark_five_hour", "Codex spark 5 h"),
        ("house", "primary", "house primary"),
    ],
)
def test_the_name_of_a_provider_s_window(provider: str, name: str, said: str) -> None:
    assert window_name(provider, name) == said


@pytest.mark.parametrize(
    ("text", "most", "clean"),
    [
        ("plain – text 日本", 0, "plain – text 日本"),
        ("a\x1b]0;b\x07\n\u202e\udc80", 0, "a\ufffd]0;b\ufffd\ufffd\ufffd\ufffd"),
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
    ],
)
def test_nothing_in_a_name_is_obeyed(text: str, most: int, clean: str) -> None:
    assert printable(text, most) == clean
