"""The views beside the calls table, and the meaning of their columns. docs/tables.md is made from these records."""

from dataclasses import dataclass

from tables import CALLS, DATE, DATETIME, FLOAT64, INT64, STRING, TIMESTAMP, WATERMARKS, Column

NO_CONTACT = ("A", "AA", "AB", "ADC", "ADCT", "AFAX", "AL", "AM", "B", "DC", "N", "NA")
"""VICIdial's own statuses of a call that reached no person: machine, busy, disconnected, fax, no answer."""
DROPPED = ("DROP", "PDROP", "XDROP")
"""VICIdial's own statuses of a caller who was lost before an agent came."""
TOLERANCE_SECONDS = 10
"""Start of an in-group leg after the end of its outbound leg. Both are written by different servers, in whole seconds.
A person cannot hang up, dial a number and reach an in-group in this time."""
RECENT_DAYS = 31
"""Days that `freshness` looks at. BigQuery reads no older partitions for it."""


@dataclass(frozen=True, slots=True)
class View:
    """One view. Its full name is ``<OUTPUT_TABLE>_<name>``."""

    name: str
    description: str
    columns: tuple[Column, ...]


def _same(*names: str) -> tuple[Column, ...]:
    """Return columns that mean the same as in the calls table."""
    known = {column.name: column for column in CALLS.columns}
    return tuple(Column(name, known[name].type, known[name].description) for name in names)


def _of_watermarks(*names: str) -> tuple[Column, ...]:
    known = {column.name: column for column in WATERMARKS.columns}
    return tuple(Column(name, known[name].type, known[name].description) for name in names)


CAMPAIGN_DAY = View(
    "campaign_day",
    "Calls, contacts, sales and drops per client, campaign or in-group, direction and local day.",
    (
        *_same("client_id", "client_name", "campaign", "direction", "dialer_campaign", "ingroup", "call_date"),
        Column("calls", INT64, "All legs, those in progress too."),
        Column("contacts", INT64, f"Legs with an agent, except the statuses {', '.join(NO_CONTACT)}."),
        Column("sales", INT64, "Legs with a status of SALE_STATUSES."),
        Column("drops", INT64, f"Legs with one of the statuses {', '.join(DROPPED)}."),
        Column("drop_percent", FLOAT64, "Drops in percent of the calls of an in-group; null for outbound."),
        Column(
            "talk_seconds", FLOAT64,
            "Talk of the agents: length less queue of inbound legs, length of outbound ones.",
        ),
        Column("wrapup_seconds", INT64, "Wrap-up of the agents."),
        Column(
            "average_handle_seconds", FLOAT64,
            "Talk and wrap-up of an ended leg with an agent, on average; for outbound, length and wrap-up.",
        ),
    ),
)  # fmt: skip

AGENT_DAY = View(
    "agent_day",
    "Calls of each agent per client and local day. It is made of calls alone: pauses and logins are not in it.",
    (
        *_same("client_id", "client_name", "agent", "agent_name", "call_date"),
        Column("calls", INT64, "All legs of the agent, those in progress too."),
        Column("outbound_calls", INT64, "Outbound legs among them."),
        Column("inbound_calls", INT64, "In-group legs among them."),
        Column("sales", INT64, "Legs with a status of SALE_STATUSES."),
        Column("talk_seconds", FLOAT64, "Length less queue of inbound legs, length of outbound ones."),
        Column("wrapup_seconds", INT64, "Wrap-up after the calls."),
        Column("first_call_local", DATETIME, "Start of the first leg on the dialer's own clock."),
        Column("last_call_local", DATETIME, "Start of the last leg on the dialer's own clock."),
    ),
)

FRESHNESS = View(
    "freshness",
    "Progress of each source: its watermark, newest call and hours in doubt.",
    (
        *_of_watermarks("client_id", "client_name", "campaign", "host", "report", "source_key"),
        Column(
            "newest_call",
            TIMESTAMP,
            f"Start of the newest call of this client and campaign in the last {RECENT_DAYS} days. Null if there is"
            " none, or if another campaign of the client shows the same calls.",
        ),
        *_of_watermarks("read_until"),
        Column("age_minutes", INT64, "Whole minutes from the watermark until now."),
        *_of_watermarks("doubted_since"),
        Column("suspect_hours", INT64, f"Hours of the last {RECENT_DAYS} days whose last answer is in doubt."),
    ),
)

TRANSFERS = View(
    "transfers",
    "In-group legs of calls that began as outbound: one row per in-group leg, beside its outbound leg.",
    (
        *_same("client_id", "client_name", "campaign", "call_date", "call_time_local", "dialer_campaign"),
        *_same("lead_id", "phone", "agent", "status", "length_seconds"),
        Column("transfer_date", DATE, "Local day of the in-group leg. Name the days of both columns."),
        Column("transfer_time_local", DATETIME, "Start of the in-group leg on the dialer's own clock."),
        *_same("ingroup"),
        Column("transfer_agent", STRING, "User of the in-group leg; null if nobody took it."),
        Column("transfer_status", STRING, "Disposition of the in-group leg."),
        *_same("queue_seconds"),
        Column("transfer_length_seconds", INT64, "Length of the in-group leg with its queue."),
        Column("matched_by", STRING, "`uniqueid`, or `lead and time` where one of the legs has no uniqueid."),
        *_same("call_key"),
        Column("transfer_call_key", STRING, "`call_key` of the in-group leg."),
    ),
)  # fmt: skip

VIEWS = (CAMPAIGN_DAY, AGENT_DAY, FRESHNESS, TRANSFERS)
"""The views that the program makes and renews."""
