"""`main.py check`: prints what the checks of settings, warehouse and clients found."""

import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout

import click

from checks.clients import ClientChoice
from checks.requirements import run_checks
from commands.exit_codes import ALL_WELL, CONFIGURATION, SOME_FAILED, UNUSABLE
from commands.help_texts import help_epilog
from commands.output import WARNING_MARK, marks
from commands.sessions import Session
from config import SETTINGS, Settings
from messages import Finding
from utils import one_line, plural

FIELDS = ("name", "ok", "detail", "advice")
FIELDS_OF_CLIENT = ("campaign", "client_id", "client_name")


@click.command(
    epilog=help_epilog(
        """
check
check --client "Example Ltd"
check --client "Example Ltd" --retry     also try accounts refused before
check --json > check.json
""",
        remarks="""The tables stay unchanged: all writes are taken back. An account that its dialer refuses is asked
once and not again, as in a cycle: the refusal is noted in DATA_DIR. A daemon may hold the warehouse meanwhile.""",
        settings="""Environment: as for the daemon (docs/settings.md), above all WAREHOUSE, DATA_DIR, DUCKDB_PATH,
PROJECT_ID, DATASET_ID, CREDENTIALS_TABLE, OUTPUT_TABLE, SERVICE_ACCOUNT_PATH and CONCURRENT_REQUESTS.""",
    )
)
@click.option("--campaign", help="Test only the clients of this campaign.")
@click.option("--client", help="Test only this client, by ClientName or ClientID.")
@click.option("--retry", is_flag=True, help="With --client: try its refused passwords again.")
@click.option("--json", "for_programs", is_flag=True, help="Print one JSON object. The log goes to stderr.")
@click.pass_obj
def check(session: Session, campaign: str | None, client: str | None, retry: bool, for_programs: bool) -> None:
    """Test settings, warehouse, rights and every client. Each failure comes with its fix."""
    settings = session.begin()
    choice = ClientChoice(campaign=campaign, client=client, retry=retry)
    findings: list[Finding] = []
    if for_programs:
        with redirect_stdout(sys.stderr):
            findings += run_checks(settings, choice, session.stop)
        click.echo(render_json(settings, findings, complete=not session.stop.is_set()))
    else:
        click.echo("\n".join([*settings.lines(), ""]))
        tick, cross = marks()
        for finding in run_checks(settings, choice, session.stop):
            findings.append(finding)
            click.echo(render_finding(finding, tick=tick, cross=cross))
        if not session.stop.is_set():
            click.echo(f"\n{closing_line(findings)}")
    sys.exit(session.interrupted_code or exit_code(findings))


def render_finding(finding: Finding, *, tick: str, cross: str) -> str:
    """Return a finding for people. Advice stands in a line of its own."""
    mark = cross if not finding.ok else WARNING_MARK if finding.advice else tick
    line = f"{mark} {finding.name}: {one_line(finding.detail, limit=1000)}"
    return f"{line}\n    {one_line(finding.advice, limit=1000)}" if finding.advice else line


def closing_line(findings: Sequence[Finding]) -> str:
    """Count the findings of each kind, for people."""
    failed = sum(not finding.ok for finding in findings)
    warnings = sum(finding.ok and bool(finding.advice) for finding in findings)
    counts = [f"{failed} failed"] * bool(failed) + [f"{warnings} to look at"] * bool(warnings)
    return f"{plural(len(findings), 'check')}: {', '.join(counts) or 'all well'}"


def render_json(settings: Settings, findings: Sequence[Finding], *, complete: bool) -> str:
    """Return everything as one JSON object, for programs. After an interruption it is not complete, and never well."""
    checks = [
        {name: getattr(finding, name) for name in FIELDS}
        | {name: getattr(finding.source, name, None) for name in FIELDS_OF_CLIENT}
        for finding in findings
    ]
    values = {known.name: known.text(getattr(settings, known.attribute)) for known in SETTINGS}
    ok = complete and all(finding.ok for finding in findings)
    return json.dumps({"ok": ok, "complete": complete, "settings": values, "checks": checks}, indent=2)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return the exit code. A setting or right comes before the warehouse, and clients come last.

    Whoever repairs the setting may find the warehouse usable.
    """
    failed = [finding for finding in findings if not finding.ok and finding.source is None]
    if not failed:
        return ALL_WELL if all(finding.ok for finding in findings) else SOME_FAILED
    return UNUSABLE if all(finding.unusable for finding in failed) else CONFIGURATION
