"""Branches of the error tree, by the reaction of the caller."""

from typing import ClassVar

from errors.labels import Label
from errors.notices import Notice


class SyncError(Exception):
    """Root of the errors of this program."""

    happened: ClassVar[str] = "{0}"
    advice: ClassVar[str] = ""
    label: ClassVar[Label] = Label.FAILED
    """Label for the summary, the tables and `status`."""

    @property
    def notice(self) -> Notice:
        """The texts with the arguments of this error."""
        return Notice(self.happened.format(*self.args), self.advice.format(*self.args))

    def __str__(self) -> str:
        return str(self.notice)


class ConfigError(SyncError):
    """Stop: nothing can run until the operator edits a setting."""

    label = Label.CONFIGURATION


class ClientError(SyncError):
    """Skip this client until its credentials row, or its account on the dialer, is changed."""


class TransientError(SyncError):
    """Try again later. The next cycle asks from the same watermark."""

    label = Label.DIALER_UNAVAILABLE


class SuspectData(SyncError):
    """An answer with fewer calls than before, different at each read. It is read again before it is believed.

    Arguments: problem.
    """

    label = Label.SUSPECT_WINDOW


class WarehouseError(SyncError):
    """The commit did not happen. Its windows count as unread, and the next cycle asks for them again."""

    label = Label.WAREHOUSE


class WarehouseHeld(SyncError):
    """Arguments: holder. Another daemon works on this warehouse."""

    label = Label.WAREHOUSE_HELD
    happened = "Another run holds this warehouse: {0}."
    advice = "Wait for its end, or stop it. Then start again."
