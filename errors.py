"""What goes wrong, grouped by what the caller does next; each class says what happened and what to do.

    SyncError
    ├── ConfigError        stop: nothing can run until the operator edits a setting        exit 2
    │   └── SettingsInvalid, NoCampaigns, TableRefused, ...
    ├── ClientError        skip this client until its row (or its dialer) is changed       exit 1
    │   └── LoginRejected, AccountLocked, NotPermitted, ReportUnknown, ...
    ├── TransientError     try again; the next cycle asks from the same watermark           exit 1
    │   └── DialerUnreachable, DialerBusy, AnswerBroken, ...
    ├── SuspectData        read again, then report; the rows are kept, the watermark waits  exit 1
    ├── WarehouseError     nothing of it was committed; the next cycle reads it again       exit 3
    │   └── WarehouseAway, WarehouseUnusable, ...
    └── WarehouseHeld      another daemon works on this warehouse                           exit 4

Arguments stay positional and untouched, so that every error survives pickling on its way out of a worker.
No argument may hold a password, a body or a full URL: name the dialer's host and the client instead.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

NO_MEMORY = re.compile(
    "out of memory|bad_alloc|cannot allocate|failed to map segment|resource temporarily unavailable|start new thread",
    re.IGNORECASE,
)
"""What libraries and the system say instead of a MemoryError."""
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class SyncError(Exception):
    """Root of everything that this program raises on purpose."""

    happened: ClassVar[str] = "{0}"
    advice: ClassVar[str] = ""
    label: ClassVar[str] = "failed"
    """Two or three words for the summary's brackets, such as ``login rejected``."""

    def __str__(self) -> str:
        happened, advice = self.happened.format(*self.args), self.advice.format(*self.args)
        return f"{happened}{advice}" if happened.endswith("\n") else f"{happened} {advice}".rstrip()


class ConfigError(SyncError):
    """Stop: nothing can run until the operator edits a setting."""

    label = "configuration"


class ClientError(SyncError):
    """Skip this client until its credentials row, or its account on the dialer, is changed."""


class TransientError(SyncError):
    """Try again later; the next cycle asks from the same watermark."""

    label = "dialer unavailable"


class SuspectData(SyncError):
    """The dialer shows fewer calls than before and not twice the same; read again before believing it."""

    label = "suspect window"


class WarehouseError(SyncError):
    """The commit did not happen; its windows do not count as read, and the next cycle asks for them again."""

    label = "warehouse"


class WarehouseHeld(SyncError):
    """Another daemon works on this warehouse."""

    label = "warehouse held"
    happened = "Another run holds this warehouse: {0}."
    advice = "Wait for it to end, or stop it and start it again afterwards."


# ConfigError


class SettingsInvalid(ConfigError):
    """Arguments: one text with every problem, one per line."""

    happened = "The settings cannot be used:\n{0}"


class NoCampaigns(ConfigError):
    """Arguments: where it looked."""

    label = "no campaigns"
    happened = "No campaigns found in {0}."
    advice = (
        "Add one with `python main.py clients template > clients.csv`, fill it in,"
        " then `python main.py clients import clients.csv`."
    )


class NobodyChosen(NoCampaigns):
    """Arguments: where it looked, what was chosen."""

    happened = "No row of {0} that can be read has {1}."
    advice = "`python main.py clients list` shows the names there are, and what keeps a row from being read."


class TableRefused(ConfigError):
    """Arguments: table, what is wrong with it."""

    happened = "The table {0} exists and is not one of this program's: {1}."
    advice = "Set OUTPUT_TABLE (or DATASET_ID) to another name; an existing table is never altered by guess."


class OldTable(ConfigError):
    """Arguments: table."""

    happened = "The table {0} has the columns of an older program (CallTime, HashValue, ...) and is left as it is."
    advice = (
        "Set OUTPUT_TABLE to a new name; beside it a view <OUTPUT_TABLE>_classic has exactly those columns, so that"
        " dashboards only need its name. To keep the name, rename the old table first."
    )


class GoogleAccountMissing(ConfigError):
    """Arguments: why."""

    label = "no Google account"
    happened = "There is no account to use BigQuery with: {0}."
    advice = (
        "Set SERVICE_ACCOUNT_PATH to the key file of a service account, or run"
        " `gcloud auth application-default login`; see docs/bigquery.md."
    )


class ProjectUnknown(ConfigError):
    """Arguments: why."""

    label = "no project"
    happened = "The Google Cloud project is not known: {0}."
    advice = "Set PROJECT_ID."


class RightMissing(ConfigError):
    """Arguments: who, what it may not do, the role that allows it, the command that grants it."""

    label = "right missing"
    happened = "BigQuery does not let {0} {1}: the role {2} is missing."
    advice = "Whoever owns the project can grant it: {3}"


class ProjectNotReady(ConfigError):
    """Arguments: what was to be done, what Google says."""

    label = "project not ready"
    happened = "Google does not let this project {0} ({1})."
    advice = "Billing and the BigQuery API must be switched on for it: docs/bigquery.md, the first step."


class NotInBigQuery(ConfigError):
    """Arguments: what is not there."""

    label = "not in BigQuery"
    happened = "BigQuery has no {0}."
    advice = "Check PROJECT_ID, DATASET_ID, CREDENTIALS_TABLE, OUTPUT_TABLE and BIGQUERY_LOCATION."


class LocationDiffers(ConfigError):
    """Arguments: dataset, where it is, what the setting says."""

    label = "other location"
    happened = "The dataset {0} is in {1}, and BIGQUERY_LOCATION says {2}."
    advice = "Remove the setting or correct it; a dataset cannot be moved."


class BillTooHigh(ConfigError):
    """Arguments: what BigQuery said."""

    label = "bill too high"
    happened = "BigQuery refused a query that would be billed for more than BIGQUERY_MAX_BYTES_BILLED ({0})."
    advice = "Raise the setting, or read fewer days at a time; nothing was changed."


class ImportRefused(ConfigError):
    """Arguments: file name, every mistake with its line and column, one per line."""

    happened = "Nothing of {0} was imported:\n{1}\n"
    advice = "Correct that and import the file again; it is taken as a whole or not at all."


class OptionInvalid(ConfigError):
    """Arguments: option, its value, what is allowed."""

    happened = "{0} {1}:"
    advice = "allowed is {2}."


class PhoneKeyLost(ConfigError):
    """Arguments: the key's path."""

    happened = "{0} is not the key with which phone numbers were forgotten, so that they would be stored again."
    advice = (
        "Put that file back from a backup of DATA_DIR. If it is lost: delete the rows of the table forgotten, and run"
        " `python main.py forget` for each of these numbers again."
    )


class PhoneKeyMissing(ConfigError):
    """Arguments: the key's path."""

    happened = (
        "{0} is not there: the phone numbers in the tables are hashes that only the key which made them can find."
    )
    advice = (
        "Nothing was changed. Run this with the DATA_DIR of the installation that stored the calls, or put that file"
        " back from a backup. If it is lost: the next cycle makes a new one, which finds only the calls read since."
    )


class DemoMissing(ConfigError):
    """Arguments: command."""

    happened = "There is no demo to go on with for {0}."
    advice = "Run `python main.py demo` first."


# ClientError


class RowUnusable(ClientError):
    """Arguments: what is wrong with the credentials row and how to mend it."""

    label = "row cannot be used"


class LoginRejected(ClientError):
    """Arguments: host, user, what names the client on a command line."""

    label = "login rejected"
    happened = "{0} refused the login of user {1!r}."
    advice = (
        "Correct the password in its row and import it, `python main.py clients import FILE.csv`; until then it is not"
        " tried again. If the account was repaired on the dialer (level 7 or higher, active) instead:"
        " `python main.py clients retry {2}`."
    )


class LoginUnclear(ClientError):
    """Arguments: host, user, tries, time (UTC) before which nothing is sent, what names the client on a command
    line."""

    label = "login unclear"
    happened = "{0} never answered the {2} first requests of user {1!r}, so that its password may be wrong."
    advice = "It is tried again after {3}, or at once with `python main.py clients retry {4}`."


class AccountLocked(ClientError):
    """Arguments: host, user, time (UTC) before which nothing is sent."""

    label = "account locked"
    happened = "{0} has locked user {1!r} after too many failed logins by anybody."
    advice = "Nothing is sent for it before {2}. Use one dedicated user that no person logs in with."


class TwoFactorRequired(ClientError):
    """Arguments: host, user."""

    label = "2FA required"
    happened = "{0} asks user {1!r} for two-factor authentication."
    advice = "Give the report user an exemption from 2FA on the dialer, or use a dedicated user without it."


class NotPermitted(ClientError):
    """Arguments: host, user, what is missing and where to switch it on."""

    label = "not permitted"
    happened = "{0} does not let user {1!r} read the report:"
    advice = "{2}"


class AddressBlocked(ClientError):
    """Arguments: host, user."""

    label = "IP address blocked"
    happened = "{0} does not accept user {1!r} from this machine's IP address."
    advice = "Add this machine to the IP list of that user's group on the dialer."


class ReportUnknown(ClientError):
    """Arguments: host, what came instead."""

    label = "not an export"
    happened = "{0} answered with something that is not the export: {1}."
    advice = "Check the URL of the row, the report's version and the user's language (default English) on the dialer."


class RedirectRefused(ClientError):
    """Arguments: host, where it points to."""

    label = "redirected"
    happened = "{0} redirects to {1}, and a password is not sent along."
    advice = "Write that address into the URL of the credentials row if it is the right one."


class DialerRefused(ClientError):
    """Arguments: host, HTTP status, path that was asked for."""

    label = "dialer refused"
    happened = "{0} answered HTTP {1} to {2}."
    advice = (
        "Check the URL of the credentials row (scheme, port, path) in a browser; import a corrected one with --replace."
    )


class CertificateInvalid(ClientError):
    """Arguments: host, reason."""

    label = "certificate"
    happened = "The TLS certificate of {0} was not accepted ({1})."
    advice = "Renew it, or set VerifyTLS to no in that row if you know the machine."


class WrongZone(ClientError):
    """Arguments: what the dialer's clock says, what to do about the row."""

    label = "wrong time zone"
    happened = "Nothing was read: {0}"
    advice = "{1} A backfill would only spoil what is right; run it again then."


class CampaignsUnnamed(ClientError):
    """Arguments: host, build."""

    label = "campaigns not named"
    happened = "{0} runs VICIdial build {1}, which cannot export all campaigns without naming them."
    advice = "List them in the columns dialer_campaigns and ingroups of the credentials row."


# TransientError


class DialerResting(TransientError):
    """Arguments: host, since when it does not answer, what it last did, when it is asked again, what names the client
    on a command line."""

    label = "dialer unreachable"
    happened = "{0} has not answered since {1} ({2}), and is asked less often until it does."
    advice = (
        "Is the machine up? It is asked again at {3}; `python main.py clients retry {4}` asks it in the next cycle."
    )


class MemoryShort(TransientError):
    """Arguments: campaign."""

    label = "out of memory"
    happened = "The worker of campaign {0} ran out of memory."
    advice = "In the next cycles it runs alone; see MAX_CAMPAIGN_PROCESSES, CONCURRENT_REQUESTS and DB_BATCH_SIZE."


class DialerUnreachable(TransientError):
    """Arguments: host, reason."""

    label = "dialer unreachable"
    happened = "{0} could not be reached ({1})."
    advice = "Is the machine up, and are scheme, host and port of the row's URL right? Every cycle asks again."


class NoTLS(DialerUnreachable):
    """Arguments: host."""

    happened = "{0} does not speak TLS on that port."
    advice = (
        "If it has no certificate, its row's URL must begin with http:// (the password can then be read on its way);"
        " else the port is another one. Every cycle asks again."
    )


class DialerBusy(TransientError):
    """Arguments: host, reason, seconds that it asked to wait or None."""

    happened = "{0} could not answer now ({1})."
    advice = "Every cycle asks again."


class DialerTimeout(TransientError):
    """Arguments: host, seconds."""

    label = "timed out"
    happened = "{0} took longer than {1:g} seconds."
    advice = "See HTTP_TIMEOUT, CONNECT_TIMEOUT and REQUEST_TIMEOUT; every cycle asks again."


class AnswerBroken(TransientError):
    """Arguments: host, reason."""

    label = "answer cut off"
    happened = "The answer of {0} broke off ({1})."
    advice = "Every cycle asks again."


class DialerFailed(TransientError):
    """Arguments: host, what it was asked for."""

    label = "dialer error"
    happened = "{0} answered HTTP 500 with an empty body to {1}, twice."
    advice = (
        "Database down, PHP memory_limit too small, or (user_stats on PHP 8) an agent without a login in that range;"
        " see the dialer's web server error log."
    )


class SlotUnavailable(TransientError):
    """Arguments: host, connections allowed."""

    label = "no free connection"
    happened = "All {1} connections allowed to {0} stayed in use."
    advice = "Raise MaxConnections of the row if the dialer can bear it; every cycle asks again."


class RequestCancelled(TransientError):
    """Arguments: host."""

    label = "stopped"
    happened = "The run was stopped while {0} was being read."
    advice = "The next run asks again."


# WarehouseError


class WarehouseAway(WarehouseError):
    """It cannot be written to now, and later it can."""


class WarehouseUnreachable(WarehouseAway):
    """Arguments: seconds tried, what came instead of an answer."""

    label = "BigQuery unreachable"
    happened = "BigQuery could not do it in {0:.0f} seconds ({1})."
    advice = (
        "Nothing is lost, the next cycle reads again. If it stays so: does this machine reach Google (HTTPS_PROXY)?"
        " Otherwise see status.cloud.google.com, and the quotas page."
    )


class WarehouseBusy(WarehouseAway):
    """Arguments: file, seconds waited, who holds it as far as known."""

    happened = "{0} stayed locked for {1:.0f} seconds by {2}."
    advice = (
        "Close that session, or set DUCKDB_READ_COPY and point readers to the copy;"
        " nothing is lost, the next cycle reads again."
    )


class CommitAbandoned(WarehouseAway):
    """Arguments: seconds of grace."""

    label = "stopped"
    happened = "The commit was not done {0:g} seconds after the run was asked to stop, and was taken back."
    advice = "The next run reads again."


class WarehouseUnusable(WarehouseError):
    """Arguments: what, why."""

    happened = "{0} cannot be used: {1}."
    advice = "Nothing was changed. Repair or move it, or set DUCKDB_PATH / DATA_DIR to another place."


class DiskFull(WarehouseError):
    """Arguments: the folder or file that was written to."""

    label = "disk full"
    happened = "The disk that holds {0} is full."
    advice = "Nothing is lost: make room there, and the next cycle reads again."


class BigQueryRefused(WarehouseError):
    """Arguments: what it was asked to do, what it said."""

    label = "BigQuery refused"
    happened = "BigQuery refused to {0} ({1})."
    advice = "Nothing was changed. If it comes back, report it with these words."


class BatchRefused(WarehouseError):
    """Arguments: why. Something in the batch itself cannot be committed; half of it may be."""

    label = "not committed"
    happened = "What was read could not be committed ({0})."
    advice = "The next cycle reads it again; if it comes back, report it with these words."


def is_lack_of_memory(exc: BaseException) -> bool:
    """Whether something failed for want of memory, or of a thread, whatever its class is."""
    return isinstance(exc, MemoryError) or NO_MEMORY.search(str(exc)) is not None


@contextmanager
def full_disk_named(place: object) -> Iterator[None]:
    """Around what writes there: a disk without room is said in words, and other trouble passes."""
    try:
        yield
    except OSError as exc:
        if exc.errno in NO_ROOM:
            raise DiskFull(str(place)) from None
        raise
