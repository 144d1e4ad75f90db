"""Errors that stop the program until the operator changes a setting or a right."""

from errors.branches import ConfigError
from errors.labels import Label


class SettingsInvalid(ConfigError):
    """Arguments: all problems, one per line."""

    happened = "The settings cannot be used:\n{0}"


class NoCampaigns(ConfigError):
    """Arguments: place of the search."""

    label = Label.NO_CAMPAIGNS
    happened = "No campaigns found in {0}."
    advice = (
        "Add one with `python main.py clients template > clients.csv`, fill it in,"
        " then `python main.py clients import clients.csv`."
    )


class NobodyChosen(NoCampaigns):
    """Arguments: place of the search, chosen names."""

    happened = "No readable row of {0} has {1}."
    advice = "`python main.py clients list` shows all names, and the reason for each unreadable row."


class TableRefused(ConfigError):
    """Arguments: table, difference."""

    happened = "The table {0} exists, but it does not belong to this program: {1}."
    advice = "Set OUTPUT_TABLE (or DATASET_ID) to another name. An existing table is never altered by guess."


class OldTable(ConfigError):
    """Arguments: table."""

    happened = "The table {0} has the columns of an older program (CallTime, HashValue, ...). It stays unchanged."
    advice = (
        "Set OUTPUT_TABLE to a new name. Beside it, a view <OUTPUT_TABLE>_classic has exactly those columns for old"
        " dashboards. To keep the name, rename the old table first."
    )


class GoogleAccountMissing(ConfigError):
    """Arguments: reason."""

    label = Label.NO_GOOGLE_ACCOUNT
    happened = "There is no account to use BigQuery with: {0}."
    advice = (
        "Set SERVICE_ACCOUNT_PATH to the key file of a service account, or run `gcloud auth application-default"
        " login`. See docs/bigquery.md."
    )


class ProjectUnknown(ConfigError):
    """Arguments: reason."""

    label = Label.NO_PROJECT
    happened = "The Google Cloud project is not known: {0}."
    advice = "Set PROJECT_ID."


class RightMissing(ConfigError):
    """Arguments: account, forbidden action, missing role, command to grant it."""

    label = Label.RIGHT_MISSING
    happened = "BigQuery does not let {0} {1}: the role {2} is missing."
    advice = "The owner of the project can grant it: {3}"


class ProjectNotReady(ConfigError):
    """Arguments: action, message of Google."""

    label = Label.PROJECT_NOT_READY
    happened = "Google does not let this project {0} ({1})."
    advice = "Turn on billing and the BigQuery API for it: docs/bigquery.md, the first step."


class NotInBigQuery(ConfigError):
    """Arguments: missing thing."""

    label = Label.NOT_IN_BIGQUERY
    happened = "BigQuery has no {0}."
    advice = "Check PROJECT_ID, DATASET_ID, CREDENTIALS_TABLE, OUTPUT_TABLE and BIGQUERY_LOCATION."


class LocationDiffers(ConfigError):
    """Arguments: dataset, location, location of the setting."""

    label = Label.OTHER_LOCATION
    happened = "The dataset {0} is in {1}, and BIGQUERY_LOCATION says {2}."
    advice = "Remove or correct the setting. A dataset cannot be moved."


class BillTooHigh(ConfigError):
    """Arguments: message of BigQuery."""

    label = Label.BILL_TOO_HIGH
    happened = "BigQuery refused a query above the limit of BIGQUERY_MAX_BYTES_BILLED ({0})."
    advice = "Raise the setting, or read fewer days at a time. Nothing was changed."


class ImportRefused(ConfigError):
    """Arguments: file name, all mistakes with line and column, one per line."""

    happened = "Nothing of {0} was imported:\n{1}\n"
    advice = "Correct them and import the file again. The whole file is imported, or nothing of it."


class OptionInvalid(ConfigError):
    """Arguments: option, value, allowed values."""

    happened = "{0} {1}:"
    advice = "allowed is {2}."


class OptionRefused(ConfigError):
    """Arguments: what is wrong, what to do."""

    happened = "{0}"
    advice = "{1}"


class PhoneKeyLost(ConfigError):
    """Arguments: path of the key."""

    happened = "{0} is not the key of the forgotten phone numbers. With this key they would be stored again."
    advice = (
        "Restore the file from a backup of DATA_DIR. If it is lost: delete the rows of the table forgotten, and run"
        " `python main.py forget` for each of these numbers again."
    )


class PhoneKeyMissing(ConfigError):
    """Arguments: path of the key."""

    happened = "{0} is missing. The phone numbers in the tables are hashes made with this key."
    advice = (
        "Nothing was changed. Run this with the DATA_DIR of the installation with these calls, or restore the file"
        " from a backup. If it is lost: the next cycle makes a new key, for calls read since then only."
    )


class DemoMissing(ConfigError):
    """Arguments: command."""

    happened = "There is no demo to continue for {0}."
    advice = "Run `python main.py demo` first."


class AuthoritiesUnusable(ConfigError):
    """Arguments: host, variable, file, reason."""

    label = Label.CA_BUNDLE
    happened = (
        "Nothing was sent to {0}. This machine's variable {1} names the file of certificate authorities {2}. It"
        " cannot be used ({3})."
    )
    advice = "Correct {1} in the environment of the program, or remove it. {0} is not the cause."
