"""`main.py check`, the dialers' half: each row of the credentials table is asked as a cycle would ask it, once.

Logins obey the same notes in DATA_DIR, which are all that is kept: the next cycle takes a refusal into the warehouse.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory

from commands.backfill import is_chosen, nobody
from commands.clients import release
from commands.folders import make_folder
from commands.host_checks import HostCheck, about
from commands.runs import new_run_id
from config import NAMES, Settings
from credentials.doubts import doubts
from credentials.rows import by_our_names, usable_credentials
from database import Warehouse
from dialers.accounts import REFUSED, make_key
from errors import OptionInvalid
from messages import Credential, Finding, RefusedAccount, SkippedRow
from utils import one_line, utc_now

CONNECT, REQUEST, RETRIES = timedelta(seconds=10), timedelta(seconds=15), timedelta(seconds=5)
"""Time that a dialer is given here at most. A cycle is more patient, and so is whatever carries a password: a first
login that is given up early is one of the few tries that a cycle has with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which rows are tried; ``retry`` lets accounts that were refused be tried again."""

    campaign: str | None = None
    client: str | None = None
    retry: bool = False

    def __post_init__(self) -> None:
        if self.retry and self.client is None:  # each run costs a failed login per wrong password, and ten lock a user
            raise OptionInvalid(
                "check --retry", "without --client", "--client NAME with it: its accounts alone are tried"
            )

    def takes(self, row: Credential | SkippedRow) -> bool:
        return is_chosen(row, self.campaign, self.client)


def dialer_findings(
    warehouse: Warehouse, settings: Settings, choice: Choice, give_up: Callable[[], bool]
) -> Iterator[Finding]:
    """Rows that cannot be used, then every client in the table's order.

    Raises:
        NoCampaigns: no row is switched on, or none is meant by the choice.
        WarehouseError, ConfigError: the table cannot be read, or nothing can be noted in DATA_DIR.
    """
    rows = warehouse.credential_rows()
    usable, skipped = usable_credentials(rows, settings)
    yield from _unknown_names(settings, [by_our_names(row).get("password", "") for row in rows])
    sources = [source for source in usable if choice.takes(source)]
    unusable = [row for row in skipped if row.failed and choice.takes(row)]
    if not sources and not unusable:
        raise nobody(warehouse, choice.campaign, choice.client)
    for doubt in doubts(usable):
        if doubt.sources & {source.source_key for source in sources}:
            yield Finding(name="clients", ok=True, detail=doubt.happened, advice=doubt.advice)
    for row in unusable:
        advice = "Correct it and import it again: `python main.py clients import FILE.csv`."
        yield replace(about(row, "row"), ok=False, detail=f"cannot be used: {row.reason}", advice=advice)
    if sources:
        make_folder(settings.data_dir)
        make_key(settings.data_dir / "accounts")
        if choice.retry:
            release(warehouse, settings, sources, {REFUSED})
        yield from _in_order(sources, warehouse.refused_accounts(), settings, give_up)


def _hasty(settings: Settings) -> Settings:
    """For requests without a login."""
    return replace(
        _for_logins(settings),
        http_timeout=min(settings.http_timeout, REQUEST),
        request_timeout=min(settings.request_timeout, REQUEST),
    )


def _for_logins(settings: Settings) -> Settings:
    return replace(
        settings,
        connect_timeout=min(settings.connect_timeout, CONNECT),
        retry_attempts=min(settings.retry_attempts, 2),
        retry_total=min(settings.retry_total, RETRIES),
    )


def _unknown_names(settings: Settings, passwords: Sequence[str]) -> Iterator[Finding]:
    """Names in `.env` that nothing asks for: what they were to set has its default."""
    referred = {password.removeprefix("env:") for password in passwords if password.startswith("env:")}
    for name in sorted(settings.others.keys() - referred):
        meant = next(iter(get_close_matches(name.upper(), NAMES, n=1)), None)
        advice = "See docs/settings.md for the names." if meant is None else f"Is {meant} meant? See docs/settings.md."
        detail = f"{one_line(name)} is no setting, and no row refers to it as env:{one_line(name)}"
        yield Finding(name=".env", ok=True, detail=detail, advice=advice)


def _in_order(
    sources: Sequence[Credential], refusals: Sequence[RefusedAccount], settings: Settings, give_up: Callable[[], bool]
) -> Iterator[Finding]:
    """Hosts side by side, the clients of one host one after the other."""
    found: dict[str, Future[list[Finding]]] = {source.source_key: Future() for source in sources}
    hosts = {source.host: [other for other in sources if other.host == source.host] for source in sources}
    run_id = new_run_id(utc_now())
    with (
        TemporaryDirectory() as folder,
        ThreadPoolExecutor(min(settings.concurrent_requests, len(hosts)), "check") as threads,
    ):
        for number, of_host in enumerate(hosts.values()):
            host = HostCheck(
                refusals, _for_logins(settings), hasty=_hasty(settings), run_id=run_id,
                download=Path(folder) / str(number), give_up=give_up,
            )  # fmt: skip
            threads.submit(host.check, of_host, found)
        for source in sources:
            if give_up():
                break
            yield from found[source.source_key].result()
