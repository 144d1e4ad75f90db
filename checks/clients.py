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

from checks.findings import finding_about
from checks.hosts import HostCheck
from config import NAMES, Settings
from credentials.rows import parse_rows
from credentials.sources import usable_sources
from credentials.table_warnings import find_warnings
from database import Warehouse
from dialers.fingerprints import make_account_key
from dialers.login_notes import LoginState
from dialers.machines import identify_machines
from engine.account_releases import release_accounts
from engine.data_folder import prepare_data_dir
from engine.row_choice import is_chosen, no_match_error
from engine.run_starts import new_run_id
from errors import OptionRefused
from messages import Finding, RefusedAccount, SkippedRow, Source
from utils import one_line, utc_now

CONNECT, REQUEST, RETRIES = timedelta(seconds=10), timedelta(seconds=15), timedelta(seconds=5)
"""Time that a dialer is given here at most. A cycle is more patient, and so is whatever carries a password: a first
login that is given up early is one of the few tries that a cycle has with it."""
ROW_ADVICE = "Correct it and import it again: `python main.py clients import FILE.csv`."
VARIABLE_ADVICE = "Correct it in .env or in the environment of the program, and start the daemon again. Import nothing."


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientChoice:
    """Which rows are tried; ``retry`` lets accounts that were refused be tried again."""

    campaign: str | None = None
    client: str | None = None
    retry: bool = False

    def __post_init__(self) -> None:
        if self.retry and self.client is None:  # each run costs a failed login per wrong password, and ten lock a user
            raise OptionRefused("check --retry needs --client NAME.", "Only the accounts of this client are tried.")

    def takes(self, row: Source | SkippedRow) -> bool:
        return is_chosen(row, self.campaign, self.client)


def check_clients(
    warehouse: Warehouse, settings: Settings, choice: ClientChoice, give_up: Callable[[], bool]
) -> Iterator[Finding]:
    """Yield findings about unusable rows, then about every client in the table's order.

    Raises:
        NoCampaigns: no row is switched on, or none is meant by the choice.
        WarehouseError, ConfigError: the table cannot be read, or nothing can be noted in DATA_DIR.
    """
    rows = parse_rows(warehouse.reader.credential_rows())
    usable, skipped = usable_sources(rows, settings)
    yield from _unknown_names(settings, [row.cells.get("password", "") for row in rows])
    sources = [source for source in identify_machines(usable) if choice.takes(source)]
    unusable = [row for row in skipped if row.failed and choice.takes(row)]
    if not sources and not unusable:
        raise no_match_error(warehouse, choice.campaign, choice.client)
    for doubt in find_warnings(usable, rows):
        if doubt.sources & {source.key for source in sources}:
            yield Finding(name="clients", ok=True, detail=doubt.happened, advice=doubt.advice)
    for row in unusable:
        advice = ROW_ADVICE if row.import_needed else VARIABLE_ADVICE
        yield replace(finding_about(row, "row"), ok=False, detail=f"cannot be used: {row.reason}", advice=advice)
    if sources:
        prepare_data_dir(settings.data_dir)
        make_account_key(settings.data_dir / "accounts")
        if choice.retry:
            release_accounts(warehouse, settings, sources, {LoginState.REFUSED})
        yield from _check_in_order(sources, warehouse.reader.account_refusals(), settings, give_up)


def _hasty_settings(settings: Settings) -> Settings:
    """Return settings for requests without a login."""
    return replace(
        _login_settings(settings),
        http_timeout=min(settings.http_timeout, REQUEST),
        request_timeout=min(settings.request_timeout, REQUEST),
    )


def _login_settings(settings: Settings) -> Settings:
    return replace(
        settings,
        connect_timeout=min(settings.connect_timeout, CONNECT),
        retry_attempts=min(settings.retry_attempts, 2),
        retry_total=min(settings.retry_total, RETRIES),
    )


def _unknown_names(settings: Settings, passwords: Sequence[str]) -> Iterator[Finding]:
    """Warn of names in `.env` without a setting: the intended settings have their defaults."""
    referred = {password.removeprefix("env:") for password in passwords if password.startswith("env:")}
    for name in sorted(settings.others.keys() - referred):
        meant = next(iter(get_close_matches(name.upper(), NAMES, n=1)), None)
        advice = "See docs/settings.md for the names." if meant is None else f"Is {meant} meant? See docs/settings.md."
        detail = f"{one_line(name)} is no setting, and no row refers to it as env:{one_line(name)}"
        yield Finding(name=".env", ok=True, detail=detail, advice=advice)


def _check_in_order(
    sources: Sequence[Source], refusals: Sequence[RefusedAccount], settings: Settings, give_up: Callable[[], bool]
) -> Iterator[Finding]:
    """Check hosts side by side, the clients of one host one after the other. Yield in the table's order."""
    found: dict[str, Future[list[Finding]]] = {source.key: Future() for source in sources}
    hosts = {source.host: [other for other in sources if other.host == source.host] for source in sources}
    run_id = new_run_id(utc_now())
    with (
        TemporaryDirectory() as folder,
        ThreadPoolExecutor(min(settings.concurrent_requests, len(hosts)), "check") as threads,
    ):
        for number, of_host in enumerate(hosts.values()):
            host = HostCheck(
                refusals, _login_settings(settings), hasty=_hasty_settings(settings), run_id=run_id,
                download=Path(folder) / str(number), give_up=give_up,
            )  # fmt: skip
            threads.submit(host.check, of_host, found)
        for source in sources:
            if give_up():
                break
            yield from found[source.key].result()
