"""Data frames with Arrow-backed types, for processing of rows that is added here. pandas is imported with the first."""

from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd


Frame: TypeAlias = "pd.DataFrame"


def frame_of(table: pa.Table) -> Frame:
    """Return the columns of a table with their Arrow types. Nothing is converted, and an empty cell stays empty.

    Raises:
        MemoryError: pandas could not be loaded as a whole.
    """
    try:
        import pandas as pd  # noqa: PLC0415 - a worker that makes no data frame starts without it
    except (AttributeError, SystemError) as exc:  # its compiled parts swallow a failed allocation and then lack names
        raise MemoryError from exc

    found: Frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return found


def table_of(frame: Frame) -> pa.Table:
    """Return the columns of a frame as a table. Everything else works on tables."""
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
