"""Entry point: one cycle from start to summary, and the commands."""

import gc
import signal
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the one clear line that an older Python gets
    sys.stderr.write("This program needs Python 3.11 or newer; this is %d.%d.\n" % sys.version_info[:2])  # noqa: UP031
    sys.exit(2)
if __name__ == "__main__":
    from standard_streams import replace_missing_streams

    replace_missing_streams()  # before any file is opened in their place
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until a command takes it: Ctrl+C needs no traceback of imports

if __name__ in ("__main__", "__mp_main__"):
    gc.disable()  # imports make many objects and no garbage: to look for it takes a fifteenth of a start

import logging
import os
import threading
from datetime import datetime
from pathlib import Path

import click

from campaign_processor import process_campaign
from commands.backfill import backfill
from commands.calls import calls_command
from commands.check import check
from commands.clients import clients
from commands.daemon import run_daemon
from commands.demo import closing_lines, demo_settings, open_stage
from commands.exit_codes import exit_code_of
from commands.forget import forget_command
from commands.help_texts import help_epilog
from commands.quarantine import quarantine
from commands.sessions import Session, show, show_unexpected, warehouse_for_writing
from commands.status import status_command
from config import SETTINGS, Settings
from database import Warehouse
from engine.cycles import start_cycle
from engine.data_folder import GROUP_AND_WORLD
from engine.host_backoff import HostBackoff
from engine.retention import delete_old
from engine.run_results import RunResult
from engine.runs import open_run
from errors import SyncError, build_file_error
from planning.plans import group_by_campaign, plan_cycle
from standard_streams import give_up_broken_streams
from utils import plural, utc_now

gc.enable()
LOG = logging.getLogger("main")


def run_cycle(warehouse: Warehouse, settings: Settings, now: datetime, stop: threading.Event) -> RunResult:
    """Read every campaign once, each in its own worker process. A failure stays with its client or campaign.

    Raises:
        NoCampaigns: the credentials table has no row that is switched on.
        WarehouseError: nothing more could be committed. The next cycle reads the rest again.
    """
    backoff = HostBackoff(settings.data_dir)
    start = start_cycle(warehouse, settings, backoff, now)
    LOG.info("Found %s to process", plural(len(start.campaigns), "campaign"))
    jobs = plan_cycle(group_by_campaign(start.sources), start.history, settings, now, start.facts)
    with open_run(start, warehouse, settings, stop) as run:
        for outcomes in run.outcomes(jobs, process_campaign):
            backoff.record(outcomes, start.origins)
            run.commit(outcomes)
    if not stop.is_set():
        backoff.save_cycle(start.origins.values(), now)
        delete_old(warehouse, settings, now, run.results)
    return run.end()


@click.group(
    invoke_without_command=True,
    epilog=help_epilog(
        """
                      run the daemon: a cycle now, then one every 15 minutes
--single              run one cycle and exit
demo                  show the program with simulated dialers, without any account
check                 test settings, warehouse, rights and every client
clients import clients.csv
status                show the progress and the failures of every client
backfill --from 2026-01-01 --to 2026-01-31
""",
        settings="Settings come from config.py, .env and these environment variables (docs/settings.md):\n"
        f"{', '.join(setting.name for setting in SETTINGS)}.",
    ),
)
@click.option("--single", is_flag=True, help="Run one cycle and exit.")
@click.pass_context
def cli(context: click.Context, single: bool) -> None:
    """Bring every call of your VICIdial dialers, with its final disposition, into one warehouse table."""
    session: Session = context.obj
    if context.invoked_subcommand is not None:
        if single:
            raise click.UsageError("--single goes without a command")
        return
    settings = session.begin()
    with warehouse_for_writing(settings, session.stop) as warehouse:
        if single:
            session.exit(run_and_show(warehouse, settings, utc_now(), session.stop))
        run_daemon(lambda now: run_and_show(warehouse, settings, now, session.stop), settings, session.stop)
    session.exit()


def run_and_show(warehouse: Warehouse, settings: Settings, now: datetime, stop: threading.Event) -> RunResult:
    LOG.info("Starting multiprocess campaign processing")
    run = run_cycle(warehouse, settings, now, stop)
    show(run)
    return run


@cli.command(
    epilog=help_epilog(
        """
demo            begin a new demo, in the folder demo-data beside main.py
demo --again    read the same dialers fifteen minutes later, into the same file
""",
        settings="Needs no configuration and reads none.",
    )
)
@click.option("--again", is_flag=True, help="Continue the last demo, fifteen simulated minutes later.")
@click.pass_obj
def demo(session: Session, again: bool) -> None:
    """Read eight campaigns from simulated dialers. No account is needed."""
    settings = demo_settings(Path(__file__).resolve().parent / "demo-data")
    session.take_signals(settings)
    with open_stage(settings, session.stop, again=again) as stage:
        show(run_cycle(stage.warehouse, settings, stage.now, session.stop))
    click.echo(closing_lines(settings, again=again))
    session.exit()


for command in (backfill, calls_command, check, clients, forget_command, quarantine, status_command):
    cli.add_command(command)


def main() -> None:
    """Run the command line. Every error becomes one clear line and its exit code."""
    os.umask(GROUP_AND_WORLD)
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
        why = give_up_broken_streams() if isinstance(exc, OSError) else None
        if why:
            click.echo(f"Error: standard output cannot be written to: {why}. Nothing else went wrong.", err=True)
            sys.exit(1)
        error = build_file_error(exc)
        if error is not None:
            click.echo(f"Error: {error}", err=True)
            sys.exit(session.interrupted_code or exit_code_of(error))
        if not session.interrupted_code:
            raise
        show_unexpected(exc)  # the process ends before Python would print it
    finally:
        session.exit_if_interrupted()
        give_up_broken_streams()


if __name__ == "__main__":
    main()
