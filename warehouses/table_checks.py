"""What both warehouses look for in a table that was there before."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from tables import CLASSIC, CREDENTIALS
from utils import squeezed

NEEDED = tuple(column.name for column in CREDENTIALS.columns if column.required)

NEW_CALLS = (
    "%s is new and gets what is read from now on; the watermarks say that earlier calls have been read. To have them"
    " here too: python main.py backfill --from D --to D"
)


def wrong_with_credentials(columns: Iterable[str]) -> list[str]:
    """An operator's own table will do if each column that is needed is there once, in any spelling."""
    spellings = Counter(squeezed(column) for column in columns)
    ours = [column.name for column in CREDENTIALS.columns]
    missing = [name for name in NEEDED if squeezed(name) not in spellings]
    wrong = [f"it lacks {', '.join(missing)}"] if missing else []
    return wrong + [f"it has {name} twice" for name in ours if spellings[squeezed(name)] > 1]


def without_column(rows: Sequence[Mapping[str, str | None]], columns: Collection[str]) -> list[str]:
    """Our columns that an operator's own table lacks although a row has a value for it.

    Without its time zone, for one, a client's calls would be wrong.
    """
    ours = [column.name for column in CREDENTIALS.columns if column.name not in columns]
    return [name for name in ours if any(row.get(name) for row in rows)]


def is_of_old_shape(columns: Iterable[str]) -> bool:
    """Whether a table of calls is one that an older program filled, by its columns."""
    found = {squeezed(column) for column in columns}
    return "callkey" not in found and {"calltime", "hashvalue"} <= found


def classic_query(calls: str) -> str:
    """The view that shows a calls table of quoted name under the old names.

    It has no call_date, so that it must name the days itself where a query has to: all of them.
    """
    columns = ", ".join(f"{column} AS {name}" for name, column in CLASSIC.items())
    return f"SELECT {columns} FROM {calls} WHERE call_date >= DATE '1970-01-01'"
