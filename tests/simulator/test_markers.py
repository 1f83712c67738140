from __future__ import annotations

import pytest

from tests.simulator.support import Client
from tokenguard.simulator.markers import HALFWAY, Directions, read
from tokenguard.simulator.shape import Rejected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("hello", Directions()),
        ("[sim:tool]", Directions(turns=1)),
        ("a [sim:turns=5] b [sim:output=2000]", Directions(turns=5, output=2_000)),
        ("[sim:loop=9][sim:turns=12]", Directions(loop=9, turns=12)),
        ("[sim:thinking=0]", Directions(thinking=0)),
        ("[sim:error=529]", Directions(error=529)),
        ("[sim:cut]", Directions(cut=HALFWAY)),
        ("[sim:cut=30]", Directions(cut=30)),
        ("[sim:midstream-error][sim:hang=0]", Directions(midstream_error=HALFWAY, hang=0)),
        ("[sim:slow=20ms][sim:wait=1.5s]", Directions(slow=0.02, wait=1.5)),
        ("[sim:big=50MB]", Directions(big=50_000_000)),
        ("[sim:error=429][sim:fails=1]", Directions(error=429, fails=1)),
        ("[sim:delegate=general][sim:parallel=2]", Directions(delegate="general", parallel=2)),
        ("[sim:use=get_budget]", Directions(use="get_budget")),
        (
            "[sim:garbage][sim:halfevent][sim:unknown-model]",
            Directions(garbage=True, halfevent=True, unknown_model=True),
        ),
        ("[sim:billing=to-end][sim:cold][sim:gzip]", Directions(billing="to-end", cold=True, gzip=True)),
    ],
)
def test_directions(said: str, expected: Directions) -> None:
    assert read(said) == expected


@pytest.mark.parametrize(
    "said", ["[sim:toll]", "[sim:output=many]", "[sim:slow=fast]", "[sim:parallel=0]", "[sim:billing=never]"]
)
def test_a_typing_error_shows(said: str) -> None:
    with pytest.raises(Rejected, match="knows no marker"):
        read(said)


async def test_a_typing_error_reaches_the_client(client: Client) -> None:
    answer = await client.say("openai-chat", "[sim:toll]")
    assert answer.status == 400 and "[sim:toll]" in answer.json["error"]["message"]
