"""Every recorded response is read exactly as its sidecar says, however its bytes arrive."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.corpus.recorded import FOLDER, Recording, disagreements, recordings
from tokenguard.records import Reading
from tokenguard.wire import DIALECTS
from tokenguard.wire.shape import Dialect

PROTOCOLS = {
    "anthropic-messages": "anthropic-messages",
    "openai-chat": "openai-chat",
    "openai-responses": "openai-responses",
    "gemini": "gemini",
    "bedrock-converse": "bedrock-converse",
    "bedrock-converse-stream": "bedrock-converse",
    "bedrock-invoke": "bedrock-invoke",
    "bedrock-invoke-stream": "bedrock-invoke",
    "ollama": "ollama",
}
"""Protocol of the recordings -> name of the dialect."""

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded responses at {FOLDER} (TOKENGUARD_RECORDED)")

ALL = [
    pytest.param(DIALECTS[dialect], recording, id=recording.name)
    for protocol, dialect in PROTOCOLS.items()
    for recording in recordings(protocol)
]


def read(dialect: Dialect, recording: Recording, pieces: Iterator[bytes]) -> Reading:
    meter = recording.meter(dialect)
    for piece in pieces:
        meter.feed(piece)
    return meter.reading(ended=True)


def randomly_cut(body: bytes, dice: random.Random) -> Iterator[bytes]:
    largest = dice.choice((3, 30, 300, 3_000, 30_000))
    start = 0
    while start < len(body):
        end = start + dice.randint(1, largest)
        yield body[start:end]
        start = end


@pytest.mark.parametrize(("dialect", "recording"), ALL)
def test_reading_is_what_the_sidecar_expects(dialect: Dialect, recording: Recording) -> None:
    requested = recording.facts(dialect).model
    whole = read(dialect, recording, iter((recording.body,)))
    assert disagreements(recording, whole, requested) == []
    assert read(dialect, recording, (bytes((byte,)) for byte in recording.body)) == whole
    dice = random.Random(recording.name)
    for _ in range(5):
        assert read(dialect, recording, randomly_cut(recording.body, dice)) == whole


@pytest.mark.parametrize(("dialect", "recording"), ALL)
def test_a_cut_response_is_never_final_with_another_bill(dialect: Dialect, recording: Recording) -> None:
    whole = read(dialect, recording, iter((recording.body,)))
    dice = random.Random(recording.name)
    for cut in sorted(dice.sample(range(len(recording.body)), min(40, len(recording.body)))):
        meter = recording.meter(dialect)
        meter.feed(recording.body[:cut])
        partial = meter.reading(ended=False)
        assert partial.state != "final" or partial.legs == whole.legs
        meter.feed(recording.body[cut:])
        assert meter.reading(ended=True) == whole


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_folder_has_recordings_of_every_protocol(protocol: str) -> None:
    assert recordings(protocol)
