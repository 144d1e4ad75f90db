"""`main.py forget PHONE`: erases a person's number, now and in everything that is read later."""

import sys

import click

from commands.runs import forgotten_numbers
from commands.sessions import EXIT_CODES, Session, warehouse_for_writing
from config import Settings
from database import Warehouse
from errors import OptionInvalid, PhoneKeyLost, PhoneKeyMissing
from spools.phones import KEY_FILE, PhoneKey, digits_of, make_key
from tables import PHONE_PUNCTUATION
from utils import plural, utc_now

SHORTEST, LONGEST = 7, 18


def forget(warehouse: Warehouse, settings: Settings, phone: str) -> dict[str, int]:
    """Rows changed by table; a number that was forgotten before is looked for again."""
    digits = digits_of(phone)
    if set(phone) - set(PHONE_PUNCTUATION) != set(digits) or not SHORTEST <= len(digits) <= LONGEST:
        allowed = f"a number of {SHORTEST} to {LONGEST} digits, as the dialer shows it, or - to read it from stdin"
        raise OptionInvalid("forget", "PHONE", allowed)
    return warehouse.forget(_key(warehouse, settings).forms(digits, settings), utc_now())


def _key(warehouse: Warehouse, settings: Settings) -> PhoneKey:
    """The key of the numbers in the tables; it is made only where nothing can have been stored under another one.

    Raises:
        PhoneKeyMissing: a key made now would find no call, and lock out the installation that has the right one.
        PhoneKeyLost: numbers were forgotten with another key.
    """
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        if warehouse.forgotten():
            raise PhoneKeyLost(path)
        if settings.phone_mode == "hash" and _has_read(warehouse):
            raise PhoneKeyMissing(path)
    forgotten_numbers(warehouse, settings)
    make_key(settings.data_dir)
    return PhoneKey(settings.data_dir)


def _has_read(warehouse: Warehouse) -> bool:
    """Whether any run has stored calls; a backfill leaves no watermark."""
    return bool(warehouse.watermarks() or warehouse.overview(utc_now()).runs)


@click.command("forget", epilog=f"""\b
Examples:
  python main.py forget 5551234567
  python main.py forget - < number.txt      so that it stands in no shell history and no list of processes

Takes the digits as the dialer shows them: with the leading country code and without it are two numbers.
On a terminal it asks once, unless --yes is given.
Stop the daemon first: it holds the warehouse. docs/security.md tells what is erased, and what cannot be.

{EXIT_CODES}

Environment: as for the daemon (docs/settings.md), above all WAREHOUSE, DATA_DIR, DUCKDB_PATH, DUCKDB_READ_COPY and
PHONE_MODE.
""")  # fmt: skip
@click.argument("phone")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def forget_command(session: Session, phone: str, yes: bool) -> None:
    """Erase a phone number and the lead's data beside it, and never store it again."""
    if phone == "-":
        phone = sys.stdin.readline().strip()
    elif sys.stdin.isatty() and not yes:
        question = "What is erased cannot be brought back by this program. Go on?"
        if not click.confirm(question):
            click.echo("Nothing was erased.")
            return
    settings = session.settings()
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
