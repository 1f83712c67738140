"""Machines on the way to a provider: servers, a company's proxy and its authority."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tokenguard.upstream import Network, UpstreamError, Upstreams, next_bytes

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HOST = "upstream.test"


@asynccontextmanager
async def listening(connected: Connected, tls: ssl.SSLContext | None = None) -> AsyncGenerator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await connected(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.get_running_loop().create_task(served(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers every request with its own head."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
        await reader.readexactly(int(length or b"0"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(head), head))


class ForwardProxy:
    """A company's proxy: tunnels, and plain requests in absolute form. It knows one machine under every name."""

    def __init__(self, upstream_port: int, *, status: bytes = b"200 Connection established") -> None:
        self.upstream_port = upstream_port
        self.status = status
        self.heads: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        there_reader, there = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        if head.startswith(b"CONNECT "):
            writer.write(b"HTTP/1.1 %b\r\n\r\n" % self.status)
        else:
            there.write(head)
        try:
            await asyncio.gather(self.copy(reader, there), self.copy(there_reader, writer))
        finally:
            there.close()

    async def copy(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        while data := await source.read(1 << 16):
            to.write(data)
            await to.drain()
        to.close()


@asynccontextmanager
async def pooled() -> AsyncGenerator[Upstreams]:
    upstreams = Upstreams()
    try:
        yield upstreams
    finally:
        await upstreams.close()


async def fetch(
    upstreams: Upstreams, network: Network, url: str, target: str = "/v1?x=%20", body: bytes = b"hi"
) -> bytes:
    answer = await upstreams.send(
        network, url, target, method="POST", headers=[("x-key", "sk-1"), ("Content-Length", str(len(body)))], body=body
    )
    assert answer.status == 200
    out = b""
    async with asyncio.timeout(20):
        while piece := await next_bytes(answer):
            out += piece
    return out


async def failure(network: Network, url: str) -> str:
    async with pooled() as upstreams:
        with pytest.raises(UpstreamError) as failed:
            await fetch(upstreams, network, url)
    text = str(failed.value)
    assert "\n" not in text and "sk-1" not in text and "pw" not in text
    return text


class Authority:
    """A private certificate authority, with one certificate for `upstream.test`."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self.bundle = folder / "authority.pem"
        self._write(self.bundle, authority := self._certificate("authority", key, key, "authority"))
        own = ec.generate_private_key(ec.SECP256R1())
        chain, secret = folder / "chain.pem", folder / "key.pem"
        self._write(chain, self._certificate(HOST, own, key, authority.subject.rfc4514_string()[3:]))
        secret.write_bytes(
            own.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(chain, secret)

    def _certificate(
        self, name: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, issuer: str
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        is_authority = key is signer
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if is_authority:
            usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(signer, hashes.SHA256())

    def _write(self, path: Path, certificate: x509.Certificate) -> None:
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
