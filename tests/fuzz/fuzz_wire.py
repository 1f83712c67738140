"""Coverage-guided fuzzing of everything that reads a provider's or an agent's bytes. Needs `atheris` (PyPI).

    python tests/fuzz/fuzz_wire.py [CORPUS_FOLDER] -max_total_time=1800

No exception may leave a meter, `facts` may only raise `ValueError`, and any split must give the same reading.
"""

# atheris compiles for minutes where it has no wheel, so it is no development dependency, and nothing is known of it.
# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false, reportAttributeAccessIssue=false

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))
with atheris.instrument_imports(include=["tokenguard"]):
    from tokenguard import wire
    from tokenguard.records import Facts
    from tokenguard.wire import openai_chat, openai_socket

DIALECTS = sorted(wire.DIALECTS.values(), key=lambda dialect: dialect.NAME)
PATHS = ("/v1/messages", "/v1beta/models/gemini-2.5-pro:streamGenerateContent", "/model/x/converse", "/api/chat")
FACTS = Facts("asked-model")


def one(data: bytes) -> None:
    """Two bytes choose what is fed and where it is split."""
    if len(data) < 3:
        return
    choice, cut, body = data[0], data[1], data[2:]
    dialect = DIALECTS[choice % len(DIALECTS)]
    stream, ended = bool(choice & 0x40), bool(choice & 0x80)
    at = cut * len(body) // 255
    whole = dialect.meter(FACTS, "x", stream=stream)
    whole.feed(body)
    pieces = dialect.meter(FACTS, "x", stream=stream)
    pieces.feed(body[:at])
    pieces.reading(ended=False)
    pieces.feed(body[at:])
    if whole.reading(ended=ended) != pieces.reading(ended=ended):
        raise AssertionError(f"{dialect.NAME}: a split at {at} changes the reading")
    try:
        facts = dialect.facts(PATHS[cut % len(PATHS)], body)
    except ValueError:
        return
    if dialect is openai_chat and (injected := wire.inject(dialect, body, facts)) is not None:
        _, sieve = injected
        sieve.feed(body[:at])
        sieve.feed(body[at:])
        sieve.finish()
    socket = openai_socket.SocketMeter()
    if turn := openai_socket.asked(body[:at]):
        socket.begin(turn)
    socket.received(body[at:])


def main() -> None:
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
