"""The settings: their defaults, their meaning, and how `.env` and the environment override them.

Only ``Settings.from_env`` reads anything; docs/settings.md and .env.example list the same names (tests compare).
"""

# ruff: noqa: RUF009 - a field is declared together with its setting, and setting() returns an immutable field

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from errors import SettingsInvalid
from settings.kinds import (
    HOST,
    IDENTIFIER,
    KEY_FILE,
    LOCATION,
    PATH,
    PROJECT,
    TABLE,
    YES_NO,
    ZONE,
    Kind,
    span,
    whole,
    word,
)
from settings.layers import IN_CODE, looked_up, others, problem, read_layers, slips
from tables import LEASES, STATE_TABLES

# Defaults. A line of `.env` or an environment variable of the same name overrides them.
MAX_CAMPAIGN_PROCESSES = 4  # campaigns read at the same time, each in a process of its own
PROCESS_TIMEOUT = 3600  # seconds that one campaign may take
BATCH_SIZE = 2_500  # records per chunk: larger ones are no faster and take more memory
CONCURRENT_REQUESTS = 10  # requests under way in one campaign's process
DB_BATCH_SIZE = 10  # chunks per write to the spool
CYCLE_INTERVAL_MINUTES = 15  # minutes from the start of one cycle to the start of the next
HTTP_TIMEOUT = 300  # seconds without a byte from the dialer
CONNECT_TIMEOUT = 10  # seconds until a connection stands
REQUEST_TIMEOUT = 900  # seconds for one request as a whole, its body included
RETRY_ATTEMPTS = 4  # tries of one request, the first included
RETRY_SECONDS = 120  # seconds over which one request is retried, waits included
MAX_CONNECTIONS_PER_HOST = 2  # connections to one dialer, over all processes
LOOKBACK_HOURS = 6  # hours before the last read that are asked for again
SETTLE_DAYS = 3  # days until a day's calls count as settled
FIRST_RUN_DAYS = 7  # days that a new source is read back
DEFAULT_TIMEZONE = "UTC"  # zone of a dialer whose credentials row names none
INCLUDE_LEAD_FIELDS = False  # names, addresses and other personal data of the leads
WAREHOUSE = ""  # duckdb or bigquery; empty: bigquery if PROJECT_ID or SERVICE_ACCOUNT_PATH is set, else duckdb
DATA_DIR = ""  # empty: the folder `data` beside main.py
DUCKDB_PATH = ""  # empty: calls.duckdb in DATA_DIR
DUCKDB_READ_COPY = ""  # empty: no copy for readers
PROJECT_ID = ""  # Google Cloud project
DATASET_ID = "vicidial"  # BigQuery dataset
CREDENTIALS_TABLE = "credentials"  # what to read
OUTPUT_TABLE = "calls"  # where the calls go
SERVICE_ACCOUNT_PATH = ""  # JSON key file of a service account
GOOGLE_APPLICATION_CREDENTIALS = ""  # the same under Google's own name; SERVICE_ACCOUNT_PATH wins
BIGQUERY_LOCATION = ""  # empty: where the dataset is; a new one is made in US
BIGQUERY_EMULATOR_HOST = ""  # an emulator instead of Google's BigQuery
BIGQUERY_REQUEST_TIMEOUT = 60  # seconds for one request to BigQuery
BIGQUERY_JOB_TIMEOUT = 600  # seconds for one job of BigQuery
BIGQUERY_RETRY_SECONDS = 300  # seconds over which one call to BigQuery is retried, waits included
BIGQUERY_MAX_BYTES_BILLED = 100_000_000_000  # a query that would be billed for more is refused
BIGQUERY_COMMIT_SECONDS = 300  # seconds that finished campaigns wait for others, to be committed together
BIGQUERY_LEASE_SECONDS = 900  # seconds after which a daemon that is gone may be replaced from elsewhere
BIGQUERY_REQUIRE_PARTITION_FILTER = False  # queries of the calls table must name its days
BIGQUERY_PARTITION_EXPIRY_DAYS = 0  # days after which BigQuery deletes a day's calls; 0: never
PHONE_MODE = "full"  # how phone numbers are stored: full, last4 or hash
CALL_DAYS = 0  # days after which calls are deleted; 0: never
QUARANTINE_DAYS = 90  # days after which a record that no export shows any more leaves the quarantine; 0: never
RUNS_DAYS = 90  # days that the run history and the ledger are kept; 0: for ever
STALE_AFTER_MINUTES = 60  # minutes after which `status` calls a client stale and ends with 1
SHUTDOWN_GRACE_SECONDS = 30  # seconds that running work is given after Ctrl+C or SIGTERM
LOG_LEVEL = "INFO"  # DEBUG, INFO, WARNING or ERROR

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One name that an operator may set; ``default`` is its text as `.env` would have it."""

    name: str
    attribute: str = ""
    default: str
    kind: Kind
    description: str
    empty: Any
    """Value where nothing is set; ``...`` where something must be."""

    @property
    def allowed(self) -> str:
        return self.kind.allowed

    def value(self, text: str) -> Any:
        return self.empty if not text and self.empty is not ... else self.kind.parse(text)

    def text(self, value: Any) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, timedelta):
            return f"{value / self.kind.unit:.10g}"
        return "" if value is None else str(value)


def setting(name: str, kind: Kind, description: str, empty: Any = ...) -> Any:
    """Field of ``Settings`` whose default is the constant ``name`` at the top of this file."""
    known = Setting(name=name, default="", kind=kind, description=description, empty=empty)
    known = replace(known, default=known.text(globals()[name]).strip())
    return field(default_factory=lambda: known.value(known.default), metadata={"setting": known})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an operator may turn. Relative paths are taken from the working directory."""

    # fmt: off
    max_campaign_processes: int = setting("MAX_CAMPAIGN_PROCESSES", whole(1, 61),
        "Campaigns that are read at the same time, each in its own process.")
    process_timeout: timedelta = setting("PROCESS_TIMEOUT", span("seconds", 1, 86400),
        "Time that one campaign may take; what is missing is read next.")
    batch_size: int = setting("BATCH_SIZE", whole(1, 1_000_000),
        "Records that are typed and kept together: a chunk.")
    concurrent_requests: int = setting("CONCURRENT_REQUESTS", whole(1, 100),
        "Requests under way at once in one campaign's process, all dialers.")
    db_batch_size: int = setting("DB_BATCH_SIZE", whole(1, 1000),
        "Chunks that are gathered in memory before they are written to the spool.")
    cycle_interval: timedelta = setting("CYCLE_INTERVAL_MINUTES", span("minutes", 0.01, 1440),
        "From the start of a cycle to the start of the next.")
    http_timeout: timedelta = setting("HTTP_TIMEOUT", span("seconds", 0.1, 3600),
        "A dialer that sends no byte for so long is given up.")
    connect_timeout: timedelta = setting("CONNECT_TIMEOUT", span("seconds", 0.1, 300),
        "A dialer must accept the connection within this time.")
    request_timeout: timedelta = setting("REQUEST_TIMEOUT", span("seconds", 0.1, 86400),
        "One request must be answered as a whole within this time.")
    retry_attempts: int = setting("RETRY_ATTEMPTS", whole(1, 20),
        "Tries of one request, the first included.")
    retry_total: timedelta = setting("RETRY_SECONDS", span("seconds", 0, 3600),
        "Time over which one request is retried, waits included.")
    max_connections_per_host: int = setting("MAX_CONNECTIONS_PER_HOST", whole(1, 50),
        "Connections to one dialer at once, over all campaigns; a credentials row may say otherwise.")
    lookback: timedelta = setting("LOOKBACK_HOURS", span("hours", 0, 744),
        "How far before the last read calls are asked for again.")
    settle_days: int = setting("SETTLE_DAYS", whole(0, 31),
        "Days after which a day's calls count as settled.")
    first_run_days: int = setting("FIRST_RUN_DAYS", whole(0, 3650),
        "Days that a new source is read back.")
    default_timezone: str = setting("DEFAULT_TIMEZONE", ZONE,
        "Zone of the dialer's clock where its credentials row names none.")
    include_lead_fields: bool = setting("INCLUDE_LEAD_FIELDS", YES_NO,
        "Store the lead's name, address and other personal data with each call.")
    warehouse: str = setting("WAREHOUSE", word("duckdb", "bigquery"),
        "Where the tables are. Empty: bigquery if PROJECT_ID or SERVICE_ACCOUNT_PATH is set, else duckdb.", empty="")
    warehouse_reason: str = ""
    data_dir: Path = setting("DATA_DIR", PATH,
        "Folder of the spool and of calls.duckdb. Empty: `data` beside main.py.", empty=HERE / "data")
    duckdb_path: Path = setting("DUCKDB_PATH", PATH,
        "The DuckDB file. Empty: `calls.duckdb` in DATA_DIR.", empty=None)
    duckdb_read_copy: Path | None = setting("DUCKDB_READ_COPY", PATH,
        "Copy of the DuckDB file for readers, renewed by every cycle. Empty: none.", empty=None)
    project_id: str | None = setting("PROJECT_ID", PROJECT,
        "Google Cloud project of the tables. Empty: that of the key file.", empty=None)
    dataset_id: str = setting("DATASET_ID", IDENTIFIER,
        "BigQuery dataset of every table that is named without one.")
    credentials_table: str = setting("CREDENTIALS_TABLE", TABLE,
        "Table that says which dialers to read.")
    output_table: str = setting("OUTPUT_TABLE", TABLE,
        "Table that the calls are written to.")
    service_account_path: Path | None = setting("SERVICE_ACCOUNT_PATH", KEY_FILE,
        "Key file for BigQuery. Empty: GOOGLE_APPLICATION_CREDENTIALS.", empty=None)
    google_application_credentials: Path | None = setting("GOOGLE_APPLICATION_CREDENTIALS", KEY_FILE,
        "Key file under Google's own name for it.", empty=None)
    bigquery_location: str | None = setting("BIGQUERY_LOCATION", LOCATION,
        "Where the dataset is, such as EU. Empty: where it is found; a new one is made in US.", empty=None)
    bigquery_emulator_host: str | None = setting("BIGQUERY_EMULATOR_HOST", HOST,
        "An emulator instead of Google's BigQuery; needs PROJECT_ID and no key. Empty: none.", empty=None)
    bigquery_request_timeout: timedelta = setting("BIGQUERY_REQUEST_TIMEOUT", span("seconds", 0.5, 600),
        "One request to BigQuery must be answered as a whole within this time.")
    bigquery_job_timeout: timedelta = setting("BIGQUERY_JOB_TIMEOUT", span("seconds", 1, 21600),
        "A load or query job that takes longer is given up; the ledger decides what became of it.")
    bigquery_retry: timedelta = setting("BIGQUERY_RETRY_SECONDS", span("seconds", 0, 3600),
        "Time over which one call to BigQuery is retried, waits included.")
    bigquery_max_bytes_billed: int = setting("BIGQUERY_MAX_BYTES_BILLED", whole(10_485_760, 10**15),
        "A query that would be billed for more bytes is refused by BigQuery.")
    bigquery_commit_after: timedelta = setting("BIGQUERY_COMMIT_SECONDS", span("seconds", 0, 3600),
        "Time that finished campaigns wait for others at most, to be committed together.")
    bigquery_lease: timedelta = setting("BIGQUERY_LEASE_SECONDS", span("seconds", 3, 86400),
        "Time after which a run elsewhere may take over from one that shows no sign of life.")
    bigquery_require_partition_filter: bool = setting("BIGQUERY_REQUIRE_PARTITION_FILTER", YES_NO,
        "Make the calls table so that every query of it must name the days it wants.")
    bigquery_partition_expiry_days: int = setting("BIGQUERY_PARTITION_EXPIRY_DAYS", whole(0, 36500),
        "Make the calls table so that BigQuery deletes a day's calls after so many days; 0: never.")
    phone_mode: str = setting("PHONE_MODE", word("full", "last4", "hash"),
        "How phone numbers are stored: as they are, their last four digits, or a keyed hash.")
    call_days: int = setting("CALL_DAYS", whole(0, 36500),
        "Calls are deleted after so many days, once a day; 0: never.")
    quarantine_days: int = setting("QUARANTINE_DAYS", whole(0, 36500),
        "Records in quarantine are deleted so many days after an export last showed them; 0: never.")
    runs_days: int = setting("RUNS_DAYS", whole(0, 36500),
        "The run history and the ledger are kept for so many days; 0: for ever.")
    stale_after: timedelta = setting("STALE_AFTER_MINUTES", span("minutes", 1, 525600),
        "`status` ends with 1 if a client has not been read for longer.")
    shutdown_grace: timedelta = setting("SHUTDOWN_GRACE_SECONDS", span("seconds", 0, 600),
        "Time that running work is given after Ctrl+C or SIGTERM.")
    log_level: str = setting("LOG_LEVEL", word("DEBUG", "INFO", "WARNING", "ERROR"),
        "How much is logged.")
    # fmt: on
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Setting's name → where it was set; empty where Settings was not made by ``from_env``."""
    others: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """What else stands in `.env` files: passwords that the credentials table names as env:NAME, or mistakes."""

    def __post_init__(self) -> None:
        """Settle what follows from other settings."""
        kind, reason = _warehouse(self)
        derived = {
            "warehouse": kind,
            "warehouse_reason": self.warehouse_reason or reason,
            "data_dir": self.data_dir.absolute(),
            "duckdb_path": (self.duckdb_path or self.data_dir / "calls.duckdb").absolute(),
            "duckdb_read_copy": self.duckdb_read_copy and self.duckdb_read_copy.absolute(),
            "service_account_path": self.service_account_path or self.google_application_credentials,
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_env(cls, environ: Mapping[str, str], dotenv_files: Sequence[Path] | None = None) -> "Settings":
        """The settings of the environment, then of the `.env` files (the last wins), then of this file.

        Args:
            dotenv_files: those that exist are read; by default `.env` beside this file and in the working directory.

        Raises:
            SettingsInvalid: every problem at once, one per line.
        """
        files = [HERE / ".env", Path(".env")] if dotenv_files is None else dotenv_files
        layers, problems = read_layers(environ, files, {known.name: known.default for known in SETTINGS})
        problems += slips(layers, NAMES)
        texts, origins, values = {}, {}, {}
        for known in SETTINGS:
            name = known.name
            origins[name], texts[name] = looked_up(name, layers)
            try:
                values[name] = known.value(texts[name])
            except ValueError:
                problems.append(problem(name, texts[name], origins[name], f"allowed is {known.allowed}"))
        problems += (problem(name, texts[name], origins[name], why) for name, why in _conflicts(values))
        if problems:
            raise SettingsInvalid("\n".join(problems))
        if values["SERVICE_ACCOUNT_PATH"] is None and values["GOOGLE_APPLICATION_CREDENTIALS"]:
            origins["SERVICE_ACCOUNT_PATH"] = "GOOGLE_APPLICATION_CREDENTIALS"
        given = {known.attribute: values[known.name] for known in SETTINGS}
        return cls(**given, origins=origins, others=others(layers, NAMES))

    def first_day_kept(self, now: datetime) -> date:
        """The first day whose calls CALL_DAYS leaves in place: nothing older is read, since it would be deleted."""
        return now.date() - timedelta(days=self.call_days) if self.call_days else date.min

    def lines(self) -> tuple[str, ...]:
        """Whatever was not set in this file, and the warehouse: value and origin; of a key, only its path is known."""
        told = (known for known in SETTINGS if known.name == "WAREHOUSE" or self.origins.get(known.name) != IN_CODE)
        return (*(self._line(known) for known in told), "All other settings have their defaults: docs/settings.md.")

    def _line(self, known: Setting) -> str:
        origin = self.warehouse_reason if known.name == "WAREHOUSE" else self.origins.get(known.name, "given in code")
        return f"{known.name}={known.text(getattr(self, known.attribute))} ({origin})"


SETTINGS: tuple[Setting, ...] = tuple(
    replace(each.metadata["setting"], attribute=each.name) for each in fields(Settings) if "setting" in each.metadata
)
"""Every setting in the order in which documents list them."""

NAMES = tuple(known.name for known in SETTINGS)


def _warehouse(settings: Settings) -> tuple[str, str]:
    """Which warehouse it is, and why."""
    evidence = {
        "WAREHOUSE": (settings.warehouse, settings.warehouse),
        "PROJECT_ID": (settings.project_id, "bigquery"),
        "SERVICE_ACCOUNT_PATH": (settings.service_account_path, "bigquery"),
    }
    for name, (value, kind) in evidence.items():
        if value:
            return kind, f"{name} is set: {settings.origins.get(name, 'given in code')}"
    return "duckdb", "neither PROJECT_ID nor SERVICE_ACCOUNT_PATH is set"


def _conflicts(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Settings that are fine alone and not together; ``values`` lacks those that are not even fine alone."""
    both = values.keys() >= {"CONNECT_TIMEOUT", "REQUEST_TIMEOUT"}
    if both and values["CONNECT_TIMEOUT"] > values["REQUEST_TIMEOUT"]:
        yield "CONNECT_TIMEOUT", "allowed is no more than REQUEST_TIMEOUT, which covers the whole request"
    copy, data_dir = values.get("DUCKDB_READ_COPY"), values.get("DATA_DIR", HERE)
    if copy and copy == (values.get("DUCKDB_PATH") or data_dir / "calls.duckdb"):
        yield "DUCKDB_READ_COPY", "allowed is any path but that of the DuckDB file itself"
    known = values.keys() >= {"BIGQUERY_LEASE_SECONDS", "BIGQUERY_JOB_TIMEOUT"}
    if known and values["BIGQUERY_LEASE_SECONDS"] <= values["BIGQUERY_JOB_TIMEOUT"]:
        yield (
            "BIGQUERY_LEASE_SECONDS",
            "allowed is more than BIGQUERY_JOB_TIMEOUT, so that a commit does not outlast it",
        )
    yield from _table_conflicts(values)


def _table_conflicts(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    tables = {name: values[name] for name in ("CREDENTIALS_TABLE", "OUTPUT_TABLE") if name in values}
    kind, *cloud = (values.get(name, "refused") for name in ("WAREHOUSE", "PROJECT_ID", "SERVICE_ACCOUNT_PATH"))
    local = kind == "duckdb" or not any((kind, *cloud))
    dataset = f"{values.get('PROJECT_ID') or ''}.{values.get('DATASET_ID', '')}."
    beside = (*STATE_TABLES, LEASES)
    taken = {f"{dataset}{table.name}".casefold(): "a table that is kept beside it" for table in beside}
    for name, table in tables.items():
        if "." in table and local:
            yield name, "allowed with WAREHOUSE=duckdb is a plain name, without dots"
        dots = table.count(".")
        full = (
            table if dots == 2 else dataset.split(".", maxsplit=1)[0] + "." + table if dots else dataset + table
        ).casefold()
        if full in taken:
            yield name, f"allowed is any name but that of {taken[full]}"
        taken[full] = f"{name}"
