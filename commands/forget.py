"""`main.py forget PHONE`: erases a person's number, now and in everything that is read later."""

import sys

import click

from commands.sessions import EXIT_CODES, Session, warehouse_for_writing
from config import Settings
from database import Warehouse
from errors import OptionInvalid
from spools.phones import PhoneKey, digits_of, make_key
from tables import PHONE_PUNCTUATION
from utils import plural, utc_now

SHORTEST, LONGEST = 7, 18


def forget(warehouse: Warehouse, settings: Settings, phone: str) -> dict[str, int]:
    """Rows changed by table; a number that was forgotten before is looked for again."""
    digits = digits_of(phone)
    if set(phone) - set(PHONE_PUNCTUATION) != set(digits) or not SHORTEST <= len(digits) <= LONGEST:
        allowed = f"a number of {SHORTEST} to {LONGEST} digits, as the dialer shows it, or - to read it from stdin"
        raise OptionInvalid("forget", "PHONE", allowed)
    make_key(settings.data_dir)
    return warehouse.forget(PhoneKey(settings.data_dir).forms(digits, settings), utc_now())


@click.command("forget", epilog=f"""\b
Examples:
  python main.py forget 5551234567
  python main.py forget - < number.txt      so that it stands in no shell history and no list of processes

Takes the digits as the dialer shows them: with the leading country code and without it are two numbers.
Stop the daemon first: it holds the warehouse. docs/security.md tells what is erased, and what cannot be.

{EXIT_CODES}

Environment: as for the daemon (docs/settings.md), above all WAREHOUSE, DATA_DIR, DUCKDB_PATH, DUCKDB_READ_COPY and
PHONE_MODE.
""")  # fmt: skip
@click.argument("phone")
@click.pass_obj
def forget_command(session: Session, phone: str) -> None:
    """Erase a phone number and the lead's data beside it, and never store it again."""
    if phone == "-":
        phone = sys.stdin.readline().strip()
    settings = session.settings()
    with warehouse_for_writing(settings, session.stop) as warehouse:
        counts = forget(warehouse, settings, phone)
    click.echo(
        f"Forgotten: {plural(counts['calls'], 'call')} without number and lead now,"
        f" {plural(counts['quarantine'], 'record')} deleted from the quarantine; it is not stored again"
    )
    session.exit()
