"""What becomes of connections to a proxy, on real sockets and with real handshakes."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.intercept.rig import ANTHROPIC, intercepting, message, named
from tests.proxy.rig import ASK, TOKEN, Exchange, happened
from tokenguard.intercept import door, store
from tokenguard.intercept.authority import LIFETIME, make
from tokenguard.intercept.trust import Trust
from tokenguard.wire.shape import Refusal

EVENT = (
    b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":5,"output_tokens":1}}}\n\n'
)
ANSWER = b'{"type":"message","id":"msg_1","model":"claude-sonnet-5","usage":{"input_tokens":5,"output_tokens":7}}'


async def answering(exchange: Exchange) -> None:
    await exchange.answer(ANSWER, headers=b"Content-Type: application/json\r\n")


async def test_a_call_to_a_provider_is_one_like_any_other(tmp_path: Path) -> None:
    async with intercepting(answering, tmp_path) as rig:
        client = await rig.secure()
        for _ in range(2):
            await client.send(message(ASK, headers=b"x-api-key: sk-1\r\nX-Odd: 1\r\n"))
            answer = await client.message()
            assert (answer.status, answer.body) == (200, ANSWER)
            settled = await rig.guard.next_settled()
            assert (settled.call.provider, settled.call.session, settled.outcome) == ("anthropic", "s1", "ok")
            assert settled.reading.legs[0].usage.output == 7
    first, second = rig.upstream.received
    assert first == second
    assert (first.first, first.body) == (b"POST /v1/messages HTTP/1.1", ASK)
    assert named(first)[b"x-api-key"] == b"sk-1" and b"proxy-authorization" not in named(first)
    assert named(first)[b"host"] == f"127.0.0.1:{rig.upstream.port}".encode()


async def test_the_client_sees_a_certificate_of_ours_and_plain_http(tmp_path: Path) -> None:
    async with intercepting(answering, tmp_path) as rig:
        tunnel = await rig.tunnel(ANTHROPIC)
        context = ssl.create_default_context(cadata=rig.authority.pem.decode())
        context.set_alpn_protocols(["h2", "http/1.1"])
        await tunnel.writer.start_tls(context, server_hostname=ANTHROPIC)
        secure = tunnel.writer.get_extra_info("ssl_object")
        assert secure.selected_alpn_protocol() == "http/1.1"
        assert secure.version() == "TLSv1.3"
        assert secure.getpeercert()["subjectAltName"] == (("DNS", ANTHROPIC),)


async def test_a_stream_passes_piece_by_piece(tmp_path: Path) -> None:
    seen = asyncio.Event()

    async def streaming(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(EVENT)
        await happened(seen)
        await exchange.chunk(EVENT * 2)
        await exchange.end()

    async with intercepting(streaming, tmp_path) as rig:
        client = await rig.secure()
        await client.send(message(ASK))
        pieces: list[bytes] = []
        async for piece in client.pieces(await client.head()):
            pieces.append(piece)
            seen.set()
        assert pieces == [EVENT, EVENT * 2]
        assert (await rig.guard.next_settled()).status == 200


async def test_a_large_request_passes(tmp_path: Path) -> None:
    body = b'{"model":"claude-sonnet-5","max_tokens":1,"messages":"%b"}' % (b"x" * 3_000_000)
    async with intercepting(answering, tmp_path) as rig:
        client = await rig.secure()
        await client.send(message(body))
        assert (await client.message()).status == 200
    assert rig.upstream.received[0].body == body


async def test_a_client_that_leaves_within_a_stream_is_noticed(tmp_path: Path) -> None:
    gone = asyncio.Event()

    async def streaming(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(EVENT)
        assert await exchange.closed()
        gone.set()

    async with intercepting(streaming, tmp_path) as rig:
        client = await rig.secure()
        await client.send(message(ASK))
        async for _ in client.pieces(await client.head()):
            break
        client.writer.transport.abort()
        await happened(gone)
        assert (await rig.guard.next_settled()).outcome == "client-gone"


async def test_an_answer_that_breaks_off_is_seen_to_be_broken(tmp_path: Path) -> None:
    async def breaking(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(EVENT)
        exchange.close()

    async with intercepting(breaking, tmp_path) as rig:
        client = await rig.secure()
        await client.send(message(ASK))
        answer = await client.message()
        assert (answer.body, answer.complete) == (EVENT, False)
        assert (await rig.guard.next_settled()).outcome == "cut"


async def test_also_where_only_the_end_of_the_connection_would_show_it(tmp_path: Path) -> None:
    async def breaking(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(EVENT)
        exchange.close()

    async with intercepting(breaking, tmp_path) as rig:
        client = await rig.secure()
        await client.send(message(ASK).replace(b" HTTP/1.1", b" HTTP/1.0"))
        head = await client.head()
        assert (head.status, head.get(b"Transfer-Encoding")) == (200, None)
        with pytest.raises((ConnectionError, ssl.SSLError)):
            while await client.reader.read(1):
                pass
        assert (await rig.guard.next_settled()).outcome == "cut"


async def test_a_refusal_comes_through_and_nothing_goes_out(tmp_path: Path) -> None:
    async with intercepting(answering, tmp_path) as rig:
        rig.guard.refusal = Refusal(400, "application/json", b'{"error":"no"}')
        client = await rig.secure()
        await client.send(message(ASK))
        answer = await client.message()
        assert (answer.status, answer.body) == (400, b'{"error":"no"}')
    assert rig.upstream.received == []


async def test_a_request_that_is_no_call_passes(tmp_path: Path) -> None:
    async with intercepting(answering, tmp_path) as rig:
        client = await rig.secure()
        await client.send(message(b"anything", target=b"/api/oauth/claude_cli/roles?x=%2F", headers=b"Origin: app\r\n"))
        assert (await client.message()).status == 200
        assert rig.guard.begun == [] and rig.guard.passed == []
    (request,) = rig.upstream.received
    assert (request.first, request.body) == (b"POST /api/oauth/claude_cli/roles?x=%2F HTTP/1.1", b"anything")
    assert named(request)[b"origin"] == b"app"


async def test_a_provider_by_plain_http_is_guarded_in_both_ways_of_asking(tmp_path: Path) -> None:
    """Node.js asks for a tunnel also where no TLS is spoken in it."""
    async with intercepting(answering, tmp_path) as rig:
        where = b"127.0.0.1:%d" % rig.upstream.port
        rig.configure(lan=f"http://{where.decode()}/api", anthropic="http://127.0.0.1:1")
        told = b"POST http://%b/api/v1/messages" % where
        body = b"Content-Length: %d\r\n" % len(ASK) + rig.credentials()
        client = await rig.ask(told, body, ASK)
        answer = await client.message()
        assert answer.status == 200
        # What comes next over a connection to a proxy may be for another host.
        assert answer.get(b"Connection") == b"close" and await client.closed()
        assert (await rig.guard.next_settled()).call.provider == "lan"
        tunnel = await rig.tunnel("127.0.0.1", rig.upstream.port)
        await tunnel.send(message(ASK, host=where.decode(), target=b"/api/v1/messages"))
        assert (await tunnel.message()).status == 200
        assert (await rig.guard.next_settled()).call.provider == "lan"
        await tunnel.send(message(ASK, host=where.decode(), target=b"/other/v1/messages"))
        assert (await tunnel.message()).status == 200
    assert [each.first.split()[1] for each in rig.upstream.received] == [
        b"/api/v1/messages",
        b"/api/v1/messages",
        b"/other/v1/messages",
    ]
    assert len(rig.guard.begun) == 2
    assert all(b"proxy-authorization" not in named(each) for each in rig.upstream.received)


@pytest.mark.parametrize(
    "first", [b"CONNECT api.anthropic.com:443", b"CONNECT 127.0.0.1:22", b"GET http://127.0.0.1:1/", b"CONNECT a:443"]
)
@pytest.mark.parametrize(
    "token", [None, "", "wrong", TOKEN + "x", TOKEN[:-1], TOKEN.upper(), "tökén"], ids=lambda token: str(token)
)
async def test_nobody_is_served_without_the_token_of_a_session(tmp_path: Path, first: bytes, token: str | None) -> None:
    async with intercepting(answering, tmp_path) as rig:
        client = await rig.ask(first, b"" if token is None else rig.credentials(token))
        answer = await client.message()
        assert answer.status == 407
        assert answer.get(b"Proxy-Authenticate") == b'Basic realm="tokenguard"'
        assert await client.closed()


async def test_nobody_is_served_but_the_user(tmp_path: Path) -> None:
    async with intercepting(answering, tmp_path, peer=lambda: os.getuid() + 1) as rig:
        for first in (b"CONNECT api.anthropic.com:443", b"CONNECT 127.0.0.1:1", b"GET http://127.0.0.1:1/"):
            assert (await (await rig.ask(first)).message()).status == 403


async def test_a_connection_that_is_kept_ends_with_its_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with intercepting(answering, tmp_path) as rig:
        client = await rig.secure()
        await client.send(message(ASK))
        assert (await client.message()).status == 200

        def nobody(token: str) -> None:
            """All sessions are over."""

        monkeypatch.setattr(rig.guard, "session_of", nobody)
        await client.send(message(ASK))
        assert (await client.message()).status == 402
    assert len(rig.upstream.received) == 1


@pytest.mark.parametrize(
    ("host", "target", "status"),
    [
        ("evil.example.com", b"/v1/messages", 421),
        ("127.0.0.1:4747", b"/s/token-of-the-session/anthropic/v1/messages", 421),
        ("api.anthropic.com:8443", b"/v1/messages", 421),
        (ANTHROPIC, b"https://api.anthropic.com/v1/messages", 400),
        (ANTHROPIC, b"@127.0.0.1:1/v1/messages", 400),
        (ANTHROPIC, b"*", 400),
    ],
)
async def test_credentials_for_one_host_get_to_no_other(tmp_path: Path, host: str, target: bytes, status: int) -> None:
    async with intercepting(answering, tmp_path) as rig:
        client = await rig.secure()
        await client.send(message(ASK, host=host, target=target))
        assert (await client.message()).status == status
    assert rig.upstream.received == []


@pytest.mark.parametrize("host", ["api.anthropic.com:443", "API.Anthropic.COM"])
async def test_a_host_may_be_written_otherwise(tmp_path: Path, host: str) -> None:
    async with intercepting(answering, tmp_path) as rig:
        client = await rig.secure()
        await client.send(message(ASK, host=host))
        assert (await client.message()).status == 200


class TestCertificatesThatCannotBeHad:
    async def refused(self, folder: Path, identity: str | None = None, host: str = ANTHROPIC) -> None:
        async with intercepting(answering, folder) as rig:
            first = b"CONNECT %b:443" % host.encode()
            client = await rig.ask(first, rig.credentials(identity=rig.authority.id if identity is None else identity))
            answer = await client.message()
            assert answer.status == 502
            assert f"{host} cannot be intercepted".encode() in answer.body

    @pytest.mark.parametrize("identity", ["", "0" * 16, "../../x", "tokenguard"])
    async def test_of_an_authority_that_is_not_there(self, tmp_path: Path, identity: str) -> None:
        await self.refused(tmp_path, identity)

    async def test_of_one_that_has_expired(self, tmp_path: Path) -> None:
        old = make((ANTHROPIC,), datetime.now(UTC) - LIFETIME - timedelta(seconds=1))
        store.obtain(tmp_path, (ANTHROPIC,), datetime.now(UTC))
        file = store.file_of(tmp_path, old.id)
        file.touch(0o600)
        file.write_bytes(old.secret_pem)
        async with intercepting(answering, tmp_path) as rig:
            file.touch(0o600)
            file.write_bytes(old.secret_pem)
            client = await rig.ask(b"CONNECT api.anthropic.com:443", rig.credentials(identity=old.id))
            assert (await client.message()).status == 502

    async def test_of_one_whose_key_others_may_read(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        made = store.obtain(tmp_path, (ANTHROPIC,), datetime.now(UTC))
        store.file_of(tmp_path, made.id).chmod(0o644)
        await self.refused(tmp_path, made.id)
        assert "others may read the key" in caplog.text

    async def test_for_a_region_that_is_not_known(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        await self.refused(tmp_path, host="bedrock-runtime.mars-north-1.amazonaws.com")
        assert "name it in [providers.NAME]" in caplog.text


class TestTrust:
    async def test_a_program_that_does_not_take_our_certificate_is_told_of(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        stranger = make((ANTHROPIC,), datetime.now(UTC))
        async with intercepting(answering, tmp_path) as rig:
            rig.interceptor.trust = trust = NotingTrust()
            for _ in range(2):
                with pytest.raises(ssl.SSLCertVerificationError):
                    await rig.secure(trusted=stranger)
                await trust.next()
        assert rig.interceptor.trust.close("s1") == (2, (ANTHROPIC,), ())
        assert rig.interceptor.trust.close("s1") == (0, (), ())
        assert [ANTHROPIC in line for line in caplog.messages] == [True]

    async def test_so_is_one_that_leaves_without_a_word(self, tmp_path: Path) -> None:
        async with intercepting(answering, tmp_path) as rig:
            rig.interceptor.trust = trust = NotingTrust()
            client = await rig.secure()
            client.close()
            await trust.next()
        assert rig.interceptor.trust.close("s1") == (1, (ANTHROPIC,), ())

    async def test_but_not_where_another_connection_is_used(self, tmp_path: Path) -> None:
        async with intercepting(answering, tmp_path) as rig:
            rig.interceptor.trust = trust = NotingTrust()
            for _ in range(2):
                left = await rig.secure()
                left.close()
                await trust.next()
                client = await rig.secure()
                await client.send(message(ASK))
                assert (await client.message()).status == 200
        assert rig.interceptor.trust.close("s1") == (4, (), ())


class NotingTrust(Trust):
    """Tells when something was noticed."""

    def __init__(self) -> None:
        super().__init__()
        self.noticed = asyncio.Semaphore(0)

    def refused(self, session_id: str, host: str) -> None:
        super().refused(session_id, host)
        self.noticed.release()

    async def next(self) -> None:
        async with asyncio.timeout(20):
            await self.noticed.acquire()


class TestTheDoor:
    async def test_what_is_for_us_comes_to_us(self, tmp_path: Path) -> None:
        async with intercepting(answering, tmp_path) as rig:
            client = await rig.connect()
            for _ in range(2):
                await client.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert (await client.message()).status == 200
            target = b"/s/token-of-the-session/anthropic/v1/messages"
            await client.send(message(ASK, host="127.0.0.1", target=target))
            assert (await client.message()).status == 200

    async def test_however_it_is_cut(self, tmp_path: Path) -> None:
        async with intercepting(answering, tmp_path) as rig:
            for whole, status in (
                (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
                (b"CONNECT api.anthropic.com:443 HTTP/1.1\r\n%b\r\n" % rig.credentials(), 200),
                (b"GET http://127.0.0.1:1/ HTTP/1.1\r\n%b\r\n" % rig.credentials(), 502),
            ):
                client = await rig.connect()
                for at in range(len(whole)):
                    await client.send(whole[at : at + 1])
                    await asyncio.sleep(0)
                assert (await client.head()).status == status

    @pytest.mark.parametrize("whole", [b"CONNECT nonsense HTTP/1.1\r\n\r\n", b"GET http://x/" + b"x" * (1 << 17)])
    async def test_what_cannot_be_understood_is_turned_away(self, tmp_path: Path, whole: bytes) -> None:
        async with intercepting(answering, tmp_path) as rig:
            client = await rig.connect()
            await client.send(whole)
            assert (await client.message()).status == 400

    async def test_nothing_may_be_said_into_a_tunnel_before_it_is_there(self, tmp_path: Path) -> None:
        async with intercepting(answering, tmp_path) as rig:
            client = await rig.ask(b"CONNECT api.anthropic.com:443", rest=b"\x16\x03\x01")
            assert (await client.message()).status == 400

    @pytest.mark.parametrize("begin", [b"", b"GE", b"CONNECT api.anthropic.com:443 HTTP/1.1\r\n"])
    async def test_who_does_not_say_what_it_wants_is_not_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: bytes
    ) -> None:
        monkeypatch.setattr(door, "PATIENCE", 0.01)
        async with intercepting(answering, tmp_path) as rig:
            client = await rig.connect()
            await client.send(begin)
            assert await client.closed()

    async def test_who_says_nothing_is_hung_up_on_in_the_end(self, tmp_path: Path) -> None:
        async with intercepting(answering, tmp_path) as rig:
            silent, half = await rig.connect(), await rig.connect()
            await half.send(b"CONNECT api.anth")
            other = await rig.connect()
            await other.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await other.message()
            rig.interceptor.close_doors()
            assert await silent.closed() and await half.closed()


async def test_no_log_holds_a_token_or_a_host_that_is_nobody_s(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with intercepting(answering, tmp_path) as rig:
        for first in (b"CONNECT secret-host.invalid:443", b"GET http://secret-host.invalid/secret-path"):
            assert (await (await rig.ask(first)).message()).status == 502
        client = await rig.secure()
        await client.send(b"nonsense secret-path\r\n\r\n")
        await client.message()
        await (await rig.ask(b"CONNECT secret-host.invalid:443", rig.credentials("secret-token"))).message()
    ours = [line for name, _, line in caplog.record_tuples if name.startswith("tokenguard")]
    assert not any("secret" in line or TOKEN in line for line in ours)
