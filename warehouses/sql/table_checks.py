"""Checks of tables that were there before, the same in both warehouses. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from tables import CLASSIC, CREDENTIALS
from utils import fold_name

NEEDED = tuple(column.name for column in CREDENTIALS.columns if column.required)

NEW_CALLS = (
    "%s is new and gets what is read from now on; the watermarks say that earlier calls have been read. To have them"
    " here too: python main.py backfill --from D --to D"
)

FOREIGN_VIEW = "%s is not of this program. It is left alone, so that the view of this name in docs/tables.md is missing"


def find_credentials_faults(columns: Iterable[str]) -> list[str]:
    """Return the faults of an operator's own table. It needs each required column once, in any spelling."""
    spellings = Counter(fold_name(column) for column in columns)
    ours = [column.name for column in CREDENTIALS.columns]
    missing = [name for name in NEEDED if fold_name(name) not in spellings]
    wrong = [f"it lacks {', '.join(missing)}"] if missing else []
    return wrong + [f"it has {name} twice" for name in ours if spellings[fold_name(name)] > 1]


def find_lost_columns(rows: Sequence[Mapping[str, str | None]], columns: Collection[str]) -> list[str]:
    """Return the columns missing in an operator's own table although a row has a value for them.

    A client's calls would be wrong without its time zone, for example.
    """
    ours = [column.name for column in CREDENTIALS.columns if column.name not in columns]
    return [name for name in ours if any(row.get(name) for row in rows)]


def is_of_old_shape(columns: Iterable[str]) -> bool:
    """Tell by its columns if an older program filled a table of calls."""
    found = {fold_name(column) for column in columns}
    return "callkey" not in found and {"calltime", "hashvalue"} <= found


def classic_query(calls: str) -> str:
    """Return the query of the view with the old column names. ``calls`` is the quoted name of the calls table.

    It names all days itself. The view has no call_date, and a query on the table may have to name its days.
    """
    columns = ", ".join(f"{column} AS {name}" for name, column in CLASSIC.items())
    return f"SELECT {columns} FROM {calls} WHERE call_date >= DATE '1970-01-01'"
