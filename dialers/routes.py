"""The way to one dialer: its proxy, its certificate authorities, and the failures on the way.

The HTTP library would take all of that from the environment, and send passwords of http:// dialers through any proxy
named there. Here only the settings count.
"""

import re
import ssl
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from requests.exceptions import InvalidProxyURL, InvalidSchema, InvalidURL
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.exceptions import ProxyError as NoWayThrough

from dialers.http_failures import causes, transport_error
from errors import DialerUnreachable, ProxyFailed, SyncError
from messages import Source
from network import Proxy, authorities, find_machine_proxy

LOGIN_WANTED = 407
TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
NO_CONNECTION = range(502, 505)
UNUSABLE: dict[type[Exception], str] = {
    InvalidProxyURL: "that is no address of a proxy",
    InvalidURL: "that is no address of a proxy",
    InvalidSchema: "only proxies of http:// and https:// can be used",
}
SILENT: dict[type[Exception], str] = {
    NameResolutionError: "its name is not known",
    ConnectionRefusedError: "connection refused",
    ssl.SSLError: "it does not speak TLS as it should",
    NewConnectionError: "no connection",
    ConnectTimeoutError: "no connection in time",
}


@dataclass(frozen=True)
class Route:
    """The way to one source's dialer. ``proxy`` comes from the settings."""

    source: Source
    proxy: Proxy | None

    @cached_property
    def verify(self) -> bool | str:
        """Return the authorities for the dialer's certificate, as the HTTP library wants them.

        Raises:
            AuthoritiesUnusable: this machine names a file of authorities that cannot be read.
        """
        source = self.source
        return source.verify_tls and source.address.is_encrypted and (authorities(source.host) or True)

    @property
    def proxies(self) -> dict[str, str]:
        return dict.fromkeys(("http", "https"), self.proxy.url) if self.proxy else {}

    @property
    def host(self) -> str:
        """Return the dialer's name for errors that something on the way may have caused as well."""
        return f"{self.source.host} (asked through the proxy {self.proxy.shown})" if self.proxy else self.source.host

    def error(self, exc: Exception, http_timeout: timedelta) -> SyncError:
        """Translate an exception of the HTTP library."""
        if self.proxy and (what := _proxy_fault(exc)):
            return self._proxy_failure(what)
        error = transport_error(exc, self.host, http_timeout)
        if type(error) is DialerUnreachable and not self.proxy:
            unused = find_machine_proxy(self.source.address.url)
            hint = f"; {unused.origin} is not used for dialers, unless DIALER_PROXY=environment" if unused else ""
            return DialerUnreachable(error.args[0], f"{error.args[1]}{hint}")
        return error

    def refusal(self, status: int) -> ProxyFailed | None:
        """Return the error if the proxy itself answered in the dialer's place."""
        return self._proxy_failure("it wants a login (HTTP 407)") if self.proxy and status == LOGIN_WANTED else None

    def _proxy_failure(self, what: str) -> ProxyFailed:
        assert self.proxy is not None
        return ProxyFailed(self.source.host, self.proxy.shown, self.proxy.origin, what)


def _proxy_fault(exc: Exception) -> str | None:
    """Return the proxy's fault. None if the request may have gone to it, and perhaps on to the dialer."""
    reasons = causes(exc)
    for kind, words in UNUSABLE.items():
        if any(isinstance(reason, kind) for reason in reasons):
            return words
    if not any(isinstance(reason, NoWayThrough) for reason in reasons):
        return None
    answered = next((found for reason in reasons if (found := TUNNEL.search(str(reason)))), None)
    if answered:
        return _tunnel_fault(int(answered[1]))
    faults = (words for kind, words in SILENT.items() if any(isinstance(reason, kind) for reason in reasons))
    return next(faults, None)


def _tunnel_fault(status: int) -> str:
    """Explain a proxy's refusal to connect to an https:// dialer."""
    refusal = "it wants a login" if status == LOGIN_WANTED else "it does not connect to that host and port"
    return f"{'it could not reach the dialer' if status in NO_CONNECTION else refusal} (HTTP {status})"
