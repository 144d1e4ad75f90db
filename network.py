"""This machine's proxies and certificate authorities."""

import os
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy

from errors import AuthoritiesUnusable
from utils import one_line

HTTP_LIBRARY_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that the HTTP library follows, the strongest first."""
AUTHORITY_VARIABLES = (*HTTP_LIBRARY_VARIABLES, "SSL_CERT_FILE")
"""The same variables, and the one of OpenSSL."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy between this machine and a host. Only ``shown`` is fit for messages: its URL may hold a password."""

    url: str = field(repr=False)
    origin: str

    @property
    def shown(self) -> str:
        """Return scheme, host and port."""
        return remove_login(self.url)


def remove_login(address: str) -> str:
    """Return an address up to its path, without a login."""
    scheme, separator, rest = address.rpartition("://")
    return one_line(scheme + separator + re.split(r"[/?#]", rest.rpartition("@")[2])[0], limit=100)


def find_machine_proxy(url: str) -> Proxy | None:
    """Return this machine's proxy for a URL, by its variables or system settings."""
    address = select_proxy(url, get_environ_proxies(url))
    if not address:
        return None
    names = [f"{urlsplit(url).scheme}_proxy", "all_proxy"]
    named = (name for wanted in names for name in os.environ if name.lower() == wanted and os.environ[name] == address)
    return Proxy(address, next(named, "the proxy settings of this machine"))


def authorities(host: str, variables: tuple[str, ...] = AUTHORITY_VARIABLES) -> str | None:
    """Return the file or folder of certificate authorities in this machine's environment.

    Raises:
        AuthoritiesUnusable: the named file cannot be read.
    """
    for name in variables:
        if path := os.environ.get(name):
            if why := _explain_unusable(path):
                raise AuthoritiesUnusable(host, name, one_line(path), why)
            return path
    return None


def _explain_unusable(path: str) -> str | None:
    try:
        if not Path(path).is_dir():
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return "it holds no certificates in PEM form"
    except FileNotFoundError:
        return "it is not there"
    except (OSError, ValueError) as exc:
        return getattr(exc, "strerror", None) or "it is no path"
    return None
