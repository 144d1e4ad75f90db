"""Files of calls, written batch by batch: CSV for spreadsheets, JSON, and Parquet."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from hashlib import sha256
from itertools import chain, repeat
from pathlib import Path
from stat import S_IMODE
from tempfile import TemporaryFile
from typing import BinaryIO

import pyarrow as pa
from pyarrow import csv
from pyarrow import parquet as pq

from errors import OptionRefused
from extracts.json_texts import render_objects
from extracts.spreadsheets import prepare_batch, prepare_schema
from utils import replace_durably, utc_now

SIGNATURE = b"\xef\xbb\xbf"
"""Begins a text in UTF-8. Without it Excel takes the bytes for another encoding."""
LEFTOVER_AGE = timedelta(minutes=10)
"""Time without a write after which a half written file belongs to no command any more."""
Write = Callable[[pa.RecordBatch], None]


@contextmanager
def write_csv(file: BinaryIO, schema: pa.Schema) -> Iterator[Write]:
    """Write lines for a spreadsheet: a header, quoted texts without formulas, times of whole seconds."""
    file.write(SIGNATURE)
    with csv.CSVWriter(file, prepare_schema(schema)) as writer:
        yield lambda batch: writer.write_batch(prepare_batch(batch))


@contextmanager
def write_json(file: BinaryIO, _schema: pa.Schema) -> Iterator[Write]:
    """Write one array with an object per line. The lines can be read one by one."""
    separators = chain(["\n"], repeat(",\n"))

    def write(batch: pa.RecordBatch) -> None:
        file.write((next(separators) + ",\n".join(render_objects(batch))).encode())

    file.write(b"[")
    yield write
    file.write(b"\n]\n")


@contextmanager
def write_parquet(file: BinaryIO, schema: pa.Schema) -> Iterator[Write]:
    """Write a row group per batch, with all types."""
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        yield writer.write_batch


FORMATS: dict[str, Callable[[BinaryIO, pa.Schema], AbstractContextManager[Write]]] = {
    "csv": write_csv, "json": write_json, "parquet": write_parquet,
}  # fmt: skip


def write_calls(batches: Iterator[pa.RecordBatch], form: str, file: BinaryIO) -> int:
    """Write calls in one of FORMATS, and return their number.

    Args:
        batches: at least one, which may be empty.
        form: a key of FORMATS.
        file: open at its start.
    """
    first, count = next(batches), 0
    with FORMATS[form](file, first.schema) as write:
        for batch in chain([first], batches):
            if batch.num_rows:
                write(batch)
                count += batch.num_rows
    return count


def check_place(path: Path) -> Path:
    """Return the whole path of a file to write. Try its folder with a file that is removed at once.

    What killed commands left half written of the same file is removed.

    Raises:
        OptionRefused: no file can be written there.
    """
    with _refuse_errors(path):
        target = path.resolve()
        if target.exists() and not target.is_file():
            raise OptionRefused(f"--output {path} is no file.", "Name a file.")
        if not target.parent.is_dir():
            raise OptionRefused(
                f"--output {path} has no folder: {target.parent} is missing.", "Make this folder first."
            )
        with TemporaryFile(dir=target.parent):
            _remove_leftovers(target)
            return target


@contextmanager
def replace_output(path: Path) -> Iterator[BinaryIO]:
    """Write a file, and put it in place as a whole at the end of the block. Keep the rights of a file there.

    Raises:
        OptionRefused: it cannot be written there. What was there is unchanged.
    """
    target = check_place(path)
    with _refuse_errors(path):
        mode = S_IMODE(target.stat().st_mode) if target.exists() else None
        with replace_durably(target, prefix=_prefix_of(target)) as file:
            yield file
        if mode is not None:
            target.chmod(mode)


def _prefix_of(target: Path) -> str:
    """Return the beginning of the names of half written files for this target, short enough for any target."""
    return f".calls-{sha256(os.fsencode(target.name)).hexdigest()[:16]}-"


def _remove_leftovers(target: Path) -> None:
    ended = (utc_now() - LEFTOVER_AGE).timestamp()
    for path in target.parent.glob(f"{_prefix_of(target)}*.tmp"):
        with suppress(OSError):  # another command may be done with it, or it belongs to somebody else
            if path.stat().st_mtime < ended:
                path.unlink()


@contextmanager
def _refuse_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise OptionRefused(
            f"{path} was not written: {reason}.", "Name another place, or repair this one. Nothing there has changed."
        ) from None
