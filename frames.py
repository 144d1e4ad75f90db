"""The data frames that readers hand to the spool; pandas is imported when the first one is made.

The parent and every command that reads no export never make one, and start without it.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd


Frame: TypeAlias = "pd.DataFrame"


def frame_of(table: pa.Table) -> Frame:
    """The same columns with Arrow's types, so that nothing is converted and an empty cell stays one.

    Raises:
        MemoryError: pandas could not be loaded as a whole.
    """
    try:
        import pandas as pd  # noqa: PLC0415 - see above
    except (AttributeError, SystemError) as exc:  # its compiled parts swallow a failed allocation, and lack names then
        raise MemoryError from exc

    found: Frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return found


def text_frame(columns: Mapping[str, Sequence[str]]) -> Frame:
    """Columns of texts, with their types although there may be no row."""
    return frame_of(pa.table({name: pa.array(texts, pa.string()) for name, texts in columns.items()}))
