"""Entry point: the commands, and one cycle read top to bottom."""

import signal
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the one clear line that an older Python gets
    sys.stderr.write("This program needs Python 3.11 or newer; this is %d.%d.\n" % sys.version_info[:2])  # noqa: UP031
    sys.exit(2)
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until a command takes it: Ctrl+C needs no traceback of imports

import logging
import os
import threading
from contextlib import redirect_stdout
from datetime import datetime
from pathlib import Path

import click

from commands.backfill import run_backfill
from commands.checks import closing_line, exit_code, findings, report, row
from commands.clients import clients
from commands.daemon import run_daemon
from commands.demo import closing_lines, demo_settings, fresh_stage, run_demo, stage_moved_on
from commands.dialer_checks import Choice
from commands.folders import OTHERS
from commands.forget import forget_command
from commands.progress import Progress
from commands.quarantine import quarantine
from commands.retention import delete_old
from commands.runs import Run, RunResult, campaign_names, ended, new_run_id, read_history
from commands.sessions import EXIT_CODES, Session, exit_code_of, show, show_unforeseen, warehouse_for_writing
from commands.status import status_command
from commands.summaries import marks
from commands.unread import unusable_rows, without_refused, without_resting
from config import SETTINGS, Settings
from credentials.rows import usable_credentials
from database import Warehouse
from errors import NoCampaigns, OptionInvalid, SyncError
from messages import Finding
from schedules.plans import group_by_campaign, plan_cycle
from schedules.troubles import Troubles, set_apart
from utils import plural, utc_now

LOG = logging.getLogger("main")
DAY = click.DateTime(["%Y-%m-%d"])


def run_cycle(warehouse: Warehouse, settings: Settings, now: datetime, stop: threading.Event) -> RunResult:
    """Read every campaign once, each in its own worker; a failure stays with its client or campaign.

    Raises:
        NoCampaigns: the credentials table has no row that is switched on.
        WarehouseError: nothing more could be committed; what was not is read again by the next cycle.
    """
    started = utc_now()
    warehouse.patient_until = started + settings.cycle_interval
    usable, skipped = usable_credentials(warehouse.credential_rows(), settings)
    names = campaign_names(usable, skipped)
    if not names:
        raise NoCampaigns(warehouse.describe())
    LOG.info("Found %s to process", plural(len(names), "campaign"))
    sources, refused = without_refused(warehouse, usable, usable)
    unusable, harmless = unusable_rows(skipped)
    troubles = Troubles.read(settings.data_dir)
    sources, resting = without_resting(troubles, sources, settings, now)
    history = read_history(warehouse, sources, settings, now)
    run_id = new_run_id(now)
    jobs = plan_cycle(group_by_campaign(sources), history, settings, now, run_id)
    with Progress() as progress:
        run = Run(
            run_id, now, warehouse, settings, sources, history, stop, progress, clock_shift=now - started,
            unread=[*refused, *resting, *unusable], troubles=troubles,
        )  # fmt: skip
        results = tuple(run.results(set_apart(jobs, troubles, settings.cycle_interval, now)))
    if not stop.is_set():
        troubles.settle({source.origin for source in usable}, now)
        delete_old(warehouse, settings, now, results)
    billed = ended(run, utc_now() - started)
    return RunResult(run_id, now, utc_now() - started, names, results, harmless, billed)


@click.group(invoke_without_command=True, epilog=f"""\b
Examples:
  python main.py                       the daemon: a cycle now, then one every 15 minutes
  python main.py --single              one cycle, then exit
  python main.py demo                  watch it work, without any account
  python main.py check                 settings, warehouse and every client, and what to do about what is wrong
  python main.py clients import clients.csv
  python main.py status                how far each client has been read, and what is in the way
  python main.py backfill --from 2026-01-01 --to 2026-01-31

{EXIT_CODES}

Settings come from config.py, .env and these environment variables (docs/settings.md):
{", ".join(setting.name for setting in SETTINGS)}.
""")  # fmt: skip
@click.option("--single", is_flag=True, help="Run one cycle and exit.")
@click.pass_context
def cli(context: click.Context, single: bool) -> None:
    """Brings every call of your VICIdial dialers, with its final disposition, into one warehouse table."""
    session: Session = context.obj
    if context.invoked_subcommand is not None:
        if single:
            raise click.UsageError("--single goes without a command")
        return
    settings = session.settings()
    with warehouse_for_writing(settings, session.stop) as warehouse:

        def cycle(now: datetime) -> RunResult:
            LOG.info("Starting multiprocess campaign processing")
            run = run_cycle(warehouse, settings, now, session.stop)
            show(run)
            return run

        if single:
            session.exit(cycle(utc_now()))
        run_daemon(cycle, settings, session.stop)
    session.exit()


@cli.command(epilog=f"""\b
Examples:
  python main.py demo            a new demonstration, in the folder demo-data beside main.py
  python main.py demo --again    the same dialers fifteen minutes later, into the same file

{EXIT_CODES}

Needs no configuration and reads none.
""")  # fmt: skip
@click.option("--again", is_flag=True, help="Go on with the last demo, fifteen simulated minutes later.")
@click.pass_obj
def demo(session: Session, again: bool) -> None:
    """Watch eight campaigns being read from simulated dialers; needs no account."""
    folder = Path(__file__).resolve().parent / "demo-data"
    settings = demo_settings(folder)
    session.take_signals(settings)
    stage = stage_moved_on(folder) if again else fresh_stage(folder)
    with warehouse_for_writing(settings, session.stop) as warehouse:
        show(run_demo(run_cycle, warehouse, settings, stage, session.stop))
    click.echo(closing_lines(settings))
    session.exit()


@cli.command(epilog=f"""\b
Examples:
  python main.py backfill --from 2026-01-01 --to 2026-01-31
  python main.py backfill --from 2026-01-15 --to 2026-01-15 --campaign Campaign1 --client "Example Ltd"

Killed half way, the same command goes on where it stopped; a finished one starts over.

{EXIT_CODES}

Environment: as for the daemon (docs/settings.md), above all MAX_CAMPAIGN_PROCESSES, PROCESS_TIMEOUT and DUCKDB_PATH.
""")  # fmt: skip
@click.option("--from", "first", type=DAY, metavar="YYYY-MM-DD", required=True, help="First local day.")
@click.option("--to", "last", type=DAY, metavar="YYYY-MM-DD", required=True, help="Last local day, inclusive.")
@click.option("--campaign", help="Only this campaign.")
@click.option("--client", help="Only this client, by ClientName or ClientID.")
@click.pass_obj
def backfill(session: Session, first: datetime, last: datetime, campaign: str | None, client: str | None) -> None:
    """Read whole past days of the dialers again."""
    if last < first:
        raise OptionInvalid("--to", f"{last:%Y-%m-%d}", f"{first:%Y-%m-%d} (--from) or later")
    settings = session.settings()
    with warehouse_for_writing(settings, session.stop) as warehouse:
        run = run_backfill(
            warehouse, settings, utc_now(), session.stop,
            first=first.date(), last=last.date(), campaign=campaign, client=client,
        )  # fmt: skip
    show(run)
    session.exit(run)


@cli.command(epilog=f"""\b
Examples:
  python main.py check
  python main.py check --client "Example Ltd"
  python main.py check --client "Example Ltd" --retry     also what its dialer refused before
  python main.py check --json > check.json

The tables stay as they are: what it writes is taken back. An account that its dialer refuses is tried once, and that
is noted in DATA_DIR, as by a cycle. Somebody else may hold the warehouse meanwhile.

{EXIT_CODES}

Environment: as for the daemon (docs/settings.md), above all WAREHOUSE, DATA_DIR, DUCKDB_PATH, PROJECT_ID, DATASET_ID,
CREDENTIALS_TABLE, OUTPUT_TABLE, SERVICE_ACCOUNT_PATH and CONCURRENT_REQUESTS.
""")  # fmt: skip
@click.option("--campaign", help="Of the clients, try only those of this campaign.")
@click.option("--client", help="Of the clients, try only this one, by ClientName or ClientID.")
@click.option("--retry", is_flag=True, help="With --client: try its refused passwords once more.")
@click.option("--json", "for_programs", is_flag=True, help="One JSON object on stdout; the log goes to stderr.")
@click.pass_obj
def check(session: Session, campaign: str | None, client: str | None, retry: bool, for_programs: bool) -> None:
    """Try settings, warehouse, every right it needs, and every client; each that fails says what to do."""
    settings = session.settings()
    choice = Choice(campaign=campaign, client=client, retry=retry)
    found: list[Finding] = []
    if for_programs:
        with redirect_stdout(sys.stderr):
            found += findings(settings, choice, session.stop)
        click.echo(report(settings, found))
    else:
        click.echo("\n".join([*settings.lines(), ""]))
        tick, cross = marks()
        for each in findings(settings, choice, session.stop):
            found.append(each)
            click.echo(row(each, tick=tick, cross=cross))
        if not session.stop.is_set():
            click.echo(f"\n{closing_line(found)}")
    sys.exit(session.interrupted_code or exit_code(found))


cli.add_command(clients)
cli.add_command(quarantine)
cli.add_command(status_command)
cli.add_command(forget_command)


def main() -> None:
    """Run the command line; every error becomes one clear line and its exit code."""
    os.umask(OTHERS)
    session = Session()
    try:
        cli.main(standalone_mode=False, obj=session)
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except click.Abort:
        sys.exit(128 + signal.SIGINT)
    except SyncError as exc:
        click.echo(f"Error: {exc}", err=True)
        sys.exit(session.interrupted_code or exit_code_of(exc))
    except Exception as exc:
        if not session.interrupted_code:
            raise
        show_unforeseen(exc)  # the process ends before Python would print it
    finally:
        session.end_if_asked()


if __name__ == "__main__":
    main()
