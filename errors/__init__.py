"""Errors, grouped by the reaction of the caller. Each class says what happened and what to do.

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

from errors.branches import *  # noqa: F403 - callers import every error from the room itself
from errors.clients import *  # noqa: F403 - callers import every error from the room itself
from errors.configuration import *  # noqa: F403 - callers import every error from the room itself
from errors.labels import *  # noqa: F403 - callers import every error from the room itself
from errors.notices import *  # noqa: F403 - callers import every error from the room itself
from errors.transient import *  # noqa: F403 - callers import every error from the room itself
from errors.translation import *  # noqa: F403 - callers import every error from the room itself
from errors.warehouses import *  # noqa: F403 - callers import every error from the room itself
from errors.workers import *  # noqa: F403 - callers import every error from the room itself
