"""What the daemon shows to agents in place of providers' certificates."""

from __future__ import annotations

import logging
import os
import ssl
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, NamedTuple

from tokenguard.errors import TokenguardError
from tokenguard.intercept import hosts, store

if TYPE_CHECKING:
    from tokenguard.intercept.authority import Authority

_log = logging.getLogger(__name__)


class _Issued(NamedTuple):
    context: ssl.SSLContext
    renew_at: datetime


class Certificates:
    """Certificates by the authority that the agent trusts and the host that it means; keys stay in this process."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._authorities: dict[str, Authority] = {}
        self._issued: dict[tuple[str, str], _Issued] = {}

    def context(self, authority_id: str, host: str, now: datetime) -> ssl.SSLContext | None:
        """A server's side of TLS for a host; None, and a line in the log, where the authority cannot vouch for it."""
        issued = self._issued.get((authority_id, host))
        if issued is not None and now < issued.renew_at:
            return issued.context
        try:
            authority = self._authority(authority_id)
            if authority is None or authority.expires <= now:
                _log.error("the authority of a run is gone or has expired; start the run again")
                return None
        except TokenguardError as error:
            _log.error("%s", error)
            return None
        if not hosts.covered(host, authority.names):
            _log.error(
                "%s is a provider's, but was not known as one when the run began: start it again, or, "
                "for a region that tokenguard does not know, name it in [providers.NAME]",
                host,
            )
            return None
        self._issued[authority_id, host] = issued = self._issue(authority, host, now)
        return issued.context

    def _authority(self, authority_id: str) -> Authority | None:
        found = self._authorities.get(authority_id) or store.load(self._state_dir, authority_id)
        if found is not None:
            self._authorities[authority_id] = found
        return found

    def _issue(self, authority: Authority, host: str, now: datetime) -> _Issued:
        from tokenguard.intercept import authority as authorities

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        # The library takes certificates from files only. The folder is ours alone, and the file goes at once.
        with NamedTemporaryFile(dir=self._state_dir / store.FOLDER, prefix=".leaf-") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(authorities.issue(authority, host, now))
            file.flush()
            context.load_cert_chain(file.name)
        return _Issued(context, now + authorities.LEAF_LIFETIME / 2)
