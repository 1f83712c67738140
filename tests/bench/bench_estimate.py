"""How near estimates come to the provider's count: `python -m tests.bench.bench_estimate`.

Over the recorded requests (`TOKENGUARD_RECORDED`). `cold` is before anything is learned; `held out` is by what the
requests of the other half taught, halves by the hash of the recorded test's path. `wide` is the median of the p95 bound
over the true prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from statistics import fmean, median, quantiles

from tests.corpus.recorded import FOLDER
from tests.corpus.turns import Guess, guesses, held_out, is_bounded, requests

LARGE = 2_000
FEW = 2

ROWS: tuple[tuple[str, Callable[[Guess], bool]], ...] = (
    ("first turns", lambda guess: guess.request.last is None),
    ("  claude", lambda guess: guess.request.last is None and _is(guess, "claude")),
    ("  gpt and o", lambda guess: guess.request.last is None and _is(guess, r"gpt(?!-oss)|\bo\d")),
    ("  gemini", lambda guess: guess.request.last is None and _is(guess, "gemini")),
    ("  others", lambda guess: guess.request.last is None and not _is(guess, r"claude|gpt(?!-oss)|\bo\d|gemini")),
    ("  2 kB of text, more", lambda guess: guess.request.last is None and _has_much_text(guess)),
    ("  with media", lambda guess: guess.request.last is None and guess.request.facts.prompt.media > 0),
    ("  without a body", lambda guess: guess.request.last is None and not guess.request.has_body),
    ("later turns", lambda guess: guess.request.last is not None),
    ("  2 kB and more", lambda guess: guess.request.last is not None and _is_large(guess)),
    ("all", lambda guess: True),
)


def _is(guess: Guess, pattern: str) -> bool:
    return re.search(pattern, guess.request.facts.model.lower()) is not None


def _is_large(guess: Guess) -> bool:
    return guess.request.facts.body_bytes >= LARGE


def _has_much_text(guess: Guess) -> bool:
    return guess.request.facts.prompt.text_bytes >= LARGE


def main() -> None:
    if not FOLDER.is_dir():
        print(f"no recorded requests at {FOLDER} (TOKENGUARD_RECORDED)")
        return
    print(f"{'':22} {'':>4} | {'bytes / 4':^13} | {'estimator':^13} | {'p95 bound':^13} | output's")
    print(f"{'':22} {'n':>4} | {'median':>6} {'p95':>6} | {'median':>6} {'p95':>6} | {'holds':>6} {'wide':>6} | holds")
    everything = requests()
    table("cold", guesses(filter(is_bounded, everything), {}))
    table("held out", held_out(is_bounded))
    table("declared uncapped", guesses((one for one in everything if not is_bounded(one)), {}))


def table(title: str, found: list[Guess]) -> None:
    print(title)
    for name, belongs in ROWS:
        chosen = [guess for guess in found if belongs(guess)]
        if len(chosen) < FEW:
            continue
        wide = median(guess.estimate.p95.prompt / guess.request.usage.prompt for guess in chosen)
        print(
            f"  {name:20} {len(chosen):4} | {shares([guess.by_bytes for guess in chosen])}"
            f" | {shares([guess.error for guess in chosen])}"
            f" | {fmean(guess.holds for guess in chosen):6.1%} {wide:5.1f}x"
            f" | {fmean(guess.output_holds for guess in chosen):5.1%}"
        )


def shares(errors: list[float]) -> str:
    return f"{median(errors):6.1%} {quantiles(errors, n=20, method='inclusive')[-1]:6.0%}"


if __name__ == "__main__":
    main()
