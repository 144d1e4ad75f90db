"""Errors cross processes and are shown to operators: each survives pickling, is short, and says what to do."""

import errno
import importlib
import pickle
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import errors
from errors import Label, SyncError

ROOT = Path(__file__).resolve().parent.parent
HOST = "dialer.example:8080"
EXAMPLES: dict[type[SyncError], tuple[object, ...]] = {
    errors.SyncError: ("it failed",),
    errors.ConfigError: ("it failed",),
    errors.ClientError: ("it failed",),
    errors.TransientError: ("it failed",),
    errors.SuspectData: ("fewer calls",),
    errors.WarehouseError: ("it failed",),
    errors.WarehouseHeld: ("by run 7 on host {a}",),
    errors.SettingsInvalid: ("  BATCH_SIZE=x: allowed is {1}.",),
    errors.NoCampaigns: ("calls.duckdb",),
    errors.NobodyChosen: ("calls.duckdb", "--client 'N{o}body'"),
    errors.TableRefused: ("calls", "it lacks call_key"),
    errors.OldTable: ("p.d.calls",),
    errors.GoogleAccountMissing: ("no key file is set",),
    errors.ProjectUnknown: ("the key names none",),
    errors.RightMissing: ("a@b.iam", "run a query", "roles/bigquery.jobUser", "gcloud projects ..."),
    errors.ProjectNotReady: ("run a query", "billingNotEnabled"),
    errors.NotInBigQuery: ("table p.d.calls",),
    errors.LocationDiffers: ("p.d", "EU", "US"),
    errors.BillTooHigh: ("Query exceeded limit",),
    errors.WarehouseAway: ("no",),
    errors.WarehouseUnreachable: (60.0, "backendError"),
    errors.BigQueryRefused: ("run a query", "invalidQuery"),
    errors.ImportRefused: ("clients.csv", "line 2, url: is empty"),
    errors.OptionInvalid: ("--days", "x", "1 to 31"),
    errors.OptionRefused: ("This day is not over.", "Use an earlier one."),
    errors.PhoneKeyLost: ("data/phone.key",),
    errors.PhoneKeyMissing: ("data/phone.key",),
    errors.DemoMissing: ("demo --again",),
    errors.RowUnusable: ("url: write http:// before it",),
    errors.LoginRejected: (HOST, "rep'ort{0}", '"Example Ltd"'),
    errors.LoginUnclear: (HOST, "report", 2, "2026-03-02 10:00 UTC", '"Example Ltd"'),
    errors.AccountLocked: (HOST, "report", "2026-03-02 10:00 UTC"),
    errors.TwoFactorRequired: (HOST, "report"),
    errors.NotPermitted: (HOST, "report", "switch it on."),
    errors.AddressBlocked: (HOST, "report"),
    errors.ReportUnknown: (HOST, '"a page {with} braces"'),
    errors.PhpMessagesShown: (HOST,),
    errors.SentenceUnknown: (HOST, '"No hay llamadas"', "0a1b", "Apache PHP/8.2"),
    errors.RedirectRefused: (HOST, "https://other.example"),
    errors.DialerRefused: (HOST, 404, "/crm/vicidial/call_report_export.php"),
    errors.CertificateInvalid: (HOST, "it has expired", "Renew it."),
    errors.TLSTooOld: (HOST, "unsupported protocol"),
    errors.ClientCertificateWanted: (HOST,),
    errors.HandshakeRefused: (HOST, "handshake failure"),
    errors.EncryptionMissing: (HOST,),
    errors.GatewayFailed: (HOST, "it got no answer (HTTP 502)", None),
    errors.CampaignsUnnamed: (HOST, 150201),
    errors.NothingVisible: (f"{HOST} shows user 'report' no in-groups.", "Widen its user group."),
    errors.WrongZone: (f"{HOST} is 5 hours behind UTC, which is not Asia/Tokyo:", "Set Timezone."),
    errors.WorkerError: ("it failed",),
    errors.WorkerDied: ("Sales", "SIGKILL"),
    errors.WorkerNotStarted: ("Sales", "OSError"),
    errors.CampaignTimeout: ("Sales", "it took longer than 3600 seconds"),
    errors.CampaignStopped: ("Sales",),
    errors.CampaignNotStarted: ("Sales",),
    errors.WorkFailed: ("Sales", "KeyError in windows.py, line 7"),
    errors.DialerUnreachable: (HOST, "connection refused"),
    errors.NoTLS: (HOST,),
    errors.AuthoritiesUnusable: (HOST, "REQUESTS_CA_BUNDLE", "/etc/ca.pem", "it is not there"),
    errors.ProxyFailed: (HOST, "http://proxy.example:3128", "HTTPS_PROXY", "connection refused"),
    errors.DialerResting: (HOST, "2026-03-02 10:00", "timed out", "11:00", "NAME"),
    errors.MemoryShort: ("Sales",),
    errors.DialerBusy: (HOST, "HTTP 503", None),
    errors.DialerTimeout: (HOST, 300.0),
    errors.AnswerTooLarge: (HOST, 2048),
    errors.AnswerBroken: (HOST, "it ends inside a record"),
    errors.DialerFailed: (HOST, "user_stats.php"),
    errors.SlotUnavailable: (HOST, 2),
    errors.RequestCancelled: (HOST,),
    errors.DiskFull: ("/data/spool",),
    errors.CommitAbandoned: (30.0,),
    errors.WarehouseBusy: ("calls.duckdb", 60.0, "process 7"),
    errors.WarehouseUnusable: ("calls.duckdb", "no space"),
    errors.BatchRefused: ("a constraint",),
}
GROUPS: set[type[SyncError]] = {SyncError, *SyncError.__subclasses__()}
GROUPS -= {errors.WarehouseHeld}
THEIR_TEXT_SAYS_WHAT_TO_DO = {errors.SettingsInvalid, errors.RowUnusable, errors.WarehouseAway}


def classes(root: type[SyncError] = SyncError) -> Iterator[type[SyncError]]:
    yield root
    for kind in root.__subclasses__():
        yield from classes(kind)


def test_every_error_is_tested_here() -> None:
    for path in (*ROOT.glob("*.py"), *ROOT.glob("[!.t]*/[!_]*.py")):
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert set(classes()) == set(EXAMPLES)


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_an_error_survives_pickling(kind: type[SyncError]) -> None:
    error = kind(*EXAMPLES[kind])
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (copy.args, str(copy)) == (EXAMPLES[kind], str(error))


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_an_error_names_every_fact_that_is_meant_for_reading(kind: type[SyncError]) -> None:
    text = str(kind(*EXAMPLES[kind]))
    for place, fact in enumerate(EXAMPLES[kind]):
        if f"{{{place}" in kind.happened + kind.advice and isinstance(fact, str):
            assert fact in text or repr(fact) in text
    assert "{0" not in text.replace("rep'ort{0}", "")


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_a_label_is_a_few_words_for_the_summary(kind: type[SyncError]) -> None:
    assert 1 <= len(kind.label.split()) <= 4
    assert len(kind.label) <= 20


@pytest.mark.parametrize(
    "kind", sorted(set(EXAMPLES) - GROUPS - THEIR_TEXT_SAYS_WHAT_TO_DO, key=str), ids=lambda kind: kind.__name__
)
def test_an_error_says_what_to_do(kind: type[SyncError]) -> None:
    assert len(kind.advice) > 0
    text = str(kind(*EXAMPLES[kind]))
    assert text.endswith(kind.advice.format(*EXAMPLES[kind]))
    assert text.endswith((".", ")", "31.", "`."))


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (MemoryError(), True),
        (RuntimeError("can't start new thread"), True),
        (ImportError("x.so: failed to map segment from shared object"), True),
        (pa.ArrowException("Unknown error: Failed to launch worker thread: Resource temporarily unavailable"), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (RuntimeError("another"), False),
        (OSError(errno.ENOSPC, "No space left on device"), False),
    ],
)
def test_a_lack_of_memory_is_known_by_any_name(error: Exception, is_one: bool) -> None:
    assert errors.is_lack_of_memory(error) is is_one


def test_what_the_caller_does_next_is_decided_by_one_group() -> None:
    for kind in set(EXAMPLES) - GROUPS:
        assert sum(issubclass(kind, group) for group in GROUPS - {SyncError}) == (kind is not errors.WarehouseHeld)


def test_a_file_of_this_machine_that_is_not_as_it_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for act in (
        (tmp_path / "file" / "below").mkdir,
        (tmp_path / "file").mkdir,
        tmp_path.read_bytes,
        lambda: (tmp_path / ("x" * 300)).write_bytes(b""),
    ):
        with pytest.raises(OSError) as caught:
            act()
        assert str(tmp_path) in str(errors.build_file_error(caught.value))
    assert "no locks" in str(errors.build_file_error(OSError(errno.ENOLCK, "No locks available")))
    assert "no locks" in str(
        errors.build_file_error(NotImplementedError("FileSystem does not appear to support flock"))
    )
    assert errors.build_file_error(ConnectionResetError(104, "reset")) is None


@pytest.mark.parametrize("label", Label)
def test_a_stored_word_is_read_back_as_its_label(label: Label) -> None:
    assert Label.parse(str(label)) is label


def test_a_word_of_another_version_counts_as_a_failure() -> None:
    assert (Label.parse("out of coffee"), Label.parse(None)) == (Label.FAILED, None)
