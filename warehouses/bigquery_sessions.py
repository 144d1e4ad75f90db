"""The client for BigQuery: its account, and a transport on which no request can hang."""

import io
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

import google.auth
import requests
from google.api_core.client_info import ClientInfo
from google.auth import identity_pool
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud import bigquery
from google.oauth2 import credentials as user_account
from google.oauth2 import service_account
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from config import Settings
from errors import GoogleAccountMissing, ProjectUnknown
from stops import Stop

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
CONNECT_SECONDS = 10.0
PIECE_BYTES = 65_536
WAKE_SECONDS = 0.2
KEY_FILES: dict[str, Callable[..., Credentials]] = {
    "service_account": service_account.Credentials.from_service_account_file,
    "authorized_user": user_account.Credentials.from_authorized_user_file,
    "external_account": identity_pool.Credentials.from_file,
}
"""What a key file says of itself → how it is read: a service account's, a login's, a workload's of another cloud."""


class BoundedAdapter(HTTPAdapter):
    """Ends every answer within a time, its body included, whatever the library asks for; an upload has its own time.

    The library waits 120 seconds at least for the results of a query, for ever by default, and no timeout of requests
    covers a body that comes byte by byte. A body to be sent is handed over as a file: urllib3 sends bytes as one piece,
    and gives them the time of a connect. Where the run is to end, an answer is waited for no longer than the grace.
    """

    def __init__(self, limit_seconds: float, upload_seconds: float, stop: Stop) -> None:
        super().__init__()
        self._stop = stop
        self._limit = limit_seconds
        self._upload = upload_seconds

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        """In a thread of its own, since nothing else ends the waiting for a socket on every system."""
        answer: Future[requests.Response] = Future()
        allowance = self._stop.allowance()
        threading.Thread(target=_fulfil, args=(answer, lambda: self._sent(request, options)), daemon=True).start()
        while not wait([answer], WAKE_SECONDS).done:
            if not self._stop.seconds_left(allowance):
                raise requests.ReadTimeout("the run ends")
        return answer.result()

    def _sent(self, request: requests.PreparedRequest, options: dict[str, Any]) -> requests.Response:
        if isinstance(request.body, bytes) and request.body:
            request.body = Upload(request.body, time.monotonic() + self._upload)  # type: ignore[assignment]  # a file will do
        response = super().send(
            request,
            stream=True,
            timeout=(min(CONNECT_SECONDS, self._limit), self._limit),
            verify=options.get("verify", True),
            cert=options.get("cert"),
            proxies=options.get("proxies"),
        )
        deadline = time.monotonic() + self._limit
        body = bytearray()
        try:
            while piece := response.raw.read1(PIECE_BYTES, decode_content=True):
                body += piece
                _in_time(deadline)
        except (HTTPError, OSError) as broken:  # urllib3's own, of which requests has translated none here
            if isinstance(broken, requests.RequestException):
                raise
            raise requests.ConnectionError(f"the answer broke off: {type(broken).__name__}") from None
        finally:
            response.close()
        response._content = bytes(body)  # how requests itself keeps a body that has been read
        return response


class Upload(io.BytesIO):
    """A body that is read in pieces; past its deadline it breaks off."""

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


def _in_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise requests.ReadTimeout("the answer did not end in time")


def open_client(settings: Settings, stop: Stop) -> tuple[bigquery.Client, str]:
    """A client, and its account as Google's commands write it: ``serviceAccount:…`` or ``user:…``.

    Raises:
        GoogleAccountMissing: no key file or login, or one that cannot be used.
        ProjectUnknown: neither set nor named by the key.
    """
    if settings.bigquery_emulator_host is not None:
        return _for_emulator(settings, stop), "user:nobody@emulator"
    credentials, project = _credentials(settings)
    project = settings.project_id or project
    if not project:
        raise ProjectUnknown("neither PROJECT_ID nor the key or login names one")
    email = getattr(credentials, "service_account_email", None)
    email = "ACCOUNT_OF_THIS_MACHINE" if email == "default" else email  # Google's servers tell only when it is used
    return _client(project, credentials, settings, stop), f"serviceAccount:{email}" if email else "user:YOU"


def _for_emulator(settings: Settings, stop: Stop) -> bigquery.Client:
    if not settings.project_id:
        raise ProjectUnknown("an emulator has no key that could name it")
    host = settings.bigquery_emulator_host or ""
    address = host if "://" in host else f"http://{host}"
    return _client(settings.project_id, AnonymousCredentials(), settings, stop, address)


def _client(
    project: str, credentials: Credentials, settings: Settings, stop: Stop, address: str | None = None
) -> bigquery.Client:
    refreshing = _bounded(requests.Session(), settings, stop)
    return bigquery.Client(
        project=project,
        credentials=credentials,
        _http=_bounded(AuthorizedSession(credentials, auth_request=Request(session=refreshing)), settings, stop),
        client_info=ClientInfo(user_agent="vicidial-to-warehouse"),
        client_options={"api_endpoint": address} if address else None,
    )


def _bounded(session: requests.Session, settings: Settings, stop: Stop) -> requests.Session:
    limits = settings.bigquery_request_timeout.total_seconds(), settings.bigquery_job_timeout.total_seconds()
    for prefix in ("http://", "https://"):
        session.mount(prefix, BoundedAdapter(*limits, stop))
    return session


def _credentials(settings: Settings) -> tuple[Credentials, str | None]:
    """Account and its project; texts of Google's errors are kept out, since they may quote the key."""
    path = settings.service_account_path
    if path is None:
        return _logged_in()
    try:
        kind = str(json.loads(path.read_text(encoding="utf-8")).get("type"))
        found = KEY_FILES[kind](str(path), scopes=SCOPES)
    except OSError as exc:
        raise GoogleAccountMissing(f"the key file {path} cannot be read ({exc.strerror})") from None
    except (ValueError, AttributeError, LookupError, GoogleAuthError):
        raise GoogleAccountMissing(f"{path} is not a key file of Google's") from None
    return found, getattr(found, "project_id", None)


def _logged_in() -> tuple[Credentials, str | None]:
    try:
        credentials, project = google.auth.default(scopes=SCOPES)
    except GoogleAuthError:
        raise GoogleAccountMissing("no key file is set, and nobody is logged in on this machine") from None
    return credentials, project
