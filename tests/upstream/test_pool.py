"""Requests through proxies and private authorities, and what is told of those that fail."""

from __future__ import annotations

import asyncio
import base64
import gc
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tokenguard.upstream import Network, UpstreamError, Upstreams, arrived, next_bytes, pool

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


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


async def test_connections_are_kept_and_nothing_is_added_to_the_headers() -> None:
    made = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal made
        made += 1
        await answering(reader, writer)

    async with listening(counting) as port, pooled() as upstreams:
        for _ in range(3):
            head = await fetch(upstreams, Network(), f"http://127.0.0.1:{port}/base")
            assert head == (
                b"POST /base/v1?x=%%20 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nx-key: sk-1\r\nContent-Length: 2\r\n\r\n"
                % port
            )
    assert made == 1


async def test_a_large_body_arrives_whole() -> None:
    async with listening(answering) as port, pooled() as upstreams:
        body = b"x" * (5 << 20)
        assert b"Content-Length: 5242880" in await fetch(upstreams, Network(), f"http://127.0.0.1:{port}", body=body)


@pytest.mark.parametrize("credentials", ["", "user:pw%40@"])
async def test_https_goes_through_the_proxys_tunnel(authority: Authority, credentials: str) -> None:
    async with listening(answering, authority.context) as port:
        proxy = ForwardProxy(port)
        async with listening(proxy) as proxy_port, pooled() as upstreams:
            network = Network(f"http://{credentials}127.0.0.1:{proxy_port}", ca_bundles=(str(authority.bundle),))
            for _ in range(2):
                head = await fetch(upstreams, network, f"https://{HOST}")
                assert head.startswith(b"POST /v1?x=%20 HTTP/1.1\r\nHost: upstream.test\r\nx-key: sk-1\r\n")
                assert b"Proxy-Authorization" not in head
        (tunnel,) = proxy.heads
        assert tunnel.startswith(b"CONNECT upstream.test:443 HTTP/1.1\r\n") and b"sk-1" not in tunnel
        basic = b"Proxy-Authorization: Basic " + base64.b64encode(b"user:pw@")
        assert (basic in tunnel) == bool(credentials)


@pytest.mark.parametrize("credentials", ["", "user:pw@"])
async def test_http_goes_to_the_proxy_in_absolute_form(credentials: str) -> None:
    async with listening(answering) as port:
        proxy = ForwardProxy(port)
        async with listening(proxy) as proxy_port, pooled() as upstreams:
            network = Network(plain_proxy=f"http://{credentials}127.0.0.1:{proxy_port}")
            head = await fetch(upstreams, network, f"http://{HOST}/base")
            assert head.startswith(b"POST http://upstream.test/base/v1?x=%20 HTTP/1.1\r\nHost: upstream.test\r\n")
            assert (b"Proxy-Authorization: Basic" in head) == bool(credentials)
        assert len(proxy.heads) == 1


async def test_no_proxy_and_loopback_are_direct() -> None:
    async with listening(answering) as port, pooled() as upstreams:
        network = Network("http://127.0.0.1:1", "http://127.0.0.1:1")
        assert await fetch(upstreams, network, f"http://127.0.0.1:{port}")


async def test_a_private_authority_is_trusted_besides_the_systems(authority: Authority) -> None:
    # A connection does not tell whom else it would have trusted.
    context = pool._trust(Network(ca_bundles=(str(authority.bundle),)))  # pyright: ignore[reportPrivateUsage]
    assert isinstance(context, ssl.SSLContext)
    names = {str(known.get("subject")) for known in context.get_ca_certs()}
    system = {str(known.get("subject")) for known in ssl.create_default_context().get_ca_certs()}
    assert names - system and names >= system


async def test_a_certificate_that_is_not_trusted_is_told_with_its_remedy(authority: Authority) -> None:
    async with listening(answering, authority.context) as port, listening(ForwardProxy(port)) as proxy_port:
        text = await failure(Network(f"http://user:pw@127.0.0.1:{proxy_port}"), f"https://{HOST}")
        assert text.startswith(f"no secure connection to {HOST} through the proxy 127.0.0.1: ")
        assert "certificate" in text and text.endswith("set ca_bundle in [network] of config.toml")


async def test_a_certificate_of_another_host_is_not_taken(authority: Authority) -> None:
    async with listening(answering, authority.context) as port:
        text = await failure(Network(ca_bundles=(str(authority.bundle),)), f"https://127.0.0.1:{port}")
        assert "no secure connection to 127.0.0.1" in text and "IP address mismatch" in text


async def test_failures_name_the_host_and_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1) != b"P":
            writer.write(b"HTTP/1.1 400 This is no TLS\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")

    async with listening(silent) as port, listening(ForwardProxy(port, status=b"407 Who are you")) as proxy_port:
        assert await failure(Network(), f"http://127.0.0.1:{port}") == (
            "127.0.0.1 closed the connection without an answer"
        )
        assert await failure(Network(), f"https://127.0.0.1:{port}") == (
            "no secure connection to 127.0.0.1: the TLS handshake failed; "
            "if your network inspects TLS, set ca_bundle in [network] of config.toml"
        )
        assert await failure(Network(f"http://user:pw@127.0.0.1:{proxy_port}"), f"https://{HOST}") == (
            f"the proxy on the way to {HOST} answered 407"
        )
    assert "cannot be reached: Connect" in await failure(Network(), f"http://127.0.0.1:{port}")
    assert await failure(Network(f"http://user:pw@127.0.0.1:{port}"), f"https://{HOST}") == (
        f"the proxy on the way to {HOST} cannot be reached"
    )

    async def unknown(*_: object, **__: object) -> None:
        raise OSError("no such name")

    monkeypatch.setattr("aiohttp.TCPConnector._resolve_host", unknown)
    assert await failure(Network(), "http://nowhere.test") == "the name nowhere.test cannot be resolved"

    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    assert await failure(Network(ca_bundles=(str(broken),)), "https://127.0.0.1") == (
        f"the CA bundle {broken} cannot be read; name a PEM file"
    )


async def test_connecting_has_a_limit_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        raise TimeoutError

    async with pooled() as upstreams:
        monkeypatch.setattr("aiohttp.TCPConnector._create_connection", never)
        with pytest.raises(UpstreamError, match="127.0.0.1 cannot be reached within 30 s"):
            await fetch(upstreams, Network(), "http://127.0.0.1:1")
    timeout = pool._TIMEOUT  # pyright: ignore[reportPrivateUsage]  # no test waits that long
    assert (timeout.total, timeout.sock_read, timeout.connect) == (None, None, 30)


async def test_an_idle_connection_that_is_reset_is_no_error() -> None:
    begun, reset = asyncio.Event(), asyncio.Event()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if begun.is_set():
            return await answering(reader, writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")
        await begun.wait()
        writer.write(b"x")
        await reset.wait()
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    problems: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
    async with listening(once) as port, pooled() as upstreams, asyncio.timeout(20):
        url = f"http://127.0.0.1:{port}"
        answer = await upstreams.send(Network(), url, "/", method="GET", headers=[], body=b"")
        begun.set()
        assert (await next_bytes(answer), await next_bytes(answer)) == (b"x", b"")
        reset.set()
        # That the connection is lost is told to nobody who could be asked.
        while upstreams._bodies:  # noqa: ASYNC110  # pyright: ignore[reportPrivateUsage]
            await asyncio.sleep(0)
        # The next request drops the dead connection, and with it all that nobody asked about.
        assert await fetch(upstreams, Network(), url)
        del answer
        gc.collect()
        assert not problems


async def test_what_has_come_and_was_not_taken_can_be_had_without_waiting() -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await taken.wait()

    taken = asyncio.Event()
    async with listening(connected) as port, pooled() as upstreams, asyncio.timeout(20):
        url = f"http://127.0.0.1:{port}"
        answer = await upstreams.send(Network(), url, "/", method="GET", headers=(), body=b"")
        while not (got := arrived(answer)):  # noqa: ASYNC110  # `arrived` is the one that does not wait
            await asyncio.sleep(0)
        assert (got, arrived(answer)) == (b"abc", b"")
        taken.set()
        with pytest.raises(UpstreamError):
            await next_bytes(answer)
        assert arrived(answer) == b""
        answer.close()
