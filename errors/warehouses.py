"""Errors of a warehouse: nothing of the batch was committed."""

from errors.branches import WarehouseError
from errors.labels import Label


class WarehouseAway(WarehouseError):
    """The warehouse cannot be written to now, but later."""


class WarehouseUnreachable(WarehouseAway):
    """Arguments: seconds tried, last failure."""

    label = Label.BIGQUERY_UNREACHABLE
    happened = "BigQuery did not answer successfully within {0:.0f} seconds ({1})."
    advice = (
        "Nothing is lost. The next cycle reads again. If it stays so: does this machine reach Google (HTTPS_PROXY)?"
        " Otherwise see status.cloud.google.com, and the quotas page."
    )


class WarehouseBusy(WarehouseAway):
    """Arguments: file, seconds waited, holder as far as known."""

    happened = "{0} stayed locked for {1:.0f} seconds by {2}."
    advice = (
        "Close that session, or set DUCKDB_READ_COPY and point readers to the copy. Then run the command again. The"
        " daemon reads again by itself, and loses nothing."
    )


class CommitAbandoned(WarehouseAway):
    """Arguments: seconds of grace."""

    label = Label.STOPPED
    happened = "The commit was not finished {0:g} seconds after the stop signal. It was taken back."
    advice = "The next run reads again."


class WarehouseUnusable(WarehouseError):
    """Arguments: file or folder, reason."""

    happened = "{0} cannot be used: {1}."
    advice = "Nothing was changed. Repair or move it, or set DUCKDB_PATH / DATA_DIR to another place."


class DiskFull(WarehouseError):
    """Arguments: folder or file."""

    label = Label.DISK_FULL
    happened = "The disk of {0} is full."
    advice = "Nothing is lost. Free some space: the daemon then goes on by itself, and a command can be repeated."


class BigQueryRefused(WarehouseError):
    """Arguments: action, message of BigQuery."""

    label = Label.BIGQUERY_REFUSED
    happened = "BigQuery refused to {0} ({1})."
    advice = "Nothing was changed. If it comes back, report it with this message."


class BatchRefused(WarehouseError):
    """Arguments: reason. Something in the batch cannot be committed. Half of it may be."""

    label = Label.NOT_COMMITTED
    happened = "The read rows could not be committed ({0})."
    advice = "The next cycle reads them again. If it comes back, report it with this message."
