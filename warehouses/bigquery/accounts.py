"""The account that the program uses at Google, and a client for it."""

import json
from collections.abc import Callable

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

from config import Settings
from errors import GoogleAccountMissing, ProjectUnknown
from shutdown import Stop
from warehouses.bigquery.transport import BoundedAdapter

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
BYTE_ORDER_MARKS = (b"\xef\xbb", b"\xff\xfe", b"\xfe\xff")
KEY_FILES: dict[str, Callable[..., Credentials]] = {
    "service_account": service_account.Credentials.from_service_account_file,
    "authorized_user": user_account.Credentials.from_authorized_user_file,
    "external_account": identity_pool.Credentials.from_file,
}
"""Type that a key file names → its reader: a service account, a login, or a workload of another cloud."""


def open_client(settings: Settings, stop: Stop) -> tuple[bigquery.Client, str]:
    """Open a client. Return its account as well, as Google's commands write it: ``serviceAccount:…`` or ``user:…``.

    Raises:
        GoogleAccountMissing: no key file or login, or one that cannot be used.
        ProjectUnknown: neither set nor named by the key.
    """
    if settings.bigquery_emulator_host is not None:
        return _open_emulator(settings, stop), "user:nobody@emulator"
    credentials, project = _read_credentials(settings)
    project = settings.project_id or project
    if not project:
        raise ProjectUnknown("neither PROJECT_ID nor the key or login names one")
    email = getattr(credentials, "service_account_email", None)
    email = "ACCOUNT_OF_THIS_MACHINE" if email == "default" else email  # Google's servers name it only in use
    return _build_client(project, credentials, settings, stop), f"serviceAccount:{email}" if email else "user:YOU"


def _open_emulator(settings: Settings, stop: Stop) -> bigquery.Client:
    if not settings.project_id:
        raise ProjectUnknown("an emulator has no key that could name it")
    host = settings.bigquery_emulator_host or ""
    address = host if "://" in host else f"http://{host}"
    return _build_client(settings.project_id, AnonymousCredentials(), settings, stop, address)


def _build_client(
    project: str, credentials: Credentials, settings: Settings, stop: Stop, address: str | None = None
) -> bigquery.Client:
    refreshing = _limit_session(requests.Session(), settings, stop)
    return bigquery.Client(
        project=project,
        credentials=credentials,
        _http=_limit_session(AuthorizedSession(credentials, auth_request=Request(session=refreshing)), settings, stop),
        client_info=ClientInfo(user_agent="vicidial-to-warehouse"),
        client_options={"api_endpoint": address} if address else None,
    )


def _limit_session(session: requests.Session, settings: Settings, stop: Stop) -> requests.Session:
    limits = settings.bigquery_request_timeout.total_seconds(), settings.bigquery_job_timeout.total_seconds()
    for prefix in ("http://", "https://"):
        session.mount(prefix, BoundedAdapter(*limits, stop))
    return session


def _read_credentials(settings: Settings) -> tuple[Credentials, str | None]:
    """Return the account and its project. Keep out texts of Google's errors, since they may quote the key."""
    path = settings.service_account_path
    if path is None:
        return _find_login()
    try:
        if path.read_bytes()[:2] in BYTE_ORDER_MARKS:
            raise GoogleAccountMissing(
                f"the key file {path} begins with a byte order mark; save it as UTF-8 without one"
            )
        kind = str(json.loads(path.read_text(encoding="utf-8")).get("type"))
        found = KEY_FILES[kind](str(path), scopes=SCOPES)
    except OSError as exc:
        raise GoogleAccountMissing(f"the key file {path} cannot be read ({exc.strerror})") from None
    except (ValueError, AttributeError, LookupError, GoogleAuthError):
        raise GoogleAccountMissing(f"{path} is not a key file of Google's") from None
    return found, getattr(found, "project_id", None)


def _find_login() -> tuple[Credentials, str | None]:
    try:
        credentials, project = google.auth.default(scopes=SCOPES)
    except GoogleAuthError:
        raise GoogleAccountMissing("no key file is set, and nobody is logged in on this machine") from None
    return credentials, project
