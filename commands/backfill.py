"""`main.py backfill`: reads whole past days of the dialers again."""

from datetime import datetime

import click

from commands.help_texts import help_epilog
from commands.sessions import Session, show, warehouse_for_writing
from engine.backfills import BackfillChoice, run_backfill
from errors import OptionInvalid

DAY = click.DateTime(["%Y-%m-%d"])


@click.command(
    epilog=help_epilog(
        """
backfill --from 2026-01-01 --to 2026-01-31
backfill --from 2026-01-15 --to 2026-01-15 --campaign Campaign1 --client "Example Ltd"
""",
        remarks="After an interruption, the same command continues. After a finished backfill, it starts over.",
        settings="Environment: as for the daemon (docs/settings.md), above all MAX_CAMPAIGN_PROCESSES, PROCESS_TIMEOUT"
        " and DUCKDB_PATH.",
    )
)
@click.option("--from", "first", type=DAY, metavar="YYYY-MM-DD", required=True, help="First local day.")
@click.option("--to", "last", type=DAY, metavar="YYYY-MM-DD", required=True, help="Last local day, inclusive.")
@click.option("--campaign", help="Read only this campaign.")
@click.option("--client", help="Read only this client, by ClientName or ClientID.")
@click.pass_obj
def backfill(session: Session, first: datetime, last: datetime, campaign: str | None, client: str | None) -> None:
    """Read whole past days of the dialers again."""
    if last < first:
        raise OptionInvalid("--to", f"{last:%Y-%m-%d}", f"{first:%Y-%m-%d} (--from) or later")
    choice = BackfillChoice(first=first.date(), last=last.date(), campaign=campaign, client=client)
    settings = session.begin()
    with warehouse_for_writing(settings, session.stop) as warehouse:
        run = run_backfill(warehouse, settings, session.stop, choice)
    show(run)
    session.exit(run)
