"""The settings: one declaration each, with name, default, kind and help.

A line of `.env` or an environment variable of the same name overrides a default. Only ``Settings.from_env`` reads
anything. `python -m tests.documents` writes docs/settings.md and .env.example from these declarations.
"""

# ruff: noqa: RUF009 - a field is declared together with its setting, and setting() returns an immutable field

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from errors import SettingsInvalid
from settings.conflicts import find_conflicts
from settings.declarations import Setting, setting
from settings.kinds import (
    HOST,
    IDENTIFIER,
    KEY_FILE,
    LOCATION,
    PATH,
    PROJECT,
    STATUSES,
    TABLE,
    VARIABLES,
    YES_NO,
    ZONE,
    span,
    whole,
    word,
)
from settings.layers import IN_CODE, describe_problem, find_misspellings, look_up, read_layers, unknown_names
from settings.proxies import PROXY, ProxyChoice

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an operator may turn. Relative paths are taken from the working directory."""

    # fmt: off
    max_campaign_processes: int = setting("MAX_CAMPAIGN_PROCESSES", 4, whole(1, 61),
        "Campaigns read in parallel, each in its own process.")
    process_timeout: timedelta = setting("PROCESS_TIMEOUT", 3600, span("seconds", 1, 86400),
        "Time limit of one campaign. The next cycle reads the rest.")
    batch_size: int = setting("BATCH_SIZE", 2_500, whole(1, 1_000_000),
        "Records per chunk. A chunk is parsed and kept together.")
    concurrent_requests: int = setting("CONCURRENT_REQUESTS", 10, whole(1, 100),
        "Parallel requests of one campaign's process, all dialers together.")
    db_batch_size: int = setting("DB_BATCH_SIZE", 10, whole(1, 1000),
        "Chunks collected in memory before they are written to the spool.")
    cycle_interval: timedelta = setting("CYCLE_INTERVAL_MINUTES", 15, span("minutes", 0.01, 1440),
        "Time from the start of a cycle to the start of the next.")
    http_timeout: timedelta = setting("HTTP_TIMEOUT", 300, span("seconds", 0.1, 3600),
        "Time out after this long without data from a dialer.")
    connect_timeout: timedelta = setting("CONNECT_TIMEOUT", 10, span("seconds", 0.1, 300),
        "Time out if a dialer does not accept the connection within this time.")
    request_timeout: timedelta = setting("REQUEST_TIMEOUT", 900, span("seconds", 0.1, 86400),
        "Time out if a request is not answered in full within this time.")
    max_answer_mb: int = setting("MAX_ANSWER_MB", 2048, whole(1, 1_000_000),
        "Largest answer, after decompression. A larger one is dropped and requested in smaller pieces.")
    max_record_kb: int = setting("MAX_RECORD_KB", 256, whole(16, 16_384),
        "Largest record. A longer one is cut to this size and quarantined. Real ones have a few kilobytes.")
    retry_attempts: int = setting("RETRY_ATTEMPTS", 4, whole(1, 20),
        "Attempts per request, the first one included.")
    retry_total: timedelta = setting("RETRY_SECONDS", 120, span("seconds", 0, 3600),
        "Time limit for all attempts of a request, pauses included.")
    max_connections_per_host: int = setting("MAX_CONNECTIONS_PER_HOST", 2, whole(1, 50),
        "Connections to one dialer at once, over all campaigns. A credentials row can override it.")
    dialer_proxy: ProxyChoice | None = setting("DIALER_PROXY", "", PROXY,
        "Proxy to the dialers. `environment`: this machine's own. It sees http:// passwords. Empty: none.", empty=None)
    lookback: timedelta = setting("LOOKBACK_HOURS", 6, span("hours", 0, 744),
        "Time before the last read. Each cycle reads its calls again.")
    settle_days: int = setting("SETTLE_DAYS", 3, whole(0, 31),
        "Days until a day's calls count as settled. Until then they are read again once a day.")
    first_run_days: int = setting("FIRST_RUN_DAYS", 7, whole(0, 3650),
        "Days to read back for a new source.")
    default_timezone: str = setting("DEFAULT_TIMEZONE", "UTC", ZONE,
        "Time zone of dialers without a zone in their credentials row.")
    include_lead_fields: bool = setting("INCLUDE_LEAD_FIELDS", False, YES_NO,
        "Store name, address and other personal data of the lead with each call.")
    warehouse: str = setting("WAREHOUSE", "", word("duckdb", "bigquery"),
        "Type of the warehouse. Empty: bigquery if PROJECT_ID or SERVICE_ACCOUNT_PATH is set, else duckdb.", empty="")
    warehouse_reason: str = ""
    data_dir: Path = setting("DATA_DIR", "", PATH,
        "Folder of the spool and of calls.duckdb. Empty: `data` beside main.py.", empty=HERE / "data")
    duckdb_path: Path = setting("DUCKDB_PATH", "", PATH,
        "The DuckDB file. Empty: `calls.duckdb` in DATA_DIR.", empty=None)
    duckdb_read_copy: Path | None = setting("DUCKDB_READ_COPY", "", PATH,
        "Copy of the DuckDB file for readers, renewed by every cycle. Empty: none.", empty=None)
    sale_statuses: str = setting("SALE_STATUSES", "SALE", STATUSES,
        "Statuses that count as a sale in the views. Upper and lower case are alike. Empty: none.", empty="")
    project_id: str | None = setting("PROJECT_ID", "", PROJECT,
        "Google Cloud project of the tables. Empty: the project of the key file.", empty=None)
    dataset_id: str = setting("DATASET_ID", "vicidial", IDENTIFIER,
        "BigQuery dataset of every table named without one.")
    credentials_table: str = setting("CREDENTIALS_TABLE", "credentials", TABLE,
        "Table of the clients and dialers to read.")
    output_table: str = setting("OUTPUT_TABLE", "calls", TABLE,
        "Table of the calls.")
    service_account_path: Path | None = setting("SERVICE_ACCOUNT_PATH", "", KEY_FILE,
        "Key file for BigQuery. Empty: GOOGLE_APPLICATION_CREDENTIALS.", empty=None)
    google_application_credentials: Path | None = setting("GOOGLE_APPLICATION_CREDENTIALS", "", KEY_FILE,
        "Key file under Google's own name. SERVICE_ACCOUNT_PATH wins.", empty=None)
    bigquery_location: str | None = setting("BIGQUERY_LOCATION", "", LOCATION,
        "Location of the dataset, such as EU. Empty: its existing location, or US for a new one.", empty=None)
    bigquery_emulator_host: str | None = setting("BIGQUERY_EMULATOR_HOST", "", HOST,
        "Emulator in place of Google's BigQuery. It needs PROJECT_ID and no key. Empty: none.", empty=None)
    bigquery_request_timeout: timedelta = setting("BIGQUERY_REQUEST_TIMEOUT", 60, span("seconds", 0.5, 600),
        "Time limit of one request to BigQuery, its answer included.")
    bigquery_job_timeout: timedelta = setting("BIGQUERY_JOB_TIMEOUT", 600, span("seconds", 1, 21600),
        "Time limit of one load or query job. Afterwards the ledger decides its result.")
    bigquery_retry: timedelta = setting("BIGQUERY_RETRY_SECONDS", 300, span("seconds", 0, 3600),
        "Time limit for all attempts of one call to BigQuery, pauses included.")
    bigquery_max_bytes_billed: int = setting("BIGQUERY_MAX_BYTES_BILLED", 100_000_000_000, whole(10_485_760, 10**15),
        "Most bytes billed for one query. BigQuery refuses larger queries.")
    bigquery_commit_after: timedelta = setting("BIGQUERY_COMMIT_SECONDS", 300, span("seconds", 0, 3600),
        "Longest wait of finished campaigns for others, to commit them together.")
    bigquery_lease: timedelta = setting("BIGQUERY_LEASE_SECONDS", 900, span("seconds", 3, 86400),
        "Lifetime of a lease without renewal. Afterwards a run elsewhere may take over.")
    bigquery_require_partition_filter: bool = setting("BIGQUERY_REQUIRE_PARTITION_FILTER", False, YES_NO,
        "Create the calls table with a partition filter. Then every query must name its days.")
    bigquery_partition_expiry_days: int = setting("BIGQUERY_PARTITION_EXPIRY_DAYS", 0, whole(0, 36500),
        "Create the calls table with an expiry. BigQuery deletes each day after so many days. 0: never.")
    phone_mode: str = setting("PHONE_MODE", "full", word("full", "last4", "hash"),
        "Form of stored phone numbers: in full, their last four digits, or a keyed hash.")
    password_variables: str = setting("PASSWORD_VARIABLES", "DIALER_*,VICIDIAL_*", VARIABLES,
        "Environment variables allowed as `env:NAME` in a credentials row, beside those of `.env`.")
    call_days: int = setting("CALL_DAYS", 0, whole(0, 36500),
        "Delete calls after so many days, once a day. 0: never.")
    quarantine_days: int = setting("QUARANTINE_DAYS", 90, whole(0, 36500),
        "Delete quarantined records so many days after an export last showed them. 0: never.")
    runs_days: int = setting("RUNS_DAYS", 90, whole(0, 36500),
        "Days to keep the run history and the ledger. 0: for ever.")
    stale_after: timedelta = setting("STALE_AFTER_MINUTES", 60, span("minutes", 1, 525600),
        "Longest time without a read of a client. Afterwards `status` ends with 1.")
    shutdown_grace: timedelta = setting("SHUTDOWN_GRACE_SECONDS", 30, span("seconds", 0, 600),
        "Time for running work to finish after Ctrl+C or SIGTERM.")
    log_level: str = setting("LOG_LEVEL", "INFO", word("DEBUG", "INFO", "WARNING", "ERROR"),
        "Lowest level of logged messages.")
    # fmt: on
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Name of a setting → its origin. Empty for Settings that ``from_env`` has not made."""
    others: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Other names in `.env` files: passwords for env:NAME in the credentials table, or mistakes."""

    def __post_init__(self) -> None:
        """Set the values that follow from other settings."""
        kind, reason = _choose_warehouse(self)
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
        """Read the environment, then the `.env` files (the last one wins), then the defaults of this file.

        Args:
            dotenv_files: files to read if they exist. By default `.env` beside this file and in the working directory.

        Raises:
            SettingsInvalid: every problem at once, one per line.
        """
        files = [HERE / ".env", Path(".env")] if dotenv_files is None else dotenv_files
        layers, problems = read_layers(environ, files, {known.name: known.default for known in SETTINGS})
        problems += find_misspellings(layers, NAMES)
        texts, origins, values = {}, {}, {}
        for known in SETTINGS:
            name = known.name
            origins[name], texts[name] = look_up(name, layers)
            try:
                values[name] = known.value(texts[name])
            except ValueError:
                problems.append(describe_problem(name, texts[name], origins[name], f"allowed is {known.allowed}"))
        problems += (describe_problem(name, texts[name], origins[name], why) for name, why in find_conflicts(values))
        if problems:
            raise SettingsInvalid("\n".join(problems))
        if values["SERVICE_ACCOUNT_PATH"] is None and values["GOOGLE_APPLICATION_CREDENTIALS"]:
            origins["SERVICE_ACCOUNT_PATH"] = "GOOGLE_APPLICATION_CREDENTIALS"
        given = {known.attribute: values[known.name] for known in SETTINGS}
        return cls(**given, origins=origins, others=unknown_names(layers, NAMES))

    def first_day_kept(self, now: datetime) -> date:
        """Return the first day with calls that CALL_DAYS keeps. Older days are not read."""
        return now.date() - timedelta(days=self.call_days) if self.call_days else date.min

    def may_be_password(self, name: str) -> bool:
        """Return true if a credentials row may send this environment variable to its host as a password."""
        patterns = (pattern.strip() for pattern in self.password_variables.split(","))
        return name in self.others or any(
            name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern for pattern in patterns
        )

    def lines(self) -> tuple[str, ...]:
        """Return value and origin of the warehouse and of every setting that is no default. Of a key, only its path."""
        shown = (known for known in SETTINGS if known.name == "WAREHOUSE" or self.origins.get(known.name) != IN_CODE)
        return (*(self._line(known) for known in shown), "All other settings have their defaults: docs/settings.md.")

    def _line(self, known: Setting) -> str:
        origin = self.warehouse_reason if known.name == "WAREHOUSE" else self.origins.get(known.name, "given in code")
        return f"{known.name}={known.text(getattr(self, known.attribute))} ({origin})"


SETTINGS: tuple[Setting, ...] = tuple(
    replace(each.metadata["setting"], attribute=each.name) for each in fields(Settings) if "setting" in each.metadata
)
"""Every setting in the order in which documents list them."""

NAMES = tuple(known.name for known in SETTINGS)


def _choose_warehouse(settings: Settings) -> tuple[str, str]:
    """Return the type of the warehouse and the reason for it."""
    evidence = {
        "WAREHOUSE": (settings.warehouse, settings.warehouse),
        "PROJECT_ID": (settings.project_id, "bigquery"),
        "SERVICE_ACCOUNT_PATH": (settings.service_account_path, "bigquery"),
    }
    for name, (value, kind) in evidence.items():
        if value:
            return kind, f"{name} is set: {settings.origins.get(name, 'given in code')}"
    return "duckdb", "neither PROJECT_ID nor SERVICE_ACCOUNT_PATH is set"
