"""Bodies in many pieces: all of them arrive, and none costs a run of the parser more than it needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler

from tokenguard.upstream import Network, Upstreams, next_bytes

PIECE = b"5\r\nabcde\r\n"


@asynccontextmanager
async def answer_of(body: bytes) -> AsyncGenerator[aiohttp.ClientResponse]:
    """An answer whose body is this, in chunks."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    upstreams = Upstreams()
    try:
        port = server.sockets[0].getsockname()[1]
        yield await upstreams.send(Network(), f"http://127.0.0.1:{port}", "/", method="GET", headers=(), body=b"")
    finally:
        await upstreams.close()
        server.close()


async def read_all(answer: aiohttp.ClientResponse) -> bytes:
    pieces: list[bytes] = []
    async with asyncio.timeout(20):
        while piece := await next_bytes(answer):
            pieces.append(piece)
    return b"".join(pieces)


async def test_the_parser_runs_only_for_what_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[int] = []
    plain = ResponseHandler.data_received

    def counted(connection: ResponseHandler, data: bytes) -> None:
        received.append(len(data))
        plain(connection, data)

    monkeypatch.setattr(ResponseHandler, "data_received", counted)
    async with answer_of(PIECE * 200 + b"0\r\n\r\n") as answer:
        assert await read_all(answer) == b"abcde" * 200
    assert received
    assert 0 not in received


@pytest.mark.parametrize("piece", [PIECE, b"20000\r\n%b\r\n" % (b"x" * 0x20000)], ids=["many", "large"])
async def test_a_body_that_had_to_wait_for_its_reader_arrives_whole(piece: bytes) -> None:
    """It is more than is read ahead, in bytes or in chunks, so that reading pauses and must be resumed."""
    count = 60_000 if piece is PIECE else 30
    async with answer_of(piece * count + b"0\r\n\r\n") as answer:
        assert answer.connection is not None
        transport = answer.connection.transport
        assert transport is not None
        async with asyncio.timeout(20):
            while transport.is_reading():  # noqa: ASYNC110  # nobody tells when reading pauses
                await asyncio.sleep(0)
        data = piece.split(b"\r\n")[1]
        assert await read_all(answer) == data * count
