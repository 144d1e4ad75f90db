"""Reports of `check` on BigQuery: each missing right with its role and the command that grants it, and the rest.

A right is missing where the proxy says so, in Google's words or in words that name no permission.
"""

import json
import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config import Settings
from database import open_warehouse
from messages import Finding
from tests.bigquery.emulators import Emulator
from tests.bigquery.faults import cut_before, refused
from tests.bigquery.proxy import FaultProxy, When

ON_PROJECT, ON_DATASET = "gcloud projects add-iam-policy-binding test-project", "ON SCHEMA"
JOB_USER, EDITOR, VIEWER = "roles/bigquery.jobUser", "roles/bigquery.dataEditor", "roles/bigquery.dataViewer"


@pytest.fixture(scope="module")
def prepared(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a dataset with its tables in place, past the proxy."""
    settings = Settings(
        warehouse="bigquery",
        bigquery_emulator_host=emulator.url,
        project_id=emulator.project,
        dataset_id=emulator.new_dataset(kept=True),
        data_dir=tmp_path_factory.mktemp("data"),
        bigquery_retry=timedelta(),
    )
    opened = open_warehouse(settings)
    with opened.lease():
        opened.prepare()
    opened.close()
    return settings


@pytest.fixture
def settings(prepared: Settings, proxy: FaultProxy) -> Settings:
    return replace(prepared, bigquery_emulator_host=proxy.url)


def found(settings: Settings) -> list[Finding]:
    opened = open_warehouse(settings)
    try:
        return list(opened.checks())
    finally:
        opened.close()


def staging(settings: Settings, emulator: Emulator) -> list[str]:
    listed = emulator.rows(f"SELECT table_name FROM {settings.dataset_id}.INFORMATION_SCHEMA.TABLES")
    return [str(row["table_name"]) for row in listed if str(row["table_name"]).startswith("staging")]


@dataclass(frozen=True)
class Denied:
    """A right that is taken away: the calls that need it, Google's message, and the text for the operator."""

    when: When
    message: str
    row: str
    role: str
    scope: str = ON_DATASET
    left_out: tuple[str, ...] = ()
    """Rows of the report that depend on it."""


def says(part: str) -> When:
    return lambda seen: part in (seen.statement or "")


def asks(kind: str, table: str = "") -> When:
    return lambda seen: seen.kind == kind and seen.path.removesuffix("/data").endswith(table)


NO_DATASET = "Access Denied: Dataset p:d: Permission bigquery.datasets.get denied on dataset p:d (or it may not exist)."
NO_JOBS = "Access Denied: Project p: User does not have bigquery.jobs.create permission in project p."
NO_DATA = "Access Denied: Table p:d.t: Permission bigquery.tables.getData denied on table p:d.t (or it may not exist)."
NO_VIEW = "Access Denied: Table p:d.t: User does not have permission to query table p:d.t, or it does not exist."
NO_TABLE = "Access Denied: Table p:d.t: Permission bigquery.tables.get denied on table p:d.t (or it may not exist)."
NO_MAKING = "Access Denied: Dataset p:d: Permission bigquery.tables.create denied on dataset p:d."
NO_CHANGE = "Access Denied: Table p:d.t: Permission bigquery.tables.updateData denied on table p:d.t."
NO_DROP = "Access Denied: Table p:d.t: Permission bigquery.tables.delete denied on table p:d.t."
RIGHTS = {
    "datasets.get": Denied(asks("get_dataset"), NO_DATASET, "dataset", EDITOR),
    "jobs.create of a query": Denied(says("SELECT 1"), NO_JOBS, "query", JOB_USER, ON_PROJECT, ("change data",)),
    "tables.getData of the credentials": Denied(asks("rows", "credentials"), NO_DATA, "credentials", VIEWER),
    "tables.get of the credentials": Denied(asks("get_table", "/credentials"), NO_TABLE, "credentials", VIEWER),
    "tables.get of the calls": Denied(asks("get_table", "/calls"), NO_TABLE, "tables", EDITOR),
    "tables.create": Denied(
        asks("create_table"), NO_MAKING, "make a table", EDITOR, left_out=("load a file", "drop a table")
    ),
    "jobs.create of a load": Denied(asks("start_upload"), NO_JOBS, "load a file", JOB_USER, ON_PROJECT),
    "tables.updateData": Denied(says("INSERT INTO"), NO_CHANGE, "change data", EDITOR),
    "tables.delete": Denied(asks("delete_table"), NO_DROP, "drop a table", EDITOR),
    "tables.getData of the lease": Denied(asks("rows", "leases"), NO_DATA, "lease", VIEWER),
}
ALSO = {"tables.get of the credentials": {"tables"}}
"""Rows that need the same right."""


@pytest.mark.parametrize("names_it", [True, False], ids=["named by Google", "not named"])
@pytest.mark.parametrize("right", RIGHTS)
def test_a_missing_right_is_named_with_its_role_and_the_others_are_tried(
    settings: Settings, proxy: FaultProxy, right: str, names_it: bool
) -> None:
    denied = RIGHTS[right]
    everything = [each.name for each in found(settings)]
    proxy.clear()
    proxy.deny(denied.when, denied.message if names_it else "Access Denied")
    findings = found(settings)
    assert [each.name for each in findings] == [name for name in everything if name not in denied.left_out]
    failed = {each.name: each for each in findings if not each.ok}
    assert failed.keys() == {denied.row} | ALSO.get(right, set())
    told = failed[denied.row]
    assert f"the role {denied.role} is missing" in told.detail
    assert denied.scope in told.advice
    assert denied.role in told.advice
    assert not told.unusable
    if denied.scope == ON_DATASET:
        assert f"{settings.project_id}.{settings.dataset_id}" in told.advice


def test_a_role_on_the_credentials_is_named_for_their_own_dataset(
    settings: Settings, proxy: FaultProxy, emulator: Emulator
) -> None:
    elsewhere = emulator.new_dataset()
    emulator.rows(f"CREATE SCHEMA {elsewhere}")
    emulator.rows(f"CREATE VIEW {elsewhere}.mine AS SELECT * FROM {settings.dataset_id}.credentials")
    settings = replace(settings, credentials_table=f"{elsewhere}.mine")
    assert [each for each in found(settings) if not each.ok] == []
    proxy.deny(lambda seen: elsewhere in (seen.statement or ""), NO_VIEW)
    (failed,) = [each for each in found(settings) if not each.ok]
    assert failed.name == "credentials"
    assert VIEWER in failed.advice
    assert f"ON SCHEMA \\`{emulator.project}.{elsewhere}\\`" in failed.advice


def test_several_missing_rights_are_all_reported_at_once(settings: Settings, proxy: FaultProxy) -> None:
    proxy.deny(lambda seen: seen.kind in ("query", "load", "start_upload"), NO_JOBS)
    proxy.deny(asks("rows", "credentials"), NO_DATA)
    failed = [each for each in found(settings) if not each.ok]
    assert [each.name for each in failed] == ["query", "credentials", "load a file"]
    assert [JOB_USER in each.advice for each in failed] == [True, False, True]


def test_without_a_dataset_only_what_can_be_known_is_tried(
    settings: Settings, proxy: FaultProxy, emulator: Emulator
) -> None:
    findings = found(replace(settings, dataset_id=emulator.new_dataset()))
    assert [each.name for each in findings if not each.ok] == []
    (dataset,) = [each.detail for each in findings if each.name == "dataset"]
    assert "roles/bigquery.user on the project" in dataset
    assert {"create_dataset", "create_table", "start_upload"}.isdisjoint(seen.kind for seen in proxy.seen)


def test_a_missing_foreign_dataset_is_not_made_by_a_run(settings: Settings, emulator: Emulator) -> None:
    for changed in ({"credentials_table": "nowhere.credentials"}, {"output_table": "nowhere.calls"}):
        (failed,) = [each for each in found(replace(settings, **changed)) if not each.ok]  # type: ignore[arg-type]
        assert "BigQuery has no dataset test-project.nowhere" in failed.detail
        assert not failed.unusable


def test_another_location_is_reported_and_no_job_is_sent_into_it(settings: Settings, proxy: FaultProxy) -> None:
    (failed,) = [each for each in found(replace(settings, bigquery_location="EU")) if not each.ok]
    assert (failed.name, failed.unusable) == ("dataset", False)
    assert "start_upload" not in {seen.kind for seen in proxy.seen}


def test_a_bigquery_that_does_not_answer_is_asked_once(settings: Settings, proxy: FaultProxy) -> None:
    proxy.inject(cut_before(), lambda seen: True, times=None)
    failed = [each for each in found(settings) if not each.ok]
    assert [(each.name, each.unusable) for each in failed] == [("dataset", True)]


def test_the_staging_table_expires_where_it_cannot_be_dropped(
    settings: Settings, proxy: FaultProxy, emulator: Emulator
) -> None:
    proxy.deny(asks("delete_table"), NO_DROP)
    before = set(staging(settings, emulator))
    found(settings)
    (left,) = set(staging(settings, emulator)) - before
    expires = emulator.client().get_table(f"{settings.dataset_id}.{left}").expires
    assert expires is not None
    proxy.allow()
    found(settings)
    assert set(staging(settings, emulator)) == before | {left}


def test_a_lease_that_has_expired_is_held_by_nobody(settings: Settings, emulator: Emulator) -> None:
    opened = open_warehouse(settings)
    with opened.lease():
        held = (
            f"UPDATE {settings.dataset_id}.leases SET expires_at = TIMESTAMP_{{}}(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)"
        )
        emulator.rows(f"{held.format('ADD')} WHERE name = 'writer'")
        assert found(settings)[-1].detail.startswith("held by process ")
        emulator.rows(f"{held.format('SUB')} WHERE name = 'writer'")
        assert found(settings)[-1].detail == "no daemon or command holds the warehouse"
    opened.close()


def test_a_refused_account_is_reported_once_and_not_as_a_missing_role(settings: Settings, proxy: FaultProxy) -> None:
    proxy.inject(refused(401, "authError", "Invalid Credentials"), lambda seen: True, times=None)
    (failed,) = [each for each in found(settings) if not each.ok]
    assert (failed.name, failed.unusable) == ("dataset", False)
    assert failed.detail == "There is no account to use BigQuery with: Google did not accept the key or login."
    assert "Set SERVICE_ACCOUNT_PATH" in failed.advice


class Refusing(BaseHTTPRequestHandler):
    """An address for the exchange of a key for a token, where the key is unknown."""

    def do_POST(self) -> None:
        self.send_response(400)
        self.end_headers()
        self.wfile.write(b'{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}')

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_a_deleted_key_is_reported_as_such(tmp_path: Path) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        token_uri = f"http://127.0.0.1:{server.server_port}/token"
        key = {"type": "service_account", "project_id": "my-project", "private_key_id": "1", "private_key": pem,
               "client_email": "sync@my-project.iam.gserviceaccount.com", "token_uri": token_uri}  # fmt: skip
        path = tmp_path / "key.json"
        path.write_text(json.dumps(key), encoding="utf-8")
        findings = found(Settings(service_account_path=path, data_dir=tmp_path, bigquery_retry=timedelta()))
        server.shutdown()
    account, failed = findings[-2:]
    assert account.detail == "sync@my-project.iam.gserviceaccount.com in the project my-project"
    assert "Google did not accept the key or login" in failed.detail
