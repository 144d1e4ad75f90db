"""Labels such as `login rejected`, for tables, summary and `status`."""

from enum import StrEnum


class Label(StrEnum):
    """The end of a client, a campaign or a run, in two or three words.

    The value is the word of the tables, of the summary and of `status`. Several errors may share one.
    """

    COMPLETED = "completed"

    # Everything was read, and call times are not right
    WRONG_CLOCK = "wrong clock"
    WRONG_TIME_ZONE = "wrong time zone"
    TIME_ZONE_IN_DOUBT = "time zone in doubt"

    # The worker of a campaign
    NOT_STARTED = "not started"
    PROGRAM_ERROR = "program error"
    STOPPED = "stopped"
    WORKER_DIED = "worker died"

    # ConfigError
    BILL_TOO_HIGH = "bill too high"
    CA_BUNDLE = "CA bundle"
    CONFIGURATION = "configuration"
    NO_CAMPAIGNS = "no campaigns"
    NO_GOOGLE_ACCOUNT = "no Google account"
    NO_PROJECT = "no project"
    NOT_IN_BIGQUERY = "not in BigQuery"
    OTHER_LOCATION = "other location"
    PROJECT_NOT_READY = "project not ready"
    RIGHT_MISSING = "right missing"

    # ClientError
    ACCOUNT_LOCKED = "account locked"
    CAMPAIGNS_NOT_NAMED = "campaigns not named"
    CERTIFICATE = "certificate"
    CLIENT_CERTIFICATE = "client certificate"
    DIALER_REFUSED = "dialer refused"
    FAILED = "failed"
    HTTPS_NEEDED = "https needed"
    IP_ADDRESS_BLOCKED = "IP address blocked"
    LOGIN_REJECTED = "login rejected"
    LOGIN_UNCLEAR = "login unclear"
    NOT_AN_EXPORT = "not an export"
    NOT_PERMITTED = "not permitted"
    NOTHING_VISIBLE = "nothing visible"
    REDIRECTED = "redirected"
    ROW_CANNOT_BE_USED = "row cannot be used"
    TLS_HANDSHAKE = "TLS handshake"
    TLS_TOO_OLD = "TLS too old"
    TWO_FACTOR_REQUIRED = "2FA required"

    # TransientError
    ANSWER_CUT_OFF = "answer cut off"
    ANSWER_TOO_LARGE = "answer too large"
    DIALER_ERROR = "dialer error"
    DIALER_UNAVAILABLE = "dialer unavailable"
    DIALER_UNREACHABLE = "dialer unreachable"
    GATEWAY = "gateway"
    NO_FREE_CONNECTION = "no free connection"
    OUT_OF_MEMORY = "out of memory"
    PROXY = "proxy"
    TIMED_OUT = "timed out"

    # SuspectData
    SUSPECT_WINDOW = "suspect window"

    # WarehouseError
    BIGQUERY_REFUSED = "BigQuery refused"
    BIGQUERY_UNREACHABLE = "BigQuery unreachable"
    DISK_FULL = "disk full"
    NOT_COMMITTED = "not committed"
    WAREHOUSE = "warehouse"
    WAREHOUSE_HELD = "warehouse held"

    @classmethod
    def parse(cls, word: str | None) -> "Label | None":
        """Return the label of a stored word. A word of another version of the program counts as FAILED."""
        if word is None:
            return None
        return cls(word) if word in set(cls) else cls.FAILED


ABOUT_TIME_ZONE = frozenset({Label.WRONG_TIME_ZONE, Label.TIME_ZONE_IN_DOUBT})
"""Labels of call times that are hours off, or may be, because of the row's time zone."""

BECAUSE_OF_STOP = frozenset({Label.STOPPED, Label.NOT_STARTED})
"""Labels of what a stopped run left unread. Nothing failed, and the next run reads it."""
