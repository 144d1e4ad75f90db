"""The one connection of a thread to a dialer host: its slot, its HTTP session and its login."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import requests
from filelock import FileLock
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from config import Settings
from dialers.http_failures import is_reset
from dialers.routes import Route
from dialers.slots import HostSlots
from dialers.timed_connections import Wire, WireAdapter
from errors import DialerTimeout, ProxyFailed, SyncError
from messages import Source
from network import Proxy, find_machine_proxy

SLOT_SECONDS = 10.0
"""Age of a kept-alive connection at which it is closed between two requests, so that others get their turn."""
Form = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Traffic:
    """Counters of the exchange with a dialer for one source."""

    requests: int = 0
    retries: int = 0
    bytes_received: int = 0
    shortened: int = 0
    """Records longer than MAX_RECORD_KB."""


class Connection:
    """A connection in a slot of its host. It is kept alive between requests."""

    def __init__(self, source: Source, settings: Settings, traffic: Traffic) -> None:
        self._source = source
        self._settings = settings
        self._traffic = traffic
        self._slots = HostSlots(settings.data_dir / "slots", source.machine or source.host, source.max_connections)
        self._read_timeout = min(settings.http_timeout, settings.request_timeout)
        self._slot: FileLock | None = None
        self._slot_since = 0.0
        self._is_kept_alive = False
        self._login = HTTPBasicAuth(source.username.encode("utf-8"), source.password.encode("utf-8"))
        self._route = Route(source, _choose_proxy(source, settings))
        self._wire = Wire()
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, login or certificate but the route's
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, WireAdapter(self._wire))
        self._session.headers["User-Agent"] = "vicidial-warehouse"
        if not source.verify_tls:  # the row says so; for the whole process, since filters know no threads
            warnings.simplefilter("ignore", InsecureRequestWarning)

    def take_slot(self, *, wait_seconds: float, give_up: Callable[[], None]) -> None:
        """Take a slot, unless the connection has one.

        Args:
            give_up: raises to give up waiting.

        Raises:
            SlotUnavailable: none became free in time.
        """
        if self._slot is None:
            self._slot = self._slots.take(wait_seconds=wait_seconds, give_up=give_up)
            self._slot_since = time.monotonic()
            give_up()  # the last holder may have left a note

    @contextmanager
    def post(self, page: str, form: Form, *, login: bool) -> Iterator[requests.Response]:
        """Send a request and yield its answer, whose headers must come in time.

        Raises:
            requests.RequestException, urllib3.exceptions.HTTPError: give it to ``translate``, and never show it.
        """
        self._traffic.requests += 1
        with self._wire.limit_time(self._settings.request_timeout.total_seconds()):
            response = self._send(page, form, login=login)
        with response:
            self._wire.raise_if_overdue()
            yield response
        self._is_kept_alive = True

    def _send(self, page: str, form: Form, *, login: bool) -> requests.Response:
        """Send a request. A broken kept-alive connection is replaced at once: its server took nothing from it."""
        post = partial(
            self._session.post,
            self._source.address.url + page,
            data=[(name.encode("utf-8"), value.encode("utf-8")) for name, value in form],
            auth=self._login if login else _send_no_login,
            timeout=(self._settings.connect_timeout.total_seconds(), self._read_timeout.total_seconds()),
            verify=self._route.verify,
            proxies=self._route.proxies,
            allow_redirects=False,
            stream=True,
        )
        if self._is_kept_alive:
            self._is_kept_alive = False
            try:
                return post()
            except (requests.RequestException, HTTPError) as exc:
                if self._wire.is_overdue or not is_reset(exc):
                    raise
            self.close()
            self._traffic.requests += 1
            self._traffic.retries += 1
        return post()

    def translate(self, exc: Exception) -> SyncError:
        """Translate an exception of the HTTP library."""
        if self._wire.is_overdue:
            return DialerTimeout(self._source.host, self._settings.request_timeout.total_seconds())
        return self._route.error(exc, self._read_timeout)

    def proxy_refusal(self, status: int) -> ProxyFailed | None:
        """Return the error if the proxy itself answered in the dialer's place."""
        return self._route.refusal(status)

    def close(self) -> None:
        """Close the connection and keep its slot."""
        self._session.close()
        self._wire.close()
        self._is_kept_alive = False

    def release(self) -> None:
        """Close the connection, then give up its slot: a slot stands for a connection, an idle one too."""
        self.close()
        if self._slot is not None:
            self._slot.release()
            self._slot = None

    def release_if_old(self) -> None:
        """Release a slot after SLOT_SECONDS."""
        if time.monotonic() - self._slot_since > SLOT_SECONDS:
            self.release()


def _choose_proxy(source: Source, settings: Settings) -> Proxy | None:
    """Return the proxy of the settings."""
    choice = settings.dialer_proxy
    if choice is None:
        return None
    return Proxy(choice.url, "DIALER_PROXY") if choice.url else find_machine_proxy(source.address.url)


def _send_no_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send no login. None in its place would take one from the user's .netrc file."""
    return request
