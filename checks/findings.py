"""Findings about one client: their names and outcomes, and the checks that need no request."""

from collections.abc import Iterator
from dataclasses import replace

from dialers.export_form import Choices
from dialers.versions import DialerVersion
from dialers.visibility import describe_choices, find_hidden_names
from errors import SyncError
from messages import Finding, SkippedRow, Source
from reports import REPORTS
from reports.builds import name_missing_abilities
from utils import one_line


def finding_about(row: Source | SkippedRow, thing: str) -> Finding:
    """Return a finding about a thing of a client. It is a success without detail so far."""
    agent = f"agent {one_line(row.identity.agent)}: " if row.identity.agent else ""
    name = f"{one_line(row.identity.client_name) or '(no client)'} ({one_line(row.identity.campaign)}): {agent}{thing}"
    return Finding(
        name=name,
        ok=True,
        detail="",
        source=row.identity,
    )


def success(source: Source, thing: str, detail: str) -> Finding:
    return replace(finding_about(source, thing), detail=detail)


def warning(source: Source, thing: str, detail: str, advice: str) -> Finding:
    return replace(finding_about(source, thing), detail=detail, advice=advice)


def failure(source: Source, thing: str, exc: SyncError) -> Finding:
    notice = exc.notice
    return replace(finding_about(source, thing), ok=False, detail=notice.happened, advice=notice.advice)


def encryption_finding(source: Source) -> Finding:
    if not source.address.is_encrypted:
        return success(source, "TLS", "none, since the URL of its row says http: the password can be read on its way")
    if not source.verify_tls:
        return warning(
            source, "TLS", "the certificate is not verified: VerifyTLS of its row is no",
            "Anybody on the way could take the dialer's place; remove VerifyTLS once the certificate is in order.",
        )  # fmt: skip
    return success(source, "TLS", "the certificate was verified")


def visibility_findings(source: Source, choices: Choices | None) -> Iterator[Finding]:
    """Compare the names in a row with the names in view of its login."""
    if choices is None:
        detail = "the form of the export page does not tell what the login may see: look at its user group yourself"
        yield success(source, "visible", detail)
        return
    hidden = find_hidden_names(source, choices)
    for name in hidden:
        yield warning(source, "visible", name.happened, name.advice)
    if not hidden:
        yield success(
            source, "visible", f"the login sees {describe_choices(choices)}, and nothing else is in the export"
        )


def build_finding(source: Source, version: DialerVersion) -> Finding:
    """Name the build of a dialer, and what is missing in it for the row's report."""
    missing = ", ".join(name_missing_abilities(version.build, source.report))
    detail = f"build {version.build:06}"
    return success(source, "VICIdial", f"{detail}, which lacks: {missing}. See docs/builds.md" if missing else detail)


def parameter_findings(source: Source, version: DialerVersion) -> Iterator[Finding]:
    """Name the parameters of a row's URL unknown to an old dialer: it shows more, or other calls."""
    known_since = REPORTS[source.report].KNOWN_SINCE
    names = [
        name for name in dict(source.parameters) if name in known_since and not known_since[name].is_in(version.build)
    ]
    if names:
        shown = " and ".join(names)
        detail = f"build {version.build:06} does not know {shown} of the row's URL, and answers as if it were not there"
        needed = max(known_since[name].since for name in names)
        advice = f"Take it out of the URL, or update the dialer to build {needed} or later."
        yield warning(source, "URL", detail, advice)
