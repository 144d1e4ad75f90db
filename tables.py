"""Every table and column of the warehouse, with type and meaning; docs/tables.md shows the same (a test compares).

Both warehouses, the spool and the documents are made from these records, so that a column is written down once.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

STRING, INT64, FLOAT64, BOOL = "STRING", "INT64", "FLOAT64", "BOOL"
DATE, DATETIME, TIMESTAMP = "DATE", "DATETIME", "TIMESTAMP"
"""DATETIME is a wall clock without zone, TIMESTAMP a moment in UTC; both in microseconds."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``required`` ones are never null."""

    name: str
    type: str
    description: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table; ``key`` names the columns that make a row unique."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


CALLS = Table(
    "calls",
    "One row per call leg, as the dialer showed it when it was last read.",
    ("call_key",),
    (
        Column("call_key", STRING, "Identity of the leg, the same in every re-read; 32 hexadecimal digits.", True),
        Column("client_id", STRING, "ClientID of the credentials row.", True),
        Column("client_name", STRING, "ClientName of the credentials row when the call was last written."),
        Column("campaign", STRING, "Campaign of the credentials row that showed this leg first.", True),
        Column("direction", STRING, "`outbound`, or `inbound` for every in-group leg, transfers too.", True),
        Column("call_date", DATE, "The dialer's local day of the call; never changes. Partition of the table.", True),
        Column("call_time", TIMESTAMP, "Start of the leg in UTC, by the time zone of the credentials row.", True),
        Column("call_time_local", DATETIME, "Start of the leg on the dialer's own clock, as it was exported.", True),
        Column("time_ambiguous", BOOL, "The local time occurs twice that night and nothing tells which it was.", True),
        Column("lead_id", STRING, "VICIdial's lead."),
        Column("vendor_lead_code", STRING, "The client's own id of the lead."),
        Column("source_id", STRING, "The client's own id of where the lead came from."),
        Column("phone", STRING, "Number that was dialled or that called in, digit for digit, or as PHONE_MODE says."),
        Column("status", STRING, "Disposition of this leg: a status code such as `SALE`."),
        Column("status_name", STRING, "What the dialer calls that status."),
        Column("ingroup", STRING, "In-group of an inbound leg; null for outbound."),
        Column("dialer_campaign", STRING, "VICIdial's campaign of an outbound leg; null for inbound."),
        Column("agent", STRING, "User who had the call; null for nobody (VDAD, VDCL)."),
        Column("agent_name", STRING, "Full name of that user."),
        Column("user_group", STRING, "User group of that user at the time of the call."),
        Column("length_seconds", INT64, "Length with the queue; null while the call is in progress."),
        Column("queue_seconds", FLOAT64, "Waiting time of an inbound leg before it was answered or lost."),
        Column("talk_seconds", FLOAT64, "Length less queue of an inbound leg."),
        Column("wrapup_seconds", INT64, "The agent's time for wrapping up after the call."),
        Column("term_reason", STRING, "Who ended it: CALLER, AGENT, QUEUETIMEOUT, ABANDON, ...; null if unknown."),
        Column("list_id", STRING, "List of the lead."),
        Column("uniqueid", STRING, "Asterisk's id of the channel; null from a report that does not show it."),
        Column("source_report", STRING, "Report that this row was read from.", True),
        Column("row_hash", STRING, "Changes when anything that the dialer shows of the leg changes.", True),
        Column("first_seen_at", TIMESTAMP, "When the row was inserted.", True),
        Column("updated_at", TIMESTAMP, "When the row was last changed.", True),
        Column("run_id", STRING, "Run that changed it last.", True),
    ),
)

LEAD_COLUMNS = tuple(
    Column(f"lead_{field}", STRING, f"The lead's {field.replace('_', ' ')}; only with INCLUDE_LEAD_FIELDS.")
    for field in (
        "title", "first_name", "middle_initial", "last_name", "address1", "address2", "address3", "city", "state",
        "province", "postal_code", "country_code", "gender", "date_of_birth", "alt_phone", "email",
        "security_phrase", "comments",
    )
)  # fmt: skip

PHONE_COLUMNS = ("phone", "lead_alt_phone")
"""Columns that hold a phone number, which PHONE_MODE rules over."""

PHONE_PUNCTUATION = " -+()./"
"""What people write between the digits of a number."""

PERSONAL_COLUMNS = (*PHONE_COLUMNS, "vendor_lead_code", "source_id",
                    *(column.name for column in LEAD_COLUMNS if column.name not in PHONE_COLUMNS))  # fmt: skip
"""What `forget` empties: the number, who the lead is, and the client's own ids of it."""

WRITTEN_AT_COMMIT = ("first_seen_at", "updated_at", "run_id")
"""Columns of the calls table that a commit sets; a spool file has all the others, and ``source_key``."""

CREDENTIALS = Table(
    "credentials",
    "What to read: one row per source. Column names are matched without regard to case and underscores.",
    ("client_id", "campaign", "url"),
    (
        Column("campaign", STRING, "Groups the clients that one worker process reads.", True),
        Column("client_id", STRING, "Your id of the client; part of every call's identity.", True),
        Column("client_name", STRING, "Shown in summaries and stored with each call."),
        Column("url", STRING, "A report URL whose dates we set, or the dialer's base URL.", True),
        Column("username", STRING, "Report user on the dialer.", True),
        Column("password", STRING, "Its password, or `env:NAME` for an environment variable.", True),
        Column("timezone", STRING, "IANA zone of the dialer's clock; DEFAULT_TIMEZONE if empty."),
        Column("enabled", STRING, "`no` switches the row off; anything that means yes, or nothing, leaves it on."),
        Column("max_connections", INT64, "For this dialer host; MAX_CONNECTIONS_PER_HOST if empty."),
        Column("verify_tls", STRING, "`no` accepts a certificate that nobody vouches for."),
        Column(
            "dialer_campaigns",
            STRING,
            "Comma list of VICIdial campaigns to export; all if empty, `---NONE---` for none.",
        ),
        Column("ingroups", STRING, "Comma list of in-groups to export; all if empty, `---NONE---` for none."),
    ),
)

QUARANTINE = Table(
    "quarantine",
    "Records that could not be read as a call, as they came. They hold personal data.",
    ("record_hash",),
    (
        Column("record_hash", STRING, "Identity of the record; 32 hexadecimal digits.", True),
        Column("source_key", STRING, "Source that showed it.", True),
        Column("campaign", STRING, "Campaign of the credentials row.", True),
        Column("client_id", STRING, "ClientID of the credentials row.", True),
        Column("client_name", STRING, "ClientName of the credentials row."),
        Column("report", STRING, "Report that it was read from.", True),
        Column("reason", STRING, "Why it could not be read.", True),
        Column("record", STRING, "The record; bytes that are no text are written as \\xNN.", True),
        Column("window_day", DATE, "Local day that was asked for.", True),
        Column("header", STRING, "Header row of the export that showed it; null where an older version stored it."),
        Column("first_seen_at", TIMESTAMP, "When it was first stored.", True),
        Column("last_seen_at", TIMESTAMP, "When an export last showed it.", True),
        Column("run_id", STRING, "Run that saw it last.", True),
    ),
)

QUARANTINE_COLUMNS = (
    *(column for column in QUARANTINE.columns if column.name not in ("first_seen_at", "last_seen_at", "run_id")),
    Column("seen_at", TIMESTAMP, "When the export showed it.", True),
)
"""Columns of a spool file of quarantined records."""

RELEASED = Table(
    "released",
    "Records that leave the quarantine with a batch; on their way only, never a table of the warehouse.",
    ("record_hash",),
    (Column("record_hash", STRING, "Identity of the record.", True),),
)

WATERMARKS = Table(
    "watermarks",
    "How far each source has been read: every call before that moment is in the table.",
    ("source_key",),
    (
        Column("source_key", STRING, "Source: client_id, campaign and URL without its dates.", True),
        Column("campaign", STRING, "Campaign of the credentials row.", True),
        Column("client_id", STRING, "ClientID of the credentials row.", True),
        Column("client_name", STRING, "ClientName of the credentials row."),
        Column("report", STRING, "Report that is read.", True),
        Column("host", STRING, "The dialer.", True),
        Column("read_until", TIMESTAMP, "End of what was read and committed without a gap.", True),
        Column("updated_at", TIMESTAMP, "When it last moved.", True),
        Column("timezone", STRING, "Zone that its hours were read in; several until all have been read in the last."),
        Column(
            "doubted_since",
            DATE,
            "First local day in doubt, or without its last read; null where there is none.",
        ),
    ),
)

HOURS = Table(
    "hours",
    "What the last complete read of each local hour of each source found; re-reads are planned and checked with it.",
    ("source_key", "day", "hour"),
    (
        Column("source_key", STRING, "Source.", True),
        Column("day", DATE, "The dialer's local day.", True),
        Column("hour", INT64, "Wall-clock hour, 0 to 23.", True),
        Column("legs", INT64, "Distinct call legs in it.", True),
        Column("in_progress", INT64, "Those that had not ended or had no disposition yet.", True),
        Column("read_at", TIMESTAMP, "When the dialer was asked.", True),
        Column(
            "timezone", STRING, "Zone by which the times of its calls became UTC; null where an older version read."
        ),
        Column("inbound", INT64, "Of the legs, those of in-groups; null where an older version read."),
        Column("doubt", STRING, "Why the last answer was not believed; null once it is. Until then it is read again."),
    ),
)

ACCOUNTS = Table(
    "accounts",
    "Logins that a dialer refused. They are not tried again until the credentials row changes.",
    ("host", "username", "fingerprint"),
    (
        Column("host", STRING, "The dialer.", True),
        Column("username", STRING, "The user.", True),
        Column("salt", STRING, "Salt of the fingerprint.", True),
        Column("fingerprint", STRING, "scrypt of the refused password.", True),
        Column("refused_at", TIMESTAMP, "When it was refused.", True),
        Column("reason", STRING, "What the dialer said.", True),
    ),
)

COMPLETENESS = Table(
    "completeness",
    "Calls that a dialer has shown before and does not show any more, counted. Nothing is deleted for it.",
    ("source_key", "day", "hour"),
    (
        Column("source_key", STRING, "Source.", True),
        Column("campaign", STRING, "Campaign of the credentials row.", True),
        Column("client_id", STRING, "ClientID of the credentials row.", True),
        Column("day", DATE, "The dialer's local day.", True),
        Column("hour", INT64, "Wall-clock hour, 0 to 23.", True),
        Column("legs_before", INT64, "Most legs that a read of this hour has shown.", True),
        Column("legs_now", INT64, "Legs that the last read showed, twice the same.", True),
        Column("noticed_at", TIMESTAMP, "When it was last noticed.", True),
    ),
)

LEDGER = Table(
    "ledger",
    "Batches that were committed: the guard that makes a repeated commit do nothing.",
    ("batch_id",),
    (
        Column("batch_id", STRING, "Derived from the run and the windows in the batch.", True),
        Column("run_id", STRING, "Run that committed it.", True),
        Column("committed_at", TIMESTAMP, "When.", True),
    ),
)

RUNS = Table(
    "runs",
    "What each run did for each source.",
    ("run_id", "source_key", "job_id"),
    (
        Column("run_id", STRING, "The run: one cycle, or one backfill.", True),
        Column("job_id", STRING, "The worker's job within the run.", True),
        Column(
            "source_key", STRING, "Source; empty where a campaign failed as a whole, and in the run's own row.", True
        ),
        Column("campaign", STRING, "Campaign of the credentials row.", True),
        Column("client_id", STRING, "ClientID of the credentials row.", True),
        Column("client_name", STRING, "ClientName of the credentials row."),
        Column("windows_planned", INT64, "Windows that were to be read.", True),
        Column("windows_read", INT64, "Windows that were read as a whole.", True),
        Column("requests", INT64, "Requests sent to the dialer.", True),
        Column("retries", INT64, "Of these, repeated ones.", True),
        Column("bytes_received", INT64, "Size of the answers.", True),
        Column("records", INT64, "Records in them: rows, duplicates and quarantined.", True),
        Column("inserted", INT64, "New rows.", True),
        Column("updated", INT64, "Rows that had changed.", True),
        Column("unchanged", INT64, "Rows that were as they are in the table.", True),
        Column("duplicates", INT64, "Copies of a row within its answer.", True),
        Column("quarantined", INT64, "Records that could not be read.", True),
        Column("overlapping", INT64, "Rows that another campaign of the client had shown before.", True),
        Column(
            "seconds", FLOAT64, "Time the worker spent on the source; in the run's own row, how long it took.", True
        ),
        Column("failure", STRING, "What happened and what to do; null if nothing failed."),
        Column("committed_at", TIMESTAMP, "When it was committed.", True),
        Column("bytes_billed", INT64, "What BigQuery billed for the run, in the run's own row; null elsewhere."),
        Column("download_seconds", FLOAT64, "Of these seconds, asking the dialer: waits, retries and transfer."),
        Column("parse_seconds", FLOAT64, "Of these seconds, typing records and writing them to the spool."),
        Column("commit_seconds", FLOAT64, "In the run's own row: how long its commits took."),
        Column("label", STRING, "How it ended in a word or two: `completed`, `login rejected`, `timed out`, ..."),
        Column("notices", STRING, "What should be known although nothing failed, such as a wrong clock."),
    ),
)

BACKFILLS = Table(
    "backfills",
    "Progress of a backfill that has not ended: the same command goes on where it stopped.",
    ("backfill_id", "source_key", "day"),
    (
        Column("backfill_id", STRING, "Derived from the command's days, campaign and client.", True),
        Column("source_key", STRING, "Source.", True),
        Column("day", DATE, "Local day that has been read and committed.", True),
    ),
)

MIGRATIONS = Table(
    "migrations",
    "Changes of the tables that this program has made; each is made once.",
    ("number",),
    (
        Column("number", INT64, "Which change.", True),
        Column("applied_at", TIMESTAMP, "When it was made.", True),
    ),
)

LEASES = Table(
    "leases",
    "Which run may write; only in BigQuery. Every commit is bound to owner and generation of this row.",
    ("name",),
    (
        Column("name", STRING, "Always `writer`.", True),
        Column("owner", STRING, "The DATA_DIR that holds it; null if nobody does."),
        Column(
            "generation", INT64, "Rises with every new holder, and when a commit of unknown fate is fenced off.", True
        ),
        Column("holder", STRING, "Process, machine and command, for people."),
        Column("since", TIMESTAMP, "When it was taken."),
        Column("expires_at", TIMESTAMP, "When somebody else may take it, unless it is renewed before."),
    ),
)

FORGOTTEN = Table(
    "forgotten",
    "Phone numbers that `forget` has erased, as keyed hashes: they are not stored again.",
    ("phone_hash",),
    (
        Column("phone_hash", STRING, "HMAC-SHA256 of the digits with phone.key of DATA_DIR, its first half.", True),
        Column("key_id", STRING, "Which key that was; nothing of the key can be told from it.", True),
        Column("forgotten_at", TIMESTAMP, "When it was first asked for.", True),
    ),
)

STATE_TABLES = (QUARANTINE, WATERMARKS, HOURS, ACCOUNTS, COMPLETENESS, LEDGER, RUNS, BACKFILLS, FORGOTTEN)
"""Tables beside credentials and calls; their names are fixed."""


ADDED_COLUMNS = {
    2: (RUNS, "bytes_billed"), 3: (RUNS, "download_seconds"), 4: (RUNS, "parse_seconds"), 5: (RUNS, "commit_seconds"),
    6: (QUARANTINE, "header"), 7: (RUNS, "label"), 8: (RUNS, "notices"), 9: (WATERMARKS, "timezone"),
    10: (HOURS, "timezone"), 11: (HOURS, "inbound"), 12: (HOURS, "doubt"), 13: (WATERMARKS, "doubted_since"),
}  # fmt: skip
"""Migration → the column that it adds to a table of an older version. Append only; 1 makes what is missing."""

MIGRATION_NUMBERS = (1, *ADDED_COLUMNS)

CLASSIC = {
    "CallTime": "call_time_local",
    "Campaign": "campaign",
    "ClientName": "client_name",
    "ClientID": "client_id",
    "LeadID": "lead_id",
    "Phone": "phone",
    "Status": "status",
    "Ingroup": "ingroup",
    "Length": "length_seconds",
    "HashValue": "row_hash",
}
"""Columns of the view ``<OUTPUT_TABLE>_classic``, for dashboards that were made for tables of this shape."""


def call_columns(*, lead_fields: bool) -> tuple[Column, ...]:
    """Columns of the calls table, with the lead's personal ones where the operator asks for them."""
    return CALLS.columns + LEAD_COLUMNS if lead_fields else CALLS.columns


def spooled_columns(*, lead_fields: bool) -> tuple[Column, ...]:
    """Columns of a spool file of calls: what a worker can know of a row, and the source that it came from."""
    known = tuple(column for column in call_columns(lead_fields=lead_fields) if column.name not in WRITTEN_AT_COMMIT)
    return (*known, Column("source_key", STRING, "Source that showed the row.", True))


def arrow_schema(columns: tuple[Column, ...]) -> "pa.Schema":
    """The same columns as an Arrow schema, for Parquet files and typed frames."""
    import pyarrow as pa  # noqa: PLC0415 - half a second that only workers and the writer need

    types = {
        STRING: pa.string(), INT64: pa.int64(), FLOAT64: pa.float64(), BOOL: pa.bool_(), DATE: pa.date32(),
        DATETIME: pa.timestamp("us"), TIMESTAMP: pa.timestamp("us", tz="UTC"),
    }  # fmt: skip
    return pa.schema([pa.field(column.name, types[column.type]) for column in columns])
