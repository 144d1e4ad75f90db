"""`main.py check`, one host: its clients are tried one after the other, each with three requests at most.

The cost for the dialer matters: one failed login per account, and none with a password that was refused before.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path

import logs
from checks.findings import (
    build_finding,
    encryption_finding,
    failure,
    finding_about,
    parameter_findings,
    success,
    visibility_findings,
    warning,
)
from checks.report_trials import try_report
from config import Settings
from data_fetcher import Dialer
from dialers.export_form import Choices
from dialers.export_form_cache import CachedChoices
from dialers.login_notes import find_refusal_time
from dialers.unreachable_hosts import FOUND_SILENT, UnreachableHosts
from dialers.utc_offset_cache import UtcOffsetCache
from dialers.versions import DialerVersion, clock_warnings
from dialers.visibility import explain_failure
from errors import (
    AccountLocked,
    AddressBlocked,
    AuthoritiesUnusable,
    CertificateInvalid,
    ClientCertificateWanted,
    DialerFailed,
    DialerTimeout,
    DialerUnreachable,
    HandshakeRefused,
    LoginRejected,
    LoginUnclear,
    NotPermitted,
    ProxyFailed,
    RedirectRefused,
    SyncError,
    TLSTooOld,
    TwoFactorRequired,
    redact_error,
)
from messages import DialerAddress, Finding, RefusedAccount, ShownOffset, Source
from reading.unnamed_campaigns import refuse_unnamed_campaigns
from reports.call_report_export import NAME as CALL_REPORT_EXPORT
from utils import utc_now

LOGIN_ERRORS = (LoginRejected, LoginUnclear, AccountLocked, TwoFactorRequired, AddressBlocked)
TLS_ERRORS = (CertificateInvalid, ClientCertificateWanted, HandshakeRefused, TLSTooOld)
HOST_ERRORS = (DialerUnreachable, DialerTimeout, ProxyFailed, AuthoritiesUnusable)
"""Errors of every further request to that origin as well."""
RETRY_ADVICE = (
    "Correct the password in its row and import it, `python main.py clients import FILE.csv`. If the account was"
    " repaired on the dialer instead:"
    " `python main.py check --retry --client {0}`, or `python main.py clients retry {0}`."
)


class HostCheck:
    """The check of one host's clients, in one thread. Facts about the host are asked for once."""

    def __init__(
        self, refusals: Sequence[RefusedAccount], settings: Settings, *, hasty: Settings, run_id: str, download: Path,
        give_up: Callable[[], bool],
    ) -> None:  # fmt: skip
        """Prepare a check.

        Args:
            refusals: refused passwords as the warehouse remembers them.
            hasty: settings for requests without a password. They spend none of the few tries with it.
            download: path for answers.
            give_up: returns true once the check must end.
        """
        self._refusals = refusals
        self._hasty = hasty
        self._settings = settings
        self._run_id = run_id
        self._download = download
        self._give_up = give_up
        self._versions: dict[tuple[DialerAddress, bool], DialerVersion | SyncError] = {}
        self._unreachable = UnreachableHosts(settings.data_dir)
        self._shown: dict[DialerAddress, ShownOffset] = {}
        """Offset of each dialer's clock, as its calls have shown."""

    def check(self, sources: Sequence[Source], found: dict[str, Future[list[Finding]]]) -> None:
        """Check each source and set its findings. Nothing is raised."""
        for source in sources:
            logs.hide(source.password)
            try:
                findings = list(self._check_source(source))
            except Exception as exc:  # noqa: BLE001 - a client's failure stays with the client
                findings = [replace(finding_about(source, "check"), ok=False, detail=redact_error(exc))]
            found[source.key].set_result(findings)

    def _check_source(self, source: Source) -> Iterator[Finding]:
        """Check one thing after another. A failure leaves out everything that depends on it."""
        with self._dialer(source, self._settings) as dialer:
            try:
                reply = self._ask_version(source)
            except TLS_ERRORS as exc:
                yield success(source, "reachable", f"{source.host} accepts connections")
                yield failure(source, "TLS", exc)
                return
            except SyncError as exc:
                yield failure(source, "reachable", exc)
                return
            yield success(source, "reachable", f"{source.host} answers")
            yield encryption_finding(source)
            if isinstance(reply, RedirectRefused):
                yield failure(source, "VICIdial", reply)  # before a password goes there
            elif isinstance(reply, DialerVersion):
                yield build_finding(source, reply)
                yield from parameter_findings(source, reply)
                found = list(self._check_report_access(source, dialer, reply))  # its calls tell the zone of its clock
                yield from self._check_clock(source, reply)
                yield from found
            else:
                yield from self._check_without_version(source, dialer)

    def _dialer(self, source: Source, settings: Settings) -> Dialer:
        patience = self._hasty.request_timeout.total_seconds()  # for a connection, which a run may have
        until = time.monotonic() + patience
        return Dialer(source, settings, self._run_id, cancelled=self._give_up, until=until)

    def _ask_version(self, source: Source) -> DialerVersion | SyncError:
        """Ask for build and clock, once for all rows with the same address."""
        if self._unreachable.is_silent(source.address.origin, self._run_id):
            raise DialerUnreachable(source.host, FOUND_SILENT)
        key = source.address, source.verify_tls
        if key not in self._versions:
            try:
                with self._dialer(source, self._hasty) as dialer:
                    self._versions[key] = dialer.ask_version()
            except HOST_ERRORS:
                self._unreachable.note_silence(source.address.origin, self._run_id)
                raise
        return self._versions[key]

    def _check_without_version(self, source: Source, dialer: Dialer) -> Iterator[Finding]:
        """Check a dialer without the version page. It is no dialer at all only if its report is missing too."""
        first, *rest = self._check_report_access(source, dialer, None)
        if not first.ok and first.name == finding_about(source, "report").name:
            yield replace(first, name=finding_about(source, "VICIdial").name)
            return
        yield warning(source, "VICIdial", "it does not tell its build", "Allow non_agent_api.php?function=version.")
        advice = f"Make sure yourself that its clock runs in {source.timezone}, the Timezone of its row."
        yield warning(source, "clock", "it does not tell its time", advice)
        yield first
        yield from rest

    def _check_report_access(self, source: Source, dialer: Dialer, version: DialerVersion | None) -> Iterator[Finding]:
        """Check login, rights, report and visible names with one small report. A refused password is not tried."""
        well, failed = partial(success, source), partial(failure, source)
        names = CachedChoices(self._download.parent, source, dialer.choices)
        since = self._describe_refusal_time(source)
        if since is not None:
            detail = f"user {source.username!r} is not tried: {source.host} refused this password {since}"
            yield replace(
                finding_about(source, "login"), ok=False, detail=detail, advice=RETRY_ADVICE.format(source.argument)
            )
            return
        try:
            if version is not None:
                refuse_unnamed_campaigns(source, version)
            trial = try_report(source, dialer, version, names, self._download)
        except LOGIN_ERRORS as exc:
            yield failed("login", exc)
            return
        except NotPermitted as exc:
            yield well("login", f"user {source.username!r} may log in")
            yield failed("rights", exc)
            return
        except DialerFailed as exc:
            choices = self._choices(source, names)
            cause = explain_failure(source, choices) if choices else None
            yield failed("report", cause or exc)
            return
        except SyncError as exc:
            if isinstance(exc, HOST_ERRORS):
                self._unreachable.note_silence(source.address.origin, self._run_id)
            yield failed("report", exc)
            return
        yield well("login", f"user {source.username!r} may log in")
        yield well("rights", f"it may read {source.report}")
        yield trial.finding
        if trial.offset is not None:
            self._shown[source.address] = trial.offset
        if source.report == CALL_REPORT_EXPORT:
            yield from visibility_findings(source, self._choices(source, names))

    def _check_clock(self, source: Source, version: DialerVersion) -> Iterator[Finding]:
        clock = UtcOffsetCache(self._settings.data_dir / "slots", source.address)
        warnings = list(clock_warnings(version, source, utc_now(), self._shown.get(source.address) or clock.read()))
        for each in warnings:
            yield replace(finding_about(source, "clock"), ok=False, detail=each.happened, advice=each.advice)
        if not warnings:
            yield success(source, "clock", f"right, and in {source.timezone} as far as its calls and its version tell")

    def _choices(self, source: Source, names: CachedChoices) -> Choices | None:
        """Ask once for the names that a login may see. None if the dialer does not tell."""
        try:
            return names.refresh_daily() if source.report == CALL_REPORT_EXPORT else None
        except SyncError:
            return None

    def _describe_refusal_time(self, source: Source) -> str | None:
        """Return the time of the password's refusal in words. None if it was not refused."""
        refused_at = find_refusal_time(source, self._refusals, self._settings.data_dir / "accounts")
        return None if refused_at is None else f"at {refused_at:%Y-%m-%d %H:%M} UTC"
