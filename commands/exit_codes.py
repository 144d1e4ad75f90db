"""Exit codes of every command."""

from errors import ConfigError, SyncError, WarehouseError, WarehouseHeld

ALL_WELL, SOME_FAILED, CONFIGURATION, UNUSABLE, HELD = range(5)
EXIT_CODES = """\b
Exit codes of all commands:
  0    all well (also with records in quarantine)
  1    a client or campaign failed, a window is suspect, or a row has the wrong time zone (all read windows are
       committed)
  2    configuration, missing rights on the warehouse, or no campaigns found
  3    warehouse or DATA_DIR unusable
  4    another daemon holds this warehouse
  130  interrupted by Ctrl+C
  143  ended by SIGTERM"""


def exit_code_of(error: SyncError) -> int:
    if isinstance(error, WarehouseHeld):
        return HELD
    if isinstance(error, WarehouseError):
        return UNUSABLE
    return CONFIGURATION if isinstance(error, ConfigError) else SOME_FAILED
