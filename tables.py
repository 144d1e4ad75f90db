"""Every table and column of the warehouse, with type and meaning.

Both warehouses, the spool and docs/tables.md are made from these records, so a column is written down once. The module
is long because it is one list, to be read in one place.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

STRING, INT64, FLOAT64, BOOL = "STRING", "INT64", "FLOAT64", "BOOL"
DATE, DATETIME, TIMESTAMP = "DATE", "DATETIME", "TIMESTAMP"
"""Types of columns. DATETIME is a wall clock without zone, TIMESTAMP a moment in UTC, both in microseconds."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. A ``required`` one is never null."""

    name: str
    type: str
    description: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table. ``key`` names the columns of its key."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


CALLS = Table(
    "calls",
    "One row per call leg, as last read from the dialer.",
    ("call_key",),
    (
        Column("call_key", STRING, "Identity of the leg, the same in every read; 32 hexadecimal digits.", True),
        Column("client_id", STRING, "ClientID of the credentials row.", True),
        Column("client_name", STRING, "ClientName of the credentials row at the last write."),
        Column("campaign", STRING, "Campaign of the first credentials row with this leg.", True),
        Column("direction", STRING, "`outbound`, or `inbound` for every in-group leg, transfers too.", True),
        Column(
            "call_date", DATE, "The dialer's local day of the call. It never changes. Partition of the table.", True
        ),
        Column("call_time", TIMESTAMP, "Start of the leg in UTC, by the time zone of the credentials row.", True),
        Column("call_time_local", DATETIME, "Start of the leg on the dialer's own clock, as exported.", True),
        Column("time_ambiguous", BOOL, "True if the local time occurs twice this night and nothing decides it.", True),
        Column("lead_id", STRING, "VICIdial's lead."),
        Column("vendor_lead_code", STRING, "The client's own id of the lead."),
        Column("source_id", STRING, "The client's own id of the lead's origin."),
        Column("phone", STRING, "Number of the other party, digit for digit, or in the form of PHONE_MODE."),
        Column("status", STRING, "Disposition of this leg: a status code such as `SALE`."),
        Column("status_name", STRING, "Name of this status on the dialer."),
        Column("ingroup", STRING, "In-group of an inbound leg; null for outbound."),
        Column("dialer_campaign", STRING, "VICIdial's campaign of an outbound leg; null for inbound."),
        Column("agent", STRING, "User of the call; null for nobody (VDAD, VDCL)."),
        Column("agent_name", STRING, "Full name of that user."),
        Column("user_group", STRING, "User group of that user at the time of the call."),
        Column("length_seconds", INT64, "Length with the queue; null while the call is in progress."),
        Column("queue_seconds", FLOAT64, "Waiting time of an inbound leg before it was answered or lost."),
        Column("talk_seconds", FLOAT64, "Length less queue of an inbound leg."),
        Column("wrapup_seconds", INT64, "The agent's time for wrapping up after the call."),
        Column("term_reason", STRING, "End of the call: CALLER, AGENT, QUEUETIMEOUT, ABANDON, ...; null if unknown."),
        Column("list_id", STRING, "List of the lead."),
        Column("uniqueid", STRING, "Asterisk's id of the channel; null from a report without it."),
        Column("caller_code", STRING, "The dialer's id of the call, such as `V1120082855000001683`: time and lead."),
        Column("server_ip", STRING, "Address of the dialer's telephone server."),
        Column(
            "hangup_cause", INT64, "Cause of the end by the carrier: 16 normal, 17 busy, 19 no answer, ... (Q.850)."
        ),
        Column("dialstatus", STRING, "Result of dialling: ANSWER, BUSY, NOANSWER, CANCEL, CONGESTION, ..."),
        Column("dial_seconds", INT64, "Time of dialling, by the carrier log."),
        Column("answered_seconds", INT64, "Time from the answer to the end of the channel, by the carrier log."),
        Column("cpd_result", STRING, "Result of call progress detection: an answering machine, a fax, ..."),
        Column("did_pattern", STRING, "The company's number that the caller dialled; null for a call by the dialer."),
        Column("did_id", STRING, "VICIdial's id of that number."),
        Column("did_description", STRING, "Description of that number."),
        Column(
            "source_report",
            STRING,
            "Report of the row, with `_archive` at its end for the dialer's archive.",
            True,
        ),
        Column(
            "row_hash",
            STRING,
            "Hash of the row. It changes with any value shown by the dialer, except columns from other logs.",
            True,
        ),
        Column("first_seen_at", TIMESTAMP, "Time of the insert.", True),
        Column("updated_at", TIMESTAMP, "Time of the last change.", True),
        Column("run_id", STRING, "Run of the last change.", True),
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

CHANNEL_COLUMNS = (
    "caller_code", "server_ip", "hangup_cause", "dialstatus", "dial_seconds", "answered_seconds", "cpd_result",
    "did_pattern", "did_id", "did_description",
)  # fmt: skip
"""Columns from logs that a dialer keeps beside its calls. Some builds lack them, and some dialers empty these logs."""

IN_PROGRESS = ("QUEUE", "INCALL", "LIVE", "DISPO")
"""Statuses of a call before its end or its disposition."""

PHONE_COLUMNS = ("phone", "lead_alt_phone")
"""Columns with a phone number. PHONE_MODE applies to them."""

ARCHIVED = "_archive"
"""End of source_report in rows of a dialer's archive. A live row of the same leg always wins over them."""

LAST_DIGITS, HASH_DIGITS = 4, 32
"""Lengths of a number stored by PHONE_MODE last4 and hash."""

MASK = r"^X+[0-9]{0,4}$"
"""Pattern of a number, or of a lead's data, that the dialer hides from the login."""

PHONE_PUNCTUATION = " -+()./"
"""Characters that people write between the digits of a number."""

PERSONAL_COLUMNS = (*PHONE_COLUMNS, "vendor_lead_code", "source_id", "caller_code",
                    *(column.name for column in LEAD_COLUMNS if column.name not in PHONE_COLUMNS))  # fmt: skip
"""Columns that `forget` empties: the number, the lead's person, the client's own ids of it, and the call's code."""

WRITTEN_AT_COMMIT = ("first_seen_at", "updated_at", "run_id")
"""Columns of the calls table that a commit sets. A spool file has all the others, and ``source_key``."""

CREDENTIALS = Table(
    "credentials",
    "Clients to read: one row per source. Column names match without regard to case and underscores.",
    ("client_id", "campaign", "url"),
    (
        Column("campaign", STRING, "Your group of clients. One worker process reads it.", True),
        Column("client_id", STRING, "Your id of the client; part of every call's identity.", True),
        Column("client_name", STRING, "Shown in summaries and stored with each call."),
        Column("url", STRING, "URL of a report or of the dialer. Each run sets the dates.", True),
        Column("username", STRING, "Report user on the dialer.", True),
        Column("password", STRING, "Its password, or `env:NAME` for an environment variable.", True),
        Column("timezone", STRING, "IANA zone of the dialer's clock; DEFAULT_TIMEZONE if empty."),
        Column("enabled", STRING, "`no` switches the row off. Empty means yes."),
        Column("max_connections", INT64, "For this dialer host; MAX_CONNECTIONS_PER_HOST if empty."),
        Column("verify_tls", STRING, "`no` accepts any certificate."),
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
    "Records not readable as a call, unchanged. They hold personal data.",
    ("record_hash",),
    (
        Column("record_hash", STRING, "Identity of the record; 32 hexadecimal digits.", True),
        Column("source_key", STRING, "Source of the record.", True),
        Column("campaign", STRING, "Campaign of the credentials row.", True),
        Column("client_id", STRING, "ClientID of the credentials row.", True),
        Column("client_name", STRING, "ClientName of the credentials row."),
        Column("report", STRING, "Report of the record.", True),
        Column("reason", STRING, "Reason.", True),
        Column("record", STRING, "The record. Bytes without a text are written as \\xNN.", True),
        Column("window_day", DATE, "Requested local day.", True),
        Column("header", STRING, "Header row of its export."),
        Column("first_seen_at", TIMESTAMP, "Time of the first sight.", True),
        Column("last_seen_at", TIMESTAMP, "Time of the last sight in an export.", True),
        Column("run_id", STRING, "Run of the last sight.", True),
    ),
)

QUARANTINE_COLUMNS = (
    *(column for column in QUARANTINE.columns if column.name not in ("first_seen_at", "last_seen_at", "run_id")),
    Column("seen_at", TIMESTAMP, "Time of the export.", True),
)
"""Columns of a spool file of quarantined records."""

RELEASED = Table(
    "released",
    "Records leaving the quarantine with a batch. In the spool only, never a table of the warehouse.",
    ("record_hash",),
    (Column("record_hash", STRING, "Identity of the record.", True),),
)

WATERMARKS = Table(
    "watermarks",
    "Progress of each source. Every call before its watermark is in the table.",
    ("source_key",),
    (
        Column("source_key", STRING, "Source: client_id, campaign and URL without its dates.", True),
        Column("campaign", STRING, "Campaign of the credentials row.", True),
        Column("client_id", STRING, "ClientID of the credentials row.", True),
        Column("client_name", STRING, "ClientName of the credentials row."),
        Column("report", STRING, "Report of the source.", True),
        Column("host", STRING, "The dialer.", True),
        Column(
            "read_until",
            TIMESTAMP,
            "Watermark: end of the hours committed without a gap, except for days in doubt.",
            True,
        ),
        Column("updated_at", TIMESTAMP, "Time of its last move.", True),
        Column("timezone", STRING, "Zone of its hours; several until all are read in the last one."),
        Column(
            "doubted_since",
            DATE,
            "First local day in doubt, or without its last read; null if there is none.",
        ),
    ),
)

HOURS = Table(
    "hours",
    "Last complete read of each local hour of each source. It plans and checks later reads.",
    ("source_key", "day", "hour"),
    (
        Column("source_key", STRING, "Source.", True),
        Column("day", DATE, "The dialer's local day.", True),
        Column("hour", INT64, "Wall-clock hour, 0 to 23.", True),
        Column("legs", INT64, "Distinct call legs in it.", True),
        Column("in_progress", INT64, "Legs without an end or without a disposition.", True),
        Column("read_at", TIMESTAMP, "Time of the request.", True),
        Column("timezone", STRING, "Zone of its calls at the conversion to UTC."),
        Column("inbound", INT64, "Legs of in-groups among them."),
        Column(
            "doubt", STRING, "Reason to distrust the last answer; null once it is trusted. Until then it is read again."
        ),
    ),
)

ACCOUNTS = Table(
    "accounts",
    "Logins refused by a dialer. They are not tried again until the credentials row changes.",
    ("host", "username", "fingerprint"),
    (
        Column("host", STRING, "The dialer.", True),
        Column("username", STRING, "The user.", True),
        Column("salt", STRING, "Salt of the fingerprint.", True),
        Column("fingerprint", STRING, "scrypt of the refused password.", True),
        Column("refused_at", TIMESTAMP, "Time of the refusal.", True),
        Column("reason", STRING, "Message of the dialer.", True),
    ),
)

COMPLETENESS = Table(
    "completeness",
    "Counts of calls shown before and missing now. Nothing is deleted.",
    ("source_key", "day", "hour"),
    (
        Column("source_key", STRING, "Source.", True),
        Column("campaign", STRING, "Campaign of the credentials row.", True),
        Column("client_id", STRING, "ClientID of the credentials row.", True),
        Column("day", DATE, "The dialer's local day.", True),
        Column("hour", INT64, "Wall-clock hour, 0 to 23.", True),
        Column("legs_before", INT64, "Most legs in any read of this hour.", True),
        Column("legs_now", INT64, "Legs in the last read, confirmed by a second one.", True),
        Column("noticed_at", TIMESTAMP, "Time of the last sight.", True),
    ),
)

LEDGER = Table(
    "ledger",
    "Committed batches. A repeated commit does nothing.",
    ("batch_id",),
    (
        Column("batch_id", STRING, "Derived from the run and the windows in the batch.", True),
        Column("run_id", STRING, "Run of the commit.", True),
        Column("committed_at", TIMESTAMP, "Time of the commit.", True),
    ),
)

RUNS = Table(
    "runs",
    "Result of each run for each source.",
    ("run_id", "source_key", "job_id"),
    (
        Column("run_id", STRING, "The run: one cycle, or one backfill.", True),
        Column("job_id", STRING, "The worker's job within the run.", True),
        Column(
            "source_key", STRING, "Source; empty for a failure of a whole campaign, and in the run's own row.", True
        ),
        Column("campaign", STRING, "Campaign of the credentials row.", True),
        Column("client_id", STRING, "ClientID of the credentials row.", True),
        Column("client_name", STRING, "ClientName of the credentials row."),
        Column("windows_planned", INT64, "Planned windows.", True),
        Column("windows_read", INT64, "Windows read completely.", True),
        Column("requests", INT64, "Requests sent to the dialer.", True),
        Column("retries", INT64, "Repeated requests among them.", True),
        Column("bytes_received", INT64, "Size of the answers.", True),
        Column("records", INT64, "Records in them: rows, duplicates and quarantined.", True),
        Column("inserted", INT64, "New rows.", True),
        Column("updated", INT64, "Changed rows.", True),
        Column("unchanged", INT64, "Rows equal to the table.", True),
        Column("duplicates", INT64, "Copies of a row within its answer.", True),
        Column("quarantined", INT64, "Unreadable records.", True),
        Column("overlapping", INT64, "Rows shown before by another campaign of the client.", True),
        Column("seconds", FLOAT64, "Time of the worker for the source; in the run's own row, its duration.", True),
        Column("failure", STRING, "Message and fix; null if nothing failed."),
        Column("committed_at", TIMESTAMP, "Time of the commit.", True),
        Column("bytes_billed", INT64, "Bytes billed by BigQuery, in the run's own row; null elsewhere."),
        Column("download_seconds", FLOAT64, "Part of it for requests: pauses, retries and transfer."),
        Column("parse_seconds", FLOAT64, "Part of it for parsing records and writing them to the spool."),
        Column("commit_seconds", FLOAT64, "Duration of its commits, in the run's own row."),
        Column("label", STRING, "Result in a word or two: `completed`, `login rejected`, `timed out`, ..."),
        Column("notices", STRING, "Warnings without a failure, such as a wrong clock."),
        Column(
            "repaired",
            INT64,
            "Windows truncated at first and completed in the same run.",
        ),
        Column("stuck", INT64, "Calls in progress for longer than any real call."),
        Column("build", INT64, "Build of the dialer, yymmdd; null if it did not tell."),
        Column("clock_gap_seconds", INT64, "Lead of the dialer's clock over the clock of the program's machine."),
    ),
)

BACKFILLS = Table(
    "backfills",
    "Progress of an unfinished backfill. The same command continues it.",
    ("backfill_id", "source_key", "day"),
    (
        Column("backfill_id", STRING, "Derived from the command's days, campaign and client.", True),
        Column("source_key", STRING, "Source.", True),
        Column("day", DATE, "Committed local day.", True),
    ),
)

MIGRATIONS = Table(
    "migrations",
    "Changes of the tables by this program. Each is made once.",
    ("number",),
    (
        Column("number", INT64, "Number of the change.", True),
        Column("applied_at", TIMESTAMP, "Time of the change.", True),
    ),
)

LEASES = Table(
    "leases",
    "The run with the right to write, only in BigQuery. Every commit checks owner and generation of this row.",
    ("name",),
    (
        Column("name", STRING, "Always `writer`.", True),
        Column("owner", STRING, "The DATA_DIR of the holder; null if there is none."),
        Column(
            "generation", INT64, "Counter of holders. It also rises to fence off a commit with an unknown result.", True
        ),
        Column("holder", STRING, "Process, machine and command, for people."),
        Column("since", TIMESTAMP, "Start of the lease."),
        Column("expires_at", TIMESTAMP, "End of the lease, unless renewed before."),
    ),
)

FORGOTTEN = Table(
    "forgotten",
    "Phone numbers erased by `forget`, as keyed hashes. They are not stored again.",
    ("phone_hash",),
    (
        Column("phone_hash", STRING, "HMAC-SHA256 of the digits with phone.key of DATA_DIR, its first half.", True),
        Column("key_id", STRING, "Id of this key. It tells nothing of the key.", True),
        Column("forgotten_at", TIMESTAMP, "Time of the first request.", True),
    ),
)

STATE_TABLES = (QUARANTINE, WATERMARKS, HOURS, ACCOUNTS, COMPLETENESS, LEDGER, RUNS, BACKFILLS, FORGOTTEN)
"""Tables beside credentials and calls, with fixed names."""

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
    """Return the columns of the calls table, with the lead's personal ones if the operator asks for them."""
    return CALLS.columns + LEAD_COLUMNS if lead_fields else CALLS.columns


def spool_columns(*, lead_fields: bool) -> tuple[Column, ...]:
    """Return the columns of a spool file of calls: those known to a worker, and the source of the row."""
    known = tuple(column for column in call_columns(lead_fields=lead_fields) if column.name not in WRITTEN_AT_COMMIT)
    return (*known, Column("source_key", STRING, "Source that showed the row.", True))


def arrow_schema(columns: tuple[Column, ...]) -> "pa.Schema":
    """Return the columns as an Arrow schema, for Parquet files and typed frames."""
    import pyarrow as pa  # noqa: PLC0415 - half a second that only workers and the writer need

    types = {
        STRING: pa.string(), INT64: pa.int64(), FLOAT64: pa.float64(), BOOL: pa.bool_(), DATE: pa.date32(),
        DATETIME: pa.timestamp("us"), TIMESTAMP: pa.timestamp("us", tz="UTC"),
    }  # fmt: skip
    return pa.schema([pa.field(column.name, types[column.type]) for column in columns])
