"""`main.py forget PHONE`: erases a person's number, now and in everything that is read later."""

import sys

import click

from commands.help_texts import help_epilog
from commands.sessions import Session, warehouse_for_writing
from config import Settings
from database import Warehouse
from engine.run_starts import read_forgotten_numbers
from errors import OptionInvalid, PhoneKeyLost, PhoneKeyMissing
from spool.phones import KEY_FILE, PhoneKey, digits_of, make_phone_key
from tables import PHONE_PUNCTUATION
from utils import plural, utc_now

SHORTEST, LONGEST = 7, 18
QUESTION = (
    "The number and the data of its lead are erased. They come back only if the row of the number in the table"
    " forgotten is deleted, and a backfill reads its days while the dialer still has the calls. Go on?"
)


def forget(warehouse: Warehouse, settings: Settings, phone: str) -> dict[str, int]:
    """Erase a phone number from the tables, and return the number of changed rows by table.

    A number that was forgotten before is looked for again.
    """
    digits = digits_of(phone)
    if set(phone) - set(PHONE_PUNCTUATION) != set(digits) or not SHORTEST <= len(digits) <= LONGEST:
        allowed = f"a number of {SHORTEST} to {LONGEST} digits, as the dialer shows it, or - to read it from stdin"
        raise OptionInvalid("forget", "PHONE", allowed)
    return warehouse.forget(_load_key(warehouse, settings).forms(digits, settings), utc_now())


def _load_key(warehouse: Warehouse, settings: Settings) -> PhoneKey:
    """Return the key of the numbers in the tables. Make one only if nothing can have been stored under another.

    Raises:
        PhoneKeyMissing: a key made now would find no call, and lock out the installation that has the right one.
        PhoneKeyLost: numbers were forgotten with another key.
    """
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        if warehouse.reader.forgotten_numbers():
            raise PhoneKeyLost(path)
        if settings.phone_mode == "hash" and _has_stored_calls(warehouse):
            raise PhoneKeyMissing(path)
    read_forgotten_numbers(warehouse, settings)
    make_phone_key(settings.data_dir)
    return PhoneKey(settings.data_dir)


def _has_stored_calls(warehouse: Warehouse) -> bool:
    """Tell whether any run has stored calls. A backfill leaves no watermark."""
    return bool(warehouse.reader.watermarks() or warehouse.reader.overview(utc_now()).runs)


@click.command(
    "forget",
    epilog=help_epilog(
        """
forget 5551234567
forget - < number.txt      keep the number out of shell history and process list
""",
        remarks="""Use the digits shown by the dialer. A number with country code and one without are two numbers.
On a terminal it asks once, unless --yes is given. Without a terminal, as in a script, it does not ask.
Stop the daemon first: it holds the warehouse. docs/security.md lists the effect and its limits.""",
        settings="""Environment: as for the daemon (docs/settings.md), above all WAREHOUSE, DATA_DIR, DUCKDB_PATH,
DUCKDB_READ_COPY and PHONE_MODE.""",
    ),
)
@click.argument("phone")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def forget_command(session: Session, phone: str, yes: bool) -> None:
    """Erase a phone number and the lead's data beside it.

    The number is never stored again.
    """
    if phone == "-":
        phone = sys.stdin.readline().strip()
    elif sys.stdin.isatty() and not yes and not click.confirm(QUESTION):
        click.echo("Nothing was erased.")
        return
    settings = session.begin()
    with warehouse_for_writing(settings, session.stop) as warehouse:
        counts = forget(warehouse, settings, phone)
    click.echo(
        f"Forgotten: {plural(counts['calls'], 'call')} without number and lead now,"
        f" {plural(counts['quarantine'], 'record')} deleted from the quarantine; it is not stored again"
        " (docs/security.md tells how that is ended)"
    )
    if not counts["forgotten"]:
        click.echo("It had been forgotten before.")
    elif not counts["calls"] and not counts["quarantine"]:
        click.echo("Nothing was stored under that number: is it written as the dialer shows it, country code and all?")
    session.exit()
