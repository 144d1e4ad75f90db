"""`main.py calls`: shows the calls of a day, or writes them to a file."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stdout
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import BinaryIO, TypeVar

import click
import pyarrow as pa

from commands.call_tables import READ, rest_line, table_lines
from commands.help_texts import help_epilog
from commands.sessions import Session
from config import Settings
from database import Warehouse, WarehouseReader, open_for_reading
from errors import OptionInvalid, OptionRefused, raise_disk_full
from extracts.absences import explain_absence
from extracts.choices import Extract, choose_calls
from extracts.files import FORMATS, check_place, replace_output, write_calls
from shutdown import Stop
from utils import plural, utc_now

DAY = click.DateTime(["%Y-%m-%d"])
TABLE, SHOWN = "table", 20
T = TypeVar("T")


@click.command(
    "calls",
    epilog=help_epilog(
        """
calls
calls --day 2026-01-15 --client "Example Ltd"
calls --day 2026-01-15 --output calls.csv
calls --from 2026-01-01 --to 2026-01-31 --campaign Campaign1 --output january.parquet
calls --day 2026-01-15 --format json | jq ".[].status"
""",
        remarks="""Days are local days of the dialers. Numbers have the form of PHONE_MODE, and nothing else is hidden.

csv is for spreadsheets: UTF-8 with a signature, times in whole seconds (those of call_time, first_seen_at and
updated_at in UTC), and an apostrophe before a text that could become a formula, such as +49 30 1234. json (one array,
a call per line) and parquet have the exact values.

No dialer is asked. The daemon may run meanwhile. BigQuery bills all columns of the named days, and without a day also
those of the choice for 31 days. The exit code is 0 without calls, too, but 2 if none of the days was read.""",
        settings="""Environment: WAREHOUSE, DUCKDB_PATH, DATA_DIR, PROJECT_ID, SERVICE_ACCOUNT_PATH and DATASET_ID
(docs/settings.md).""",
    ),
)
@click.option("--day", type=DAY, metavar="YYYY-MM-DD", help="Local day. By default the newest day with calls.")
@click.option("--from", "first", type=DAY, metavar="YYYY-MM-DD", help="First local day.")
@click.option("--to", "last", type=DAY, metavar="YYYY-MM-DD", help="Last local day, inclusive.")
@click.option("--client", help="Show only this client, by ClientName or ClientID.")
@click.option(
    "--campaign",
    help="Show only this campaign of the credentials table. VICIdial's own campaigns and in-groups are columns.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([TABLE, *FORMATS]),
    help="table, csv, json or parquet. By default the ending of --output, or else table.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to this file, and replace it as a whole if it is there.",
)
@click.option("--limit", type=click.IntRange(min=1), help=f"Calls in the table at most. [default: {SHOWN}]")
@click.pass_obj
def calls_command(
    session: Session,
    *,
    day: datetime | None,
    first: datetime | None,
    last: datetime | None,
    client: str | None,
    campaign: str | None,
    form: str | None,
    output: Path | None,
    limit: int | None,
) -> None:
    """Show the calls of a day, or write them to a file."""
    form = choose_format(form, output, limit)
    begin, end = choose_days(day, first, last)
    settings, now = session.begin(), utc_now()
    choose = partial(choose_calls, now=now, first=begin, last=end, client=client, campaign=campaign)
    if form == TABLE:
        width, encoding = _terminal_width(), sys.stdout.encoding or "ascii"
        with _reading(settings, session.stop) as warehouse:
            extract = choose(warehouse.reader)
            calls, rows = read_newest(warehouse.reader, extract, limit or SHOWN)
            absence = "" if calls else explain_absence(warehouse, settings, extract, now)
        lines = table_lines(rows, one_day=extract.is_one_day, room=width, encoding=encoding)
        heading = f"Calls {extract.days}, newest first, in the dialer's time:"
        click.echo(absence or "\n".join([heading, *lines, rest_line(len(rows), calls)]))
        session.exit()
    if output:
        check_place(output)  # before BigQuery bills anything
    stdout = sys.stdout.buffer
    with _reading(settings, session.stop) as warehouse:
        extract = choose(warehouse.reader)
        with closing(warehouse.reader.calls(extract.choice)) as found:
            batches = pass_until_stop(found, session.stop)
            first_batch = next(batches)  # comes after the sort, and nothing is left behind by an end before it
            with open_target(output, settings.data_dir, stdout) as file:
                calls = write_calls(chain([first_batch], batches), form, file)
                sentence = _sum_up(extract, calls) if calls else explain_absence(warehouse, settings, extract, now)
    click.echo(f"{sentence} Written to {output}." if output else sentence, err=True)
    session.exit()


def read_newest(reader: WarehouseReader, extract: Extract, limit: int) -> tuple[int, list[dict[str, object]]]:
    """Return the number of all chosen calls, and the newest of them."""
    calls = sum(reader.call_days(extract.choice).values()) if extract.calls is None else extract.calls
    if not calls:
        return 0, []
    with closing(reader.calls(replace(extract.choice, columns=READ, newest=limit))) as batches:
        rows: list[dict[str, object]] = pa.Table.from_batches(batches).to_pylist()
    return max(calls, len(rows)), rows


def _terminal_width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _sum_up(extract: Extract, calls: int) -> str:
    return f"{plural(calls, 'call')} {extract.days}."


def choose_days(day: datetime | None, first: datetime | None, last: datetime | None) -> tuple[date | None, date | None]:
    """Return the first and the last day. None stands for the newest day with calls."""
    if day and (first or last):
        raise OptionRefused("--day names one day, and --from and --to several.", "Leave one of the two out.")
    if (first is None) != (last is None):
        raise OptionRefused("--from and --to belong together.", "Name both, or one day with --day.")
    begin, end = day or first, day or last
    return begin and begin.date(), end and end.date()


def choose_format(form: str | None, output: Path | None, limit: int | None) -> str:
    """Return the format. An option that it cannot have is refused."""
    ending = output.suffix.lower().removeprefix(".") if output else TABLE
    form = form or ending
    if form not in (TABLE, *FORMATS):
        allowed = "a name that ends in .csv, .json or .parquet, or any name together with --format"
        raise OptionInvalid("--output", f"{output}", allowed)
    if form == TABLE and output:
        raise OptionRefused("A table is for the terminal.", "Leave --output out, or add --format csv.")
    if form != TABLE and limit:
        raise OptionRefused("--limit is for the table. Other formats have all calls.", "Leave --limit out.")
    if form == "parquet" and not output and sys.stdout.isatty():
        raise OptionRefused("Parquet is no text for a terminal.", "Add --output calls.parquet.")
    return form


@contextmanager
def _reading(settings: Settings, stop: Stop) -> Iterator[Warehouse]:
    """Open the warehouse. The log goes to stderr meanwhile, since stdout is for calls."""
    with redirect_stdout(sys.stderr), closing(open_for_reading(settings, stop)) as warehouse:
        yield warehouse


@contextmanager
def open_target(output: Path | None, data_dir: Path, stdout: BinaryIO) -> Iterator[BinaryIO]:
    """Open the file to write. Without one, write to stdout after the block, when the warehouse has been read.

    A reader of stdout may be slow, and the daemon could not commit to a DuckDB file that is open for so long.

    Raises:
        DiskFull: the calls for stdout have no room on the way.
        ClickException: stdout cannot be written to.
    """
    if output:
        with replace_output(output) as file:
            yield file
        return
    folder = data_dir if data_dir.is_dir() else Path(gettempdir())
    with raise_disk_full(folder), TemporaryFile(dir=folder) as file:
        yield file
        file.seek(0)
        try:
            shutil.copyfileobj(file, stdout)
            stdout.flush()
        except OSError as exc:
            reason = exc.strerror or type(exc).__name__
            raise click.ClickException(f"standard output cannot be written to: {reason}.") from None


def pass_until_stop(batches: Iterator[T], stop: Stop) -> Iterator[T]:
    """Pass batches on until Ctrl+C or SIGTERM."""
    for batch in batches:
        if stop.is_set():
            raise click.Abort
        yield batch
