"""HTTP transport on which no request can hang."""

import io
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from network import HTTP_LIBRARY_VARIABLES, authorities
from shutdown import Stop

CONNECT_SECONDS = 10.0
PIECE_BYTES = 65_536
WAKE_SECONDS = 0.2


class BoundedAdapter(HTTPAdapter):
    """Limits the time of every answer, its body included. An upload has a limit of its own.

    The library itself waits at least 120 seconds for the results of a query, by default for ever. No timeout of
    requests covers a body that comes byte by byte. A body to be sent is handed over as a file, because urllib3 sends
    bytes as one piece within the time of a connect. Once ``stop`` is set, an answer has no longer than the grace.
    """

    def __init__(self, limit_seconds: float, upload_seconds: float, stop: Stop) -> None:
        super().__init__()
        self._stop = stop
        self._limit = limit_seconds
        self._upload = upload_seconds

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        """Send a request in a thread of its own. Nothing else ends a wait for a socket on every system."""
        answer: Future[requests.Response] = Future()
        allowance = self._stop.allowance()
        threading.Thread(target=_fulfil, args=(answer, lambda: self._send(request, options)), daemon=True).start()
        while not wait([answer], WAKE_SECONDS).done:
            if not self._stop.seconds_left(allowance):
                raise requests.ReadTimeout("the run ends")
        return answer.result()

    def _send(self, request: requests.PreparedRequest, options: dict[str, Any]) -> requests.Response:
        if isinstance(request.body, bytes) and request.body:
            request.body = Upload(request.body, time.monotonic() + self._upload)  # type: ignore[assignment]  # a file will do
        try:
            response = super().send(
                request,
                stream=True,
                timeout=(min(CONNECT_SECONDS, self._limit), self._limit),
                verify=options.get("verify", True),
                cert=options.get("cert"),
                proxies=options.get("proxies"),
            )
        except OSError:
            if str(request.url).startswith("https:"):
                authorities(
                    "BigQuery", HTTP_LIBRARY_VARIABLES
                )  # raises if this machine's own certificate files are missing
            raise
        deadline = time.monotonic() + self._limit
        body = bytearray()
        try:
            while piece := response.raw.read1(PIECE_BYTES, decode_content=True):
                body += piece
                _check_deadline(deadline)
        except (HTTPError, OSError) as broken:  # urllib3's own errors, not translated by requests here
            if isinstance(broken, requests.RequestException):
                raise
            raise requests.ConnectionError(f"the answer broke off: {type(broken).__name__}") from None
        finally:
            response.close()
        response._content = bytes(body)  # as requests itself keeps a body after reading it
        return response


class Upload(io.BytesIO):
    """A body that is read in pieces. After its deadline it raises TimeoutError."""

    def __init__(self, content: bytes, deadline: float) -> None:
        super().__init__(content)
        self._deadline = deadline

    def read(self, size: int | None = -1, /) -> bytes:
        if time.monotonic() > self._deadline:
            raise TimeoutError("the upload did not end in time")
        return super().read(size)


def _fulfil(answer: "Future[requests.Response]", call: Callable[[], requests.Response]) -> None:
    try:
        answer.set_result(call())
    except BaseException as exc:  # noqa: BLE001 - raised again where the answer is waited for
        answer.set_exception(exc)


def _check_deadline(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise requests.ReadTimeout("the answer did not end in time")
